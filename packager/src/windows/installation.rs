//! An interpreter for Windows on disk: an embeddable package, an installation, a python-build-standalone archive.

use super::WindowsError;
use crate::archives::Unpacker;
use crate::inputs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where the standard library's Python modules are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modules {
    /// In `python3X.zip`, as bytecode: the embeddable package.
    Zipped,
    /// In `Lib`, as sources.
    Folder,
}

/// An interpreter, its archives unpacked.
#[derive(Debug)]
pub(super) struct Installation {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// `python3X.dll`
    pub(super) library: PathBuf,
    /// X, by the library's name.
    pub(super) minor: u8,
    /// The folder of `os.py` or `os.pyc`.
    pub(super) stdlib: PathBuf,
    /// The folder of extension modules.
    pub(super) extensions: PathBuf,
    /// How its modules come.
    pub(super) modules: Modules,
    /// The magic number of its bytecode, in hexadecimal, where it comes with some.
    pub(super) magic: Option<String>,
    /// What was unpacked for this build alone.
    pub(super) unpacked: Option<TempDir>,
}

impl Installation {
    /// Opens what is at `path`: a zip, a folder, or a program in it. Archives are unpacked beside the cache of builds, and
    /// used again.
    pub(super) fn open(path: &Path, cache: Option<&Path>) -> Result<Self, WindowsError> {
        let mut unpacker = Unpacker::new(cache, "pack-python");

        let is_zip = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("zip"));
        let folder = if inputs::is_folder(path) {
            path.to_owned()
        } else if is_zip {
            unpacked(&mut unpacker, path)?
        } else {
            // `python.exe`
            path.parent().unwrap_or(path).to_owned()
        };
        // python-build-standalone's archives have one folder at their top.
        let inner = folder.join("python");
        let folder = match library(&folder)? {
            Some(_) => folder,
            None if inputs::is_folder(&inner) => inner,
            None => folder,
        };
        let (library, minor) = library(&folder)?.ok_or_else(|| WindowsError::NoPython {
            path: path.to_owned(),
        })?;
        let zipped = folder.join(format!("python3{minor}.zip"));
        if inputs::is_folder(&folder.join("Lib")) {
            let extensions = folder.join("DLLs");
            return Ok(Self {
                stdlib: folder.join("Lib"),
                modules: Modules::Folder,
                magic: None,
                unpacked: unpacker.into_own(),
                folder,
                library,
                minor,
                extensions,
            });
        }
        if !inputs::is_file(&zipped) {
            return Err(WindowsError::Incomplete {
                path: folder,
                what: "standard library (`Lib` or `python3X.zip`)",
            });
        }
        let stdlib = unpacked(&mut unpacker, &zipped)?;
        Ok(Self {
            magic: magic(&stdlib)?,
            extensions: folder.clone(),
            modules: Modules::Zipped,
            unpacked: unpacker.into_own(),
            folder,
            library,
            minor,
            stdlib,
        })
    }
}

fn unpacked(unpacker: &mut Unpacker<'_>, path: &Path) -> Result<PathBuf, WindowsError> {
    unpacker
        .folder_of(path)
        .map_err(|source| WindowsError::Read {
            path: path.to_owned(),
            source,
        })
}

/// `python3X.dll` in `folder`, and X. Not `python3.dll`, which passes on to it.
fn library(folder: &Path) -> Result<Option<(PathBuf, u8)>, WindowsError> {
    let entries = inputs::entries(folder).map_err(|source| WindowsError::Read {
        path: folder.to_owned(),
        source,
    })?;
    let minor = |path: &Path| {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        name.strip_prefix("python3")?
            .strip_suffix(".dll")?
            .parse()
            .ok()
    };
    let found = entries.iter().map(std::fs::DirEntry::path);
    Ok(found
        .filter_map(|path| Some((minor(&path)?, path)))
        .max()
        .map(|(minor, path)| (path, minor)))
}

/// The first four bytes of the standard library's bytecode.
fn magic(stdlib: &Path) -> Result<Option<String>, WindowsError> {
    let path = stdlib.join("os.pyc");
    if !inputs::is_file(&path) {
        return Ok(None);
    }
    let bytes = inputs::read(&path).map_err(|source| WindowsError::Read { path, source })?;
    Ok(bytes
        .first_chunk::<4>()
        .map(|head| format!("{:08x}", u32::from_be_bytes(*head))))
}
