//! The policy `reuse`: files are written once, into a private directory that later and simultaneous runs use again.
//!
//! The record (see `record`) is the commit point: a directory without one, or with files whose stamps differ from it,
//! is gone through file by file, and what is missing or wrong is written again. A run that was killed, a cleaned
//! directory, a full disk and the first start are therefore all the same case.

use crate::candidates;
use crate::error::Restore;
use crate::progress::Progress;
use crate::record::Record;
use crate::restore;
use crate::{Executable, Failure, Ready, directory_name, leftovers};
use payload::Program;
use platform::Directory;
use platform::directory::{Lock, Unfit};
use std::io;

/// Makes sure that the program's files are there and right, and says that they are in use.
pub(crate) fn ready(
    own: &Executable,
    program: &Program,
    progress: &Progress,
) -> Result<Ready, Failure> {
    let key = own.key(&program.id);
    candidates::first_fit(program, |base| {
        let (directory, lock) = ready_in(base, &key, &program.id, own, progress)?;
        Ok(Ready {
            folder: directory.path().to_owned(),
            in_use: Some(lock),
        })
    })
}

fn ready_in(
    base: &Directory,
    key: &str,
    id: &str,
    own: &Executable,
    progress: &Progress,
) -> Result<(Directory, Lock), Restore> {
    let (directory, in_use) = open_and_lock(base, key)?;
    match make_ready(base, &directory, key, own, progress) {
        Ok(()) => {
            // At every start: what was in use at the first one may be unused by now.
            leftovers::remove(base, &directory_name(id), Some(key));
            Ok((directory, in_use))
        }
        Err(error) => {
            // A directory that cannot be completed is of no use to anyone: its space may be.
            drop((directory, in_use));
            leftovers::unused(base, key);
            Err(error)
        }
    }
}

fn make_ready(
    base: &Directory,
    directory: &Directory,
    key: &str,
    own: &Executable,
    progress: &Progress,
) -> Result<(), Restore> {
    let record_name = format!("{key}.record");
    let is_ready =
        |record: &Record| record.knows(&own.stamp) && record.holds(directory, &own.payload);
    if Record::read(base, &record_name).is_some_and(|record| is_ready(&record)) {
        return Ok(());
    }
    let _work = work_lock(base, &format!("{key}.lock"))?;
    // Another process may have done all the work while we waited.
    let mut record = Record::read(base, &record_name).unwrap_or_else(Record::new);
    if is_ready(&record) {
        return Ok(());
    }
    if !record.knows(&own.stamp) {
        own.verify(progress)?;
        record.add(own.stamp);
    }
    record.complete(restore::all(directory, &own.payload, &record, progress)?);
    record.write(base, &record_name)?;
    Ok(())
}

/// The program's directory and a lock that says it is in use. A process that removes an unused directory may come
/// between making it and locking it; then it is made anew.
pub(crate) fn open_and_lock(base: &Directory, key: &str) -> io::Result<(Directory, Lock)> {
    loop {
        let directory =
            base.private(key, platform::process::user_id())
                .map_err(|unfit| match unfit {
                    Unfit::Io(error) => error,
                    other => io::Error::other(other.to_string()),
                })?;
        let lock = directory.lock()?;
        if lock.try_exclusive()? {
            // Nobody else uses it, so nobody is writing.
            leftovers::partial_files(base, key);
        }
        lock.shared()?;
        // Where a file beside it is locked for it, that one may have gone as well.
        if directory.is_in_place() && lock.is_linked()? {
            return Ok((directory, lock));
        }
    }
}

/// Held by the one process that works on the directory's files.
fn work_lock(base: &Directory, name: &str) -> io::Result<Lock> {
    loop {
        let lock = base.lock_file(name)?;
        lock.exclusive()?;
        // Whoever removed the program's files meanwhile removed this file too: a lock on it shuts nobody out.
        if lock.is_linked()? {
            return Ok(lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{own, program};
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;

    struct Scratch {
        folder: tempfile::TempDir,
        base: Directory,
    }

    impl Scratch {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let outer = Directory::open(folder.path()).unwrap();
            let base = outer.private("base", platform::process::user_id());
            Self {
                base: base.unwrap(),
                folder,
            }
        }

        fn start(&self, own: &Executable) -> Result<(Directory, Lock), Restore> {
            ready_in(
                &self.base,
                &own.key("app"),
                "app",
                own,
                &Progress::new(None),
            )
        }

        fn file(&self, own: &Executable, path: &str) -> PathBuf {
            self.base.path().join(own.key("app")).join(path)
        }
    }

    #[test]
    fn a_first_start_unpacks_and_a_later_one_does_not() {
        let scratch = Scratch::new();
        let own = own(&program(scratch.folder.path(), "app", b"library"));
        drop(scratch.start(&own).ok().unwrap());
        let library = scratch.file(&own, "lib/a.so");
        assert_eq!(fs::read(&library).unwrap(), b"library");
        assert!(!scratch.file(&own, "memory.py").exists());
        let before = fs::metadata(&library).unwrap();
        drop(scratch.start(&own).ok().unwrap());
        let after = fs::metadata(&library).unwrap();
        assert_eq!(
            (before.ino(), before.ctime_nsec()),
            (after.ino(), after.ctime_nsec())
        );
    }

    #[test]
    fn what_was_changed_or_removed_is_restored_and_what_was_added_stays() {
        let scratch = Scratch::new();
        let own = own(&program(scratch.folder.path(), "app", b"library"));
        drop(scratch.start(&own).ok().unwrap());
        // Of the same length, and with its old time of last write: only the time of last change tells.
        let library = scratch.file(&own, "lib/a.so");
        let times = fs::metadata(&library).unwrap().modified().unwrap();
        fs::write(&library, b"LIBRARY").unwrap();
        File::options()
            .write(true)
            .open(&library)
            .unwrap()
            .set_modified(times)
            .unwrap();
        fs::remove_file(scratch.file(&own, "b.txt")).unwrap();
        fs::write(scratch.file(&own, "added.txt"), b"mine").unwrap();
        drop(scratch.start(&own).ok().unwrap());
        assert_eq!(fs::read(&library).unwrap(), b"library");
        assert_eq!(fs::read(scratch.file(&own, "b.txt")).unwrap(), b"text");
        assert_eq!(fs::read(scratch.file(&own, "added.txt")).unwrap(), b"mine");
    }

    #[test]
    fn links_in_the_place_of_files_and_folders_are_replaced() {
        let scratch = Scratch::new();
        let own = own(&program(scratch.folder.path(), "app", b"library"));
        drop(scratch.start(&own).ok().unwrap());
        let elsewhere = scratch.folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::remove_dir_all(scratch.file(&own, "lib")).unwrap();
        symlink(&elsewhere, scratch.file(&own, "lib")).unwrap();
        drop(scratch.start(&own).ok().unwrap());
        assert_eq!(
            fs::read(scratch.file(&own, "lib/a.so")).unwrap(),
            b"library"
        );
        assert!(fs::read_dir(&elsewhere).unwrap().next().is_none());
    }

    #[test]
    fn a_start_that_was_killed_is_taken_up() {
        let scratch = Scratch::new();
        let own = own(&program(scratch.folder.path(), "app", b"library"));
        fs::create_dir_all(scratch.file(&own, "lib")).unwrap();
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(scratch.file(&own, ""), private).unwrap();
        fs::write(scratch.file(&own, "lib/a.so"), b"lib").unwrap();
        drop(scratch.start(&own).ok().unwrap());
        assert_eq!(
            fs::read(scratch.file(&own, "lib/a.so")).unwrap(),
            b"library"
        );
    }

    #[test]
    fn a_damaged_executable_unpacks_nothing() {
        let scratch = Scratch::new();
        let path = program(scratch.folder.path(), "app", b"library");
        let mut bytes = fs::read(&path).unwrap();
        let position = bytes
            .windows(7)
            .position(|window| window == b"library")
            .unwrap();
        bytes[position] ^= 1;
        fs::write(&path, bytes).unwrap();
        let own = own(&path);
        assert!(matches!(scratch.start(&own), Err(Restore::Damaged(_))));
        assert!(!scratch.file(&own, "b.txt").exists());
    }

    #[test]
    fn an_executable_that_was_changed_after_it_was_verified_is_noticed() {
        let scratch = Scratch::new();
        let path = program(scratch.folder.path(), "app", b"library");
        drop(scratch.start(&own(&path)).ok().unwrap());
        let mut bytes = fs::read(&path).unwrap();
        let position = bytes
            .windows(4)
            .position(|window| window == b"pass")
            .unwrap();
        bytes[position] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(
            scratch.start(&own(&path)),
            Err(Restore::Damaged(_))
        ));
    }

    #[test]
    fn old_versions_go_when_nobody_uses_them() {
        let scratch = Scratch::new();
        let old = own(&program(scratch.folder.path(), "old", b"one"));
        let used = own(&program(scratch.folder.path(), "used", b"two"));
        let new = own(&program(scratch.folder.path(), "new", b"three"));
        drop(scratch.start(&old).ok().unwrap());
        let running = scratch.start(&used).ok().unwrap();
        drop(scratch.start(&new).ok().unwrap());
        assert!(!scratch.file(&old, "").exists());
        assert!(scratch.file(&used, "lib/a.so").exists());
        drop(running);
    }

    #[test]
    fn simultaneous_first_starts_all_succeed() {
        let scratch = Scratch::new();
        let own = own(&program(scratch.folder.path(), "app", &[7; 1 << 20]));
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| scratch.start(&own).is_ok()))
                .collect();
            assert!(starts.into_iter().all(|start| start.join().unwrap()));
        });
    }
}
