//! Files below a folder, and nothing above it: names that came from elsewhere lead to no other place.

use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::path::{Component, Path, PathBuf};

use windows_sys::Win32::Foundation::{
    ERROR_BAD_PATHNAME, ERROR_CANT_ACCESS_FILE, ERROR_CANT_RESOLVE_FILENAME, ERROR_DIRECTORY,
    ERROR_FILENAME_EXCED_RANGE, ERROR_INVALID_NAME,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_NAME_NORMALIZED, GetFinalPathNameByHandleW, VOLUME_NAME_DOS,
};

/// A folder whose files are opened by names that nobody has checked.
#[derive(Debug)]
pub struct Folder {
    /// As [`true_path`] tells it.
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, which may lead through links.
    ///
    /// # Errors
    /// When it is not there or no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = open(path)?;
        if !folder.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let path = true_path(&folder)?;
        Ok(Self { path })
    }

    /// Opens a regular file below it. The file that was opened has to have this very name there: no link is followed, and
    /// none of the other names that Windows has for a file (`NAME~1`, `name.`, `name::$DATA`, another case) leads to it.
    ///
    /// # Errors
    /// `NotFound` for whatever is no regular file below the folder; or the system's.
    pub fn file(&self, name: &Path) -> io::Result<File> {
        let mut path = self.path.clone();
        for part in name.components() {
            match part {
                Component::Normal(part) if is_plain(part) => path.push(part),
                _ => return Err(io::ErrorKind::NotFound.into()),
            }
        }
        let file = open(&path).map_err(not_there)?;
        let is_it = file.metadata()?.is_file() && true_path(&file)?.as_os_str() == path.as_os_str();
        if is_it {
            Ok(file)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

/// What begins a stream of a file is no part of a name. The rest has no meaning in the paths that are made here, nor can
/// a file have such a name.
fn is_plain(part: &std::ffi::OsStr) -> bool {
    const NEVER: &[u8] = b"<>:\"/\\|?*";
    part.encode_wide()
        .all(|unit| unit >= 32 && !NEVER.iter().any(|&never| u16::from(never) == unit))
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        // For folders as well, of which it is seen afterwards that they are some.
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// Where the file that was opened is, without links and in the case that it has, beginning with `\\?\`: nothing in such a
/// path has a meaning but the `\` between names.
fn true_path(file: &File) -> io::Result<PathBuf> {
    let mut path = vec![0_u16; 512];
    loop {
        // SAFETY: an open file, and a buffer as large as told.
        let length = unsafe {
            GetFinalPathNameByHandleW(
                file.as_raw_handle(),
                path.as_mut_ptr(),
                path.len() as u32,
                FILE_NAME_NORMALIZED | VOLUME_NAME_DOS,
            )
        } as usize;
        if length == 0 {
            return Err(io::Error::last_os_error());
        }
        if length < path.len() {
            return Ok(PathBuf::from(crate::text::narrow(&path[..length])));
        }
        path.resize(length + 1, 0);
    }
}

fn not_there(error: io::Error) -> io::Error {
    let code = error.raw_os_error().unwrap_or(0).cast_unsigned();
    match code {
        // A file in the place of a folder, a name that no file can have, a link that leads nowhere.
        ERROR_DIRECTORY
        | ERROR_INVALID_NAME
        | ERROR_BAD_PATHNAME
        | ERROR_FILENAME_EXCED_RANGE
        | ERROR_CANT_RESOLVE_FILENAME
        | ERROR_CANT_ACCESS_FILE => io::ErrorKind::NotFound.into(),
        _ => error,
    }
}
