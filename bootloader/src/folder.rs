//! One-folder bundles: the files lie beside the executable and are checked there.

use crate::candidates;
use crate::diagnostics::Failure;
use crate::locate::OwnFile;
use crate::record::Record;
use payload::{Entry, Method, Program};
use platform::{Directory, FileStamp, MappedFile};
use std::path::{Path, PathBuf};

/// Makes sure that every file of the bundle is what was packed, and returns the folder. What was found is remembered
/// in a private directory, so that later starts need not hash what has not changed since.
pub(crate) fn ready(own: &OwnFile, program: &Program, name: &str) -> Result<PathBuf, Failure> {
    let path = own.path.parent().unwrap_or(Path::new("/")).join(name);
    let damaged = |file: &Path, reason: String| Failure::DamagedFile {
        file: file.to_owned(),
        reason,
    };
    let folder = Directory::open(&path).map_err(|error| damaged(&path, error.to_string()))?;
    let private = candidates::all(program.runtime_tmpdir.as_deref())
        .iter()
        .find_map(|place| place.open().ok());
    // Of this executable in this place: a copy elsewhere has files of its own.
    let record_name = format!(
        "{}.{:x}-{:x}.record",
        own.key(&program.id),
        own.stamp.file.0,
        own.stamp.file.1
    );
    let known = private
        .as_ref()
        .and_then(|private| Record::read(private, &record_name));
    let known = known.filter(|record| record.knows(&own.stamp));
    if known.is_none() {
        own.verify()?;
    }
    let mut record = Record::new();
    record.add(own.stamp);
    for entry in own.payload.entries() {
        let entry = entry.map_err(Failure::damaged)?;
        if entry.method == Method::External {
            let before = known.as_ref().and_then(|known| known.file(entry.index));
            let stamp = check(&folder, &entry, before)
                .map_err(|reason| damaged(&path.join(entry.path), reason))?;
            record.files.push((entry.index, stamp));
        }
    }
    if known.as_ref() != Some(&record)
        && let Some(private) = private
    {
        // Without a record the next start checks everything again; that is slower, and no reason not to start.
        let _ = record.write(&private, &record_name);
    }
    Ok(path)
}

/// Checks one file, unless its stamp is the one it had when it was checked before.
fn check(
    folder: &Directory,
    entry: &Entry<'_>,
    before: Option<&FileStamp>,
) -> Result<FileStamp, String> {
    let stamp = folder
        .stamp(entry.path)
        .map_err(|error| error.to_string())?;
    if before == Some(&stamp) {
        return Ok(stamp);
    }
    let file = folder
        .open_file(entry.path)
        .map_err(|error| error.to_string())?;
    let stamp = FileStamp::of(&file).map_err(|error| error.to_string())?;
    // An empty file cannot be mapped.
    let content: &[u8] = if stamp.size == 0 {
        &[]
    } else {
        &MappedFile::of(&file).map_err(|error| error.to_string())?
    };
    entry
        .check(content)
        .map_err(|_| "it is not the file that was packed".to_owned())?;
    Ok(stamp)
}
