//! The policy `each`: every run has a directory of its own, which goes when the run ends, however it ends.
//!
//! A run holds a lock on its directory. A **janitor**, a small process started before the program, waits for that lock
//! and removes the directory: also after SIGKILL. Where it could not be started or was killed too, the next start of the
//! app removes what nobody holds.

use crate::error::Restore;
use crate::place::base_of;
use crate::progress::Progress;
use crate::record::Record;
use crate::{Executable, Failure, Ready, candidates, directory_name, leftovers, restore};
use payload::Program;
use platform::directory::Lock;
use platform::{Directory, process};
use std::path::Path;

/// Makes a directory for this run and unpacks into it.
pub(crate) fn ready(
    own: &Executable,
    program: &Program,
    progress: &Progress,
) -> Result<Ready, Failure> {
    let key = own.key(&program.id);
    candidates::first_fit(program, |base| {
        leftovers::remove(base, &directory_name(&program.id), None);
        let record = verified(base, &key, own, progress)?;
        let name = format!("{key}{}{:016x}", leftovers::RUN, crate::random());
        let (directory, lock) = crate::shared::open_and_lock(base, &name)?;
        // Before it holds anything: also what a start leaves that is killed while it unpacks has to go.
        start_janitor(base, &name);
        if let Err(error) = restore::all(&directory, &own.payload, &record, progress) {
            let _ = base.remove(&name);
            return Err(error);
        }
        Ok(Ready {
            folder: directory.path().to_owned(),
            in_use: Some(lock),
        })
    })
}

/// Makes sure that the executable is intact, unless its stamp is that of one which was. The record holds no files.
fn verified(
    base: &Directory,
    key: &str,
    own: &Executable,
    progress: &Progress,
) -> Result<Record, Restore> {
    let name = format!("{key}.verified");
    let mut record = Record::read(base, &name).unwrap_or_else(Record::new);
    if !record.knows(&own.stamp) {
        own.verify(progress)?;
        record.add(own.stamp);
        record.write(base, &name)?;
    }
    Ok(record)
}

/// Starts the janitor of the run's directory `name`, while the process has one thread. Without a janitor, the directory goes
/// at the end of this run or at the next start.
fn start_janitor(base: &Directory, name: &str) {
    let _ = process::detached(base, || {
        // Opened anew: the lock inherited from the program is its own.
        let Ok(directory) = base.subdirectory(name) else {
            return;
        };
        if let Ok(lock) = directory.lock()
            && lock.exclusive().is_ok()
        {
            let _ = base.remove(name);
        }
    });
}

/// Ends this run's use of its directory: it is gone on return, unless children of the program still use it.
pub fn leave(folder: &Path, in_use: Lock) {
    let Some((base, name)) = base_of(folder) else {
        return;
    };
    let Ok(lock) = base.subdirectory(&name).and_then(|own| own.lock()) else {
        return;
    };
    drop(in_use);
    match lock.try_exclusive() {
        Ok(true) => {
            let _ = base.remove(&name);
        }
        // Children hold it with others, the janitor alone: that one is at it already, and done when it lets go.
        Ok(false) => {
            if !lock.try_shared().unwrap_or(true) {
                let _ = lock.shared();
            }
        }
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing;
    use std::fs;

    fn scratch() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let outer = Directory::open(folder.path()).unwrap();
        let base = outer.private("base", process::user_id()).unwrap();
        (folder, base)
    }

    #[test]
    fn only_runs_that_are_over_are_removed() {
        let (_folder, base) = scratch();
        let names = ["app-0123456789abcdef.run-1", "app-0123456789abcdef.run-2"];
        let other = "other-0123456789abcdef.run-1";
        for name in [names[0], names[1], other] {
            drop(base.private(name, process::user_id()).unwrap());
        }
        let running = base.subdirectory(names[0]).unwrap().lock().unwrap();
        running.shared().unwrap();
        leftovers::remove(&base, "app", None);
        let mut left = base.names().unwrap();
        left.sort();
        assert_eq!(left, [names[0], other]);
    }

    #[test]
    fn a_run_leaves_nothing_behind() {
        let (_folder, base) = scratch();
        let (directory, lock) = crate::shared::open_and_lock(&base, "app-0.run-1").unwrap();
        let folder = directory.path().to_owned();
        // Every descriptor of one opening holds the lock.
        drop(directory);
        fs::write(folder.join("file"), "x").unwrap();
        leave(&folder, lock);
        assert!(!folder.exists());
    }

    #[test]
    fn an_executable_is_verified_once() {
        let (folder, base) = scratch();
        let own = testing::own(&testing::program(folder.path(), "app", b"library"));
        let progress = Progress::new(None);
        verified(&base, "app-0", &own, &progress).ok().unwrap();
        assert_eq!(progress.part(), Some(1.0));
        let again = Progress::new(None);
        verified(&base, "app-0", &own, &again).ok().unwrap();
        assert_eq!(again.part(), None);
    }
}
