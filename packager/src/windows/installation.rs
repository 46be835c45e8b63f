//! An interpreter for Windows on disk: an embeddable package, an installation, a python-build-standalone archive.

use super::WindowsError;
use crate::inputs;
use std::io::{self, Read as _};
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
        let mut unpacker = Unpacker { cache, own: None };
        let is_zip = path
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("zip"));
        let folder = if inputs::is_folder(path) {
            path.to_owned()
        } else if is_zip {
            unpacker.folder_of(path)?
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
                unpacked: unpacker.own,
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
        let stdlib = unpacker.folder_of(&zipped)?;
        Ok(Self {
            magic: magic(&stdlib)?,
            extensions: folder.clone(),
            modules: Modules::Zipped,
            unpacked: unpacker.own,
            folder,
            library,
            minor,
            stdlib,
        })
    }
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

/// Unpacks archives once.
struct Unpacker<'a> {
    cache: Option<&'a Path>,
    own: Option<TempDir>,
}

impl Unpacker<'_> {
    /// The folder with what is in the zip at `path`.
    fn folder_of(&mut self, path: &Path) -> Result<PathBuf, WindowsError> {
        let failed = |source| WindowsError::Read {
            path: path.to_owned(),
            source,
        };
        let bytes = inputs::read(path).map_err(failed)?;
        let key = crate::cache::key(&[b"windows-python 1", &bytes]);
        let name: String = key
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let base = self.base().map_err(failed)?;
        let folder = base.join(&name);
        if inputs::is_folder(&folder) {
            return Ok(folder);
        }
        // Whole or not at all: built beside its place.
        let fresh = tempfile::Builder::new()
            .prefix(".unpacking-")
            .tempdir_in(&base)
            .map_err(failed)?;
        unpack(bytes, fresh.path()).map_err(failed)?;
        let fresh = fresh.keep();
        if let Err(error) = fs_err::rename(&fresh, &folder) {
            let _ = fs_err::remove_dir_all(&fresh);
            // Another build was as quick.
            if !folder.is_dir() {
                return Err(failed(error));
            }
        }
        inputs::note_path(&folder);
        Ok(folder)
    }

    fn base(&mut self) -> io::Result<PathBuf> {
        if let Some(cache) = self.cache {
            let base = cache.with_file_name("pack-python");
            fs_err::create_dir_all(&base)?;
            return Ok(base);
        }
        let own = match self.own.take() {
            Some(own) => own,
            None => tempfile::tempdir()?,
        };
        Ok(self.own.insert(own).path().to_owned())
    }
}

/// No file of a Python is larger.
const MAX_FILE: u64 = 256 << 20;

fn unpack(bytes: Vec<u8>, folder: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(io::Error::other)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(io::Error::other)?;
        let name = payload::ArchivePath::new(name).map_err(io::Error::other)?;
        let path = folder.join(name.as_str());
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let mut content = Vec::new();
        entry.take(MAX_FILE + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE {
            return Err(io::Error::other(format!("`{name}` in it is too large")));
        }
        fs_err::write(path, content)?;
    }
    Ok(())
}
