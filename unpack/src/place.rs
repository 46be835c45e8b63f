//! A program's directory, and how files come into it one by one while others may look.

use crate::leftovers::PART;
use platform::Directory;
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
