//! An interpreter of this machine that compiles for one of another system: bytecode is the same on all systems.

use crate::facts::InterpreterFacts;
use crate::inputs;
use std::path::{Path, PathBuf};

/// A CPython of this version, in places where they usually are. That there is none is noted, too: a later build finds the
/// one that was installed meanwhile.
pub(super) fn find(version: (u8, u8)) -> Option<InterpreterFacts> {
    let candidates = candidates(version);
    let mut there = candidates.iter().filter(|path| inputs::is_file(path));
    there.find_map(|path| {
        let facts = InterpreterFacts::ask(path).ok()?;
        ((facts.version.0, facts.version.1) == version).then_some(facts)
    })
}

fn candidates((major, minor): (u8, u8)) -> Vec<PathBuf> {
    let name = format!("python{major}.{minor}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute() && !folder.ends_with("shims"))
        .map(|folder| folder.join(&name))
        .collect();
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(home.as_ref()?.join(".pyenv")));
    let uv = std::env::var_os("UV_PYTHON_INSTALL_DIR").map(PathBuf::from);
    let uv = uv.or_else(|| Some(home.as_ref()?.join(".local/share/uv/python")));
    let folders = [pyenv.map(|root| root.join("versions")), uv];
    let of_version = |folder: &Path| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("{major}.{minor}."))
            || name.starts_with(&format!("cpython-{major}.{minor}."))
    };
    for folder in folders.into_iter().flatten() {
        let mut versions: Vec<PathBuf> = inputs::entries(&folder)
            .unwrap_or_default()
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(|folder| of_version(folder))
            .collect();
        versions.sort();
        found.extend(
            versions
                .into_iter()
                .rev()
                .map(|version| version.join("bin").join(&name)),
        );
    }
    found
}
