//! One-folder bundles: the files lie beside the executable and are checked there.

use crate::progress::Progress;
use crate::record::Record;
use crate::{Executable, Failure, Ready, candidates};
use payload::{Entry, Method, Program};
use platform::{Directory, FileStamp};
use std::path::{Path, PathBuf};

/// Makes sure that every file of the bundle is what was packed, and returns the folder. What was found is remembered
/// in a private directory, so that later starts need not hash what has not changed since.
pub(crate) fn check_all(
    own: &Executable,
    program: &Program,
    name: &str,
    progress: &Progress,
) -> Result<Ready, Failure> {
    let path = own.path.parent().unwrap_or(Path::new("/")).join(name);
    let damaged = |file: &Path, reason: String| Failure::DamagedFile {
        file: file.to_owned(),
        reason,
    };
    let folder = Directory::open(&path).map_err(|error| {
        // Its name may be what is damaged.
        match own.payload.verify_index() {
            Err(error) => Failure::Damaged(error),
            Ok(()) => damaged(&path, error.to_string()),
        }
    })?;
    let private = candidates::any(program);
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
    if known
        .as_ref()
        .is_some_and(|known| known.holds(&folder, &own.payload))
    {
        return Ok(ready(path));
    }
    if known.is_none() {
        own.verify(progress)?;
    }
    let mut record = Record::new();
    record.add(own.stamp);
    let mut files = Vec::new();
    for entry in own.payload.entries() {
        let entry = entry.map_err(Failure::Damaged)?;
        if entry.method == Method::External {
            let before = known.as_ref().and_then(|known| known.file(entry.index));
            let stamp = check(&folder, &entry, before)
                .map_err(|reason| damaged(&path.join(entry.path), reason))?;
            files.push((entry.index, stamp));
        }
    }
    record.complete(files);
    if let Some(private) = private {
        // Without a record the next start checks everything again; that is slower, and no reason not to start.
        let _ = record.write(&private, &record_name);
    }
    Ok(ready(path))
}

fn ready(path: PathBuf) -> Ready {
    Ready {
        folder: path,
        in_use: None,
    }
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
    let mut file = folder
        .open_file(entry.path)
        .map_err(|error| error.to_string())?;
    let stamp = FileStamp::of(&file).map_err(|error| error.to_string())?;
    if stamp.is_file()
        && entry
            .matches(&mut file)
            .map_err(|error| error.to_string())?
    {
        Ok(stamp)
    } else {
        Err("it is not the file that was packed".to_owned())
    }
}
