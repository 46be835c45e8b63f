//! What earlier runs and other versions of an app have left beside a program's directory.
//!
//! | name | is |
//! |---|---|
//! | `KEY` | the directory of a version that is used again |
//! | `KEY.run-NUMBER` | the directory of one run |
//! | `KEY.record`, `.journal`, `.lock`, `.verified` | what is known of it |
//! | `KEY.use`, `KEY.run-NUMBER.use` | what is locked while the directory is used, on Windows |
//! | `….part-NUMBER`, `….record.NUMBER` | a file that a process is writing, or was when it was killed |

use crate::after_key;
use platform::Directory;
use platform::directory::Lock;
use std::collections::HashSet;

/// Follows the key in the name of a run's directory.
pub(crate) const RUN: &str = ".run-";
/// Ends the names of files that are locked for a directory where directories cannot be.
const IN_USE: &str = ".use";
/// Precedes a number in the name of a file that is to be renamed when it is whole.
pub(crate) const PART: &str = ".part-";

/// Removes directories of the app `id` that no process uses, and files of those that are gone. `own` is the version whose
/// directory is to stay.
pub(crate) fn remove(base: &Directory, id: &str, own: Option<&str>) {
    let names = base.names().unwrap_or_default();
    for name in &names {
        let is_unwanted = match after_key(name, id) {
            Some("") => own != Some(name.as_str()),
            Some(rest) => rest.starts_with(RUN) && !rest.contains(PART) && !rest.ends_with(IN_USE),
            None => false,
        };
        if is_unwanted {
            unused(base, name);
        }
    }
    let there: HashSet<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        if let Some(directory) = directory_of(name, id)
            && own != Some(directory)
            && (!there.contains(directory) || base.subdirectory(directory).is_err())
        {
            file(base, name);
        }
    }
}

/// The directory that a file beside it belongs to; `None` for names of directories, and of what is kept without one.
fn directory_of<'a>(name: &'a str, id: &str) -> Option<&'a str> {
    let rest = after_key(name, id)?;
    let key = &name[..name.len() - rest.len()];
    if let Some((directory, _)) = name.split_once(PART) {
        return Some(directory);
    }
    if rest.starts_with(RUN) {
        return name.strip_suffix(IN_USE);
    }
    let belongs =
        [".record", ".journal", ".lock", IN_USE].contains(&rest) || rest.starts_with(".record.");
    belongs.then_some(key)
}

/// Removes the directory `name` and what belongs to it, unless a process uses it.
pub(crate) fn unused(base: &Directory, name: &str) {
    let Ok(directory) = base.subdirectory(name) else {
        return;
    };
    let Ok(in_use) = directory.lock() else { return };
    if !in_use.try_exclusive().unwrap_or(false) {
        return;
    }
    // The record first: without it, what remains of an interrupted removal is looked through before it is used.
    let _ = base.remove(&format!("{name}.record"));
    let _ = base.remove(&crate::journal::name(name));
    let _ = base.remove(name);
    let lock = format!("{name}.lock");
    if base.stamp(&lock).is_ok() {
        file(base, &lock);
    }
}

/// Removes the files that processes were writing when they were killed. Called by the only process that uses the
/// directory `key`.
pub(crate) fn partial_files(base: &Directory, key: &str) {
    let (part, record) = (format!("{key}{PART}"), format!("{key}.record."));
    for name in base.names().unwrap_or_default() {
        if name.starts_with(&part) || name.starts_with(&record) {
            let _ = base.remove(&name);
        }
    }
}

/// A lock file only while nobody holds it: who waits for it meanwhile sees that it has no name any more.
fn file(base: &Directory, name: &str) {
    let free = |lock: &Lock| lock.try_exclusive().unwrap_or(false);
    let lock = if name.ends_with(".lock") || name.ends_with(IN_USE) {
        base.lock_file(name).ok()
    } else {
        None
    };
    if lock.as_ref().is_none_or(free) {
        let _ = base.remove(name);
    }
}
