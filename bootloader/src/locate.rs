//! Finds the payload behind this executable's own code.

use crate::diagnostics::Failure;
use payload::Payload;
use platform::{FileStamp, MappedFile, process};
use std::fs::File;
use std::path::Path;
use unpack::Executable;

/// This executable, mapped for as long as the process lives.
pub(crate) struct OwnFile {
    /// All of it.
    pub(crate) bytes: &'static MappedFile,
    /// Where it is, and what it carries.
    pub(crate) files: Executable,
}

/// The running executable, where the system has a name for it; Windows lets nobody replace it.
const RUNNING: &str = if cfg!(unix) {
    "/proc/self/exe"
} else {
    "this program"
};

/// Maps the running executable and finds its payload.
pub(crate) fn own_file() -> Result<OwnFile, Failure> {
    let unreadable = |path: &Path, error| Failure::Unreadable {
        file: path.to_owned(),
        error,
    };
    let path = process::executable().map_err(|error| unreadable(Path::new(RUNNING), error))?;
    // Through /proc first: it leads to the running file even when that was moved or replaced meanwhile.
    let file = File::open(RUNNING)
        .or_else(|_| File::open(&path))
        .map_err(|error| unreadable(&path, error))?;
    let stamp = FileStamp::of(&file).map_err(|error| unreadable(&path, error))?;
    let bytes = MappedFile::of(&file)
        .map_err(|error| unreadable(&path, error))?
        .leak();
    let payload = Payload::locate(bytes).map_err(Failure::damaged)?;
    let files = Executable {
        path,
        stamp,
        payload,
    };
    Ok(OwnFile { bytes, files })
}
