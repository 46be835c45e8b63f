//! The scripts that Tcl and Tk read when they start. Their libraries know a folder of the machine that they were built for,
//! and without the scripts of their own version no Tcl starts.

use super::CollectError;
use super::bundle::Bundle;
use super::data::{data_file, files_of};
use crate::collection::{CollectedFile, FileSource};
use crate::facts::InterpreterFacts;
use crate::inputs;
use payload::ArchivePath;
use std::path::{Path, PathBuf};

/// What no program reads: examples, and what C programs are built with.
const LEFT_OUT: [&str; 4] = ["demos/", ".lib", ".sh", ".a"];

/// Places them where `pack_runtime/tk.py` looks for them, beside each other as Tcl wants to find them, where `_tkinter` goes in.
pub(super) fn collect(
    bundle: &mut Bundle<'_>,
    facts: &InterpreterFacts,
) -> Result<(), CollectError> {
    if !bundle.has_module("_tkinter") {
        return Ok(());
    }
    let Some((tcl, version)) = folder_of_tcl(bundle, facts) else {
        // Since Tcl 9 they may be inside of its library.
        return Ok(());
    };
    let major = version.split('.').next().unwrap_or_default();
    let around = tcl.parent().unwrap_or(&tcl);
    let tk = format!("tk{version}");
    let modules = format!("tcl{major}");
    let places = [
        (tcl.clone(), format!("tcl{version}")),
        (around.join(&tk), tk),
        // Tcl's own modules, by the least version that each is for.
        (around.join(&modules), modules.clone()),
        // Debian has them in Tcl's folder, which its library knows by its path alone.
        (tcl.join(&modules), format!("{modules}/{version}")),
    ];
    for (folder, name) in places {
        place(bundle, &folder, &name)?;
    }
    Ok(())
}

fn place(bundle: &mut Bundle<'_>, folder: &Path, name: &str) -> Result<(), CollectError> {
    if !inputs::is_folder(folder) {
        return Ok(());
    }
    for (path, below) in files_of(folder)? {
        let below = below.map(|below| below.replace('\\', "/"));
        let wanted = below.filter(|below| {
            let is_of = |part: &&str| below.starts_with(*part) || below.ends_with(*part);
            !LEFT_OUT.iter().any(is_of)
        });
        let dest = wanted.and_then(|below| ArchivePath::new(format!("lib/{name}/{below}")).ok());
        if let Some(dest) = dest {
            bundle.add(data_file(path, dest, "scripts of Tcl and Tk".to_owned()));
        }
    }
    Ok(())
}

/// The folder of `init.tcl`, and the version that it is named by: that which Tcl's library names, else where installations
/// of Python have their own.
fn folder_of_tcl(bundle: &Bundle<'_>, facts: &InterpreterFacts) -> Option<(PathBuf, String)> {
    let libraries = bundle.files().iter().filter_map(library_of_tcl);
    let named = libraries
        .filter_map(|library| inputs::read(library).ok())
        .flat_map(|library| paths_in(&library));
    let installed = ["tcl", "lib"].into_iter().flat_map(|below| {
        let mut folders: Vec<PathBuf> = inputs::entries(&facts.base_prefix.join(below))
            .unwrap_or_default()
            .iter()
            .map(std::fs::DirEntry::path)
            .collect();
        folders.sort();
        folders
    });
    named.chain(installed).find_map(|folder| {
        let version = version_of(&folder)?.to_owned();
        inputs::is_file(&folder.join("init.tcl")).then_some((folder, version))
    })
}

fn library_of_tcl(file: &CollectedFile) -> Option<&Path> {
    let FileSource::Path(path) = &file.source else {
        return None;
    };
    let name = path.file_name()?.to_str()?;
    (name.starts_with("libtcl") && name.contains(".so")).then_some(path)
}

/// `8.6` of `/usr/share/tcltk/tcl8.6`
fn version_of(folder: &Path) -> Option<&str> {
    let version = folder.file_name()?.to_str()?.strip_prefix("tcl")?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (major, minor) = version.split_once('.')?;
    (is_number(major) && is_number(minor)).then_some(version)
}

/// The absolute paths of folders of Tcl's that stand in a library.
fn paths_in(library: &[u8]) -> Vec<PathBuf> {
    library
        .split(|byte| !byte.is_ascii_graphic())
        .filter(|text| text.starts_with(b"/"))
        .filter_map(|text| std::str::from_utf8(text).ok())
        .map(PathBuf::from)
        .filter(|path| version_of(path).is_some())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_library_says_of_its_folder() {
        let library = b"\x7fELF\0/usr/share/tcltk/tcl8.6\0/usr/include/tcl8.6/x\0\x01/opt/tcl9.0\nlib/tcl8.5\0/tcl\0";
        let expected = ["/usr/share/tcltk/tcl8.6", "/opt/tcl9.0"].map(PathBuf::from);
        assert_eq!(paths_in(library), expected);
        for (folder, version) in [
            ("/a/tcl8.6", Some("8.6")),
            ("/a/tcl8", None),
            ("/a/tcl8.6.", None),
            ("/a/tcltk", None),
            ("/a/tk8.6", None),
        ] {
            assert_eq!(version_of(Path::new(folder)), version, "{folder}");
        }
    }
}
