//! Files and folders that appear whole or not at all.

use super::WriteError;
use std::fs::File;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes `content` to a new file with `mode`, and the folders it lies in.
pub(super) fn write_file(path: &Path, content: &[u8], mode: u32) -> Result<(), WriteError> {
    NewFile::create(path, mode)?.write(content)
}

/// A file that is written a piece at a time.
pub(super) struct NewFile {
    path: PathBuf,
    file: File,
}

impl NewFile {
    /// Creates it with `mode`, and the folders it lies in.
    pub(super) fn create(path: &Path, mode: u32) -> Result<Self, WriteError> {
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(mode);
        let opened = options
            .open(path)
            .or_else(|error| match (error.kind(), path.parent()) {
                (io::ErrorKind::NotFound, Some(folder)) => {
                    std::fs::create_dir_all(folder)?;
                    options.open(path)
                }
                _ => Err(error),
            });
        let path = path.to_owned();
        match opened {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(WriteError::Write { path, source }),
        }
    }

    /// Writes the next piece.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), WriteError> {
        let written = io::Write::write_all(&mut self.file, piece);
        written.map_err(|source| WriteError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// Creates the folder that the output goes to.
pub(super) fn create_folder(path: &Path) -> Result<(), WriteError> {
    std::fs::create_dir_all(path).map_err(|source| WriteError::CreateFolder {
        path: path.to_owned(),
        source,
    })
}

/// The permissions of a program, less what the user's umask takes away.
pub(super) fn make_executable(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777 & !umask()))
}

/// The umask, which cannot be asked for without being changed, other than here.
pub(crate) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o022)
}

/// Puts `new`, a file or folder, in the place of `target`, a folder that may be there. What was there is gone only when
/// the new one is in its place.
pub(super) fn swap(new: &Path, target: &Path) -> Result<(), WriteError> {
    let failed = |source| WriteError::Replace {
        path: target.to_owned(),
        source,
    };
    let aside = aside(target);
    let there = match std::fs::rename(target, &aside) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed(error)),
    };
    if let Err(error) = std::fs::rename(new, target) {
        if there {
            let _ = std::fs::rename(&aside, target);
        }
        return Err(failed(error));
    }
    if there {
        // The new output is complete: what cannot be removed is a matter of tidiness.
        let _ = if aside.is_dir() {
            std::fs::remove_dir_all(&aside)
        } else {
            std::fs::remove_file(&aside)
        };
    }
    Ok(())
}

fn aside(target: &Path) -> PathBuf {
    let name = target
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    target.with_file_name(format!(".{name}.old-{}", std::process::id()))
}
