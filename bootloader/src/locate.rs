//! Finds the payload behind this executable's own code.

use crate::diagnostics::Failure;
use payload::Payload;
use platform::{FileStamp, MappedFile, process};
use std::fs::File;
use std::path::{Path, PathBuf};

/// This executable, mapped for as long as the process lives.
pub(crate) struct OwnFile {
    /// Absolute path.
    pub(crate) path: PathBuf,
    /// All of it.
    pub(crate) bytes: &'static [u8],
    /// What tells one state of the file from another.
    pub(crate) stamp: FileStamp,
    /// What it carries. Its footer is known to be sound; nothing else is.
    pub(crate) payload: Payload<'static>,
}

/// Maps the running executable and finds its payload.
pub(crate) fn own_file() -> Result<OwnFile, Failure> {
    let unreadable = |path: &Path, error| Failure::Unreadable {
        file: path.to_owned(),
        error,
    };
    let path =
        process::executable().map_err(|error| unreadable(Path::new("/proc/self/exe"), error))?;
    // Through /proc first: it leads to the running file even when that was moved or replaced meanwhile.
    let file = File::open("/proc/self/exe")
        .or_else(|_| File::open(&path))
        .map_err(|error| unreadable(&path, error))?;
    let stamp = FileStamp::of(&file).map_err(|error| unreadable(&path, error))?;
    let bytes = MappedFile::of(&file)
        .map_err(|error| unreadable(&path, error))?
        .leak();
    let payload = Payload::locate(bytes).map_err(Failure::damaged)?;
    Ok(OwnFile {
        path,
        bytes,
        stamp,
        payload,
    })
}

impl OwnFile {
    /// `<app id>-<first half of the content's hash>`: names what belongs to this payload and no other.
    pub(crate) fn key(&self, id: &str) -> String {
        use std::fmt::Write;
        let mut key = directory_name(id);
        key.push('-');
        for byte in &self.payload.content_hash()[..8] {
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// Checks every byte of the file.
    pub(crate) fn verify(&self) -> Result<(), Failure> {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(8));
        self.payload.verify(threads).map_err(Failure::damaged)
    }
}

/// `id` as a part of a directory's name.
pub(crate) fn directory_name(id: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    id.chars().take(64).map(safe).collect()
}
