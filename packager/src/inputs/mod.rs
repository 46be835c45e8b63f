//! Everything that a build reads, and whether it is still as it was.
//!
//! A build looks at files only through the functions of this module: that is what makes a later build sure that nothing
//! has changed (`clippy.toml` forbids the others). Each look is noted with what it saw: the stamp of a file, the names in
//! a folder, that something is not there, where a link leads. What is noted is what the build has acted on: a stamp is
//! taken before the content is read.
//!
//! Who notes is a matter of the thread: [`record`] runs its work on threads of its own. Elsewhere nothing is noted.

mod encoding;
mod facet;
mod recorder;
mod stamp;
mod walk;

pub use facet::{Comparison, Facet, Inputs, Kind, Proof};
pub use recorder::{Recording, carry, record};
pub use stamp::{Stamp, boot};
pub use walk::{Found, WalkError, walk};

use recorder::note;
use std::fs::{DirEntry, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// As [`std::fs::read`].
///
/// # Errors
/// As its model.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_with_metadata(path).map(|(content, _)| content)
}

/// As [`std::fs::read`], with the metadata of before.
///
/// # Errors
/// As its model.
pub fn read_with_metadata(path: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let (content, metadata) = read_unnoted(path).inspect_err(|error| failed(path, error))?;
    note_read(path, &metadata, &content);
    Ok((content, metadata))
}

/// As [`std::fs::read_to_string`].
///
/// # Errors
/// As its model.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads a file that may turn out not to matter; [`note_read`] tells that it does.
///
/// # Errors
/// As [`std::fs::read`].
pub fn read_unnoted(path: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut content = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut content)?;
    Ok((content, metadata))
}

/// Notes that `content` of `path` decides something; `metadata` is from before it was read.
pub fn note_read(path: &Path, metadata: &Metadata, content: &[u8]) {
    note(|recorder| recorder.file(path, Stamp::of(metadata), Some(content)));
}

/// Makes a file that was looked at, and that nobody reads, one that a later build can tell to be the same: when it is so new
/// that its stamp proves nothing, it is read.
pub fn prove(path: &Path) {
    note(|recorder| {
        if recorder.lacks_proof(path) {
            // What cannot be read has no proof either.
            let _ = read(path);
        }
    });
}

/// As [`File::open`], for a file that is read in parts.
///
/// # Errors
/// As its model.
pub fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path).inspect_err(|error| failed(path, error))?;
    note(|recorder| match file.metadata() {
        Ok(metadata) => recorder.file(path, Stamp::of(&metadata), None),
        Err(_) => recorder.lose(path),
    });
    Ok(file)
}

/// As [`std::fs::metadata`].
///
/// # Errors
/// As its model.
pub fn metadata(path: &Path) -> io::Result<Metadata> {
    let metadata = std::fs::metadata(path).inspect_err(|error| failed(path, error))?;
    note(|recorder| match Kind::of(metadata.file_type()) {
        Kind::File => recorder.file(path, Stamp::of(&metadata), None),
        kind => recorder.kind(path, kind),
    });
    Ok(metadata)
}

/// As [`Path::is_file`].
#[must_use]
pub fn is_file(path: &Path) -> bool {
    kind(path) == Kind::File
}

/// As [`Path::is_dir`].
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    kind(path) == Kind::Folder
}

/// As [`Path::exists`].
#[must_use]
pub fn exists(path: &Path) -> bool {
    kind(path) != Kind::Absent
}

fn kind(path: &Path) -> Kind {
    let kind = Kind::at(path);
    note(|recorder| recorder.kind(path, kind));
    kind
}

/// As [`Path::canonicalize`].
///
/// # Errors
/// As its model.
pub fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    let target = std::fs::canonicalize(path);
    note(|recorder| recorder.target(path, target.as_deref().ok()));
    target
}

/// What `folder` holds, in no order.
///
/// # Errors
/// As [`std::fs::read_dir`], or when what it gives cannot be read to its end.
pub fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let metadata = std::fs::metadata(folder).inspect_err(|error| failed(folder, error))?;
    let entries: Vec<DirEntry> = std::fs::read_dir(folder)
        .and_then(Iterator::collect)
        .inspect_err(|error| failed(folder, error))?;
    note(|recorder| recorder.folder(folder, Stamp::of(&metadata), &entries));
    Ok(entries)
}

/// Notes whatever is at `path` for somebody else who has read it: another process.
pub fn note_path(path: &Path) {
    note(|recorder| match Kind::at(path) {
        Kind::Folder => drop(entries(path)),
        Kind::File => drop(metadata(path)),
        kind => recorder.kind(path, kind),
    });
}

/// That something is not there can be noted; what is there and cannot be read is a look that says nothing for later.
fn failed(path: &Path, error: &io::Error) {
    note(|recorder| match (error.kind(), Kind::at(path)) {
        (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, kind) => recorder.kind(path, kind),
        (_, Kind::Folder) => recorder.kind(path, Kind::Folder),
        _ => recorder.lose(path),
    });
}

#[cfg(test)]
mod tests;
