//! A program's directory, and how files come into it one by one while others may look.

use crate::error::Restore;
use crate::leftovers::PART;
use crate::restore;
use payload::Entry;
use platform::{Directory, FileStamp};
use std::fs::File;
use std::io;
use std::path::Path;

/// The directory of a program's files.
#[derive(Debug)]
pub(crate) struct Place {
    pub directory: Directory,
    /// The directory that it lies in.
    pub base: Directory,
    /// Its name there.
    pub key: String,
}

impl Place {
    /// `folder`, which [`crate::ready`] made.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let (base, key) = base_of(folder)?;
        let directory = base.subdirectory(&key).ok()?;
        Some(Self {
            directory,
            base,
            key,
        })
    }

    /// Brings the file of `entry`, of unknown state, to what the payload says.
    pub(crate) fn bring_entry(&self, entry: &Entry<'_>) -> Result<FileStamp, Restore> {
        match self.directory.stamp(entry.path) {
            Ok(stamp) if restore::is_intact(&self.directory, entry, &stamp) => Ok(stamp),
            _ => self.write(entry),
        }
    }

    /// Brings the file into its place whole: other processes of the program, and whoever lists the folder, see all of it
    /// or nothing. One that has the old file mapped keeps it.
    fn write(&self, entry: &Entry<'_>) -> Result<FileStamp, Restore> {
        // A tmp cleaner may have taken the folder away, and a link in its place would lead the file out of the bundle.
        self.directory.make_parents(entry.path)?;
        self.write_once(entry)
    }

    fn write_once(&self, entry: &Entry<'_>) -> Result<FileStamp, Restore> {
        let folder = entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(file) = self.directory.create_unnamed(folder, entry.mode | 0o600)? else {
            return self.write_aside(entry);
        };
        restore::fill(&file, entry)?;
        match self.directory.give_name(&file, entry.path) {
            Ok(()) => Ok(self.directory.stamp(entry.path)?),
            // Another process was as quick, or something wrong stands there; without /proc no name can be given.
            Err(_) => match self.directory.stamp(entry.path) {
                Ok(stamp) if restore::is_intact(&self.directory, entry, &stamp) => Ok(stamp),
                _ => self.write_aside(entry),
            },
        }
    }

    /// Beside the bundle, and renamed.
    fn write_aside(&self, entry: &Entry<'_>) -> Result<FileStamp, Restore> {
        let Self { directory, .. } = self;
        let written = self
            .bring(entry.path, entry.mode | 0o600, |file| {
                restore::fill(&file, entry)
            })
            .and_then(|()| Ok(directory.stamp(entry.path)?));
        // Windows does not let a library be replaced that another process has brought and loaded meanwhile.
        if written.is_err()
            && let Ok(stamp) = directory.stamp(entry.path)
            && restore::is_intact(directory, entry, &stamp)
        {
            return Ok(stamp);
        }
        written
    }

    /// Makes a file with the permissions `mode` beside the directory, has it filled, and brings it to its `path`: whole or not
    /// at all.
    ///
    /// # Errors
    /// The system's, or that of `fill`. Nothing is left behind then.
    pub(crate) fn bring<E: From<io::Error>>(
        &self,
        path: &str,
        mode: u32,
        fill: impl FnOnce(File) -> Result<(), E>,
    ) -> Result<(), E> {
        let partial = format!("{}{PART}{:016x}", self.key, crate::random());
        let made = self
            .base
            .create_file(&partial, mode)
            .map_err(E::from)
            // It closes the file, which Windows renames no other way.
            .and_then(fill)
            .and_then(|()| Ok(self.put(&partial, path)?));
        if made.is_err() {
            let _ = self.base.remove(&partial);
        }
        made
    }

    fn put(&self, partial: &str, path: &str) -> io::Result<()> {
        // A folder in the file's place would stay there.
        if let Ok(there) = self.directory.stamp(path)
            && !there.is_file()
        {
            self.directory.remove(path)?;
        }
        self.base.rename_into(partial, &self.directory, path)
    }
}

/// The directory that the program's `folder` lies in, and its name there.
pub(crate) fn base_of(folder: &Path) -> Option<(Directory, String)> {
    let name = folder.file_name()?.to_str()?.to_owned();
    Some((Directory::open(folder.parent()?).ok()?, name))
}
