//! Unpacks what must be files: once, into a private directory that later and simultaneous runs use again.
//!
//! The record (see `record`) is the commit point: a directory without one, or with files whose stamps differ from it,
//! is gone through file by file, and what is missing or wrong is written again. A run that was killed, a cleaned
//! directory, a full disk and the first start are therefore all the same case.

use crate::candidates;
use crate::diagnostics::{Failure, Restore};
use crate::locate::{OwnFile, directory_name};
use crate::record::Record;
use payload::{Check, Entry, FormatError, Method, Payload, Placement, Program};
use platform::directory::{Lock, Unfit};
use platform::{Directory, FileStamp};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Makes sure that the program's files are there and right, and keeps them there while this process lives. Returns
/// the directory.
pub(crate) fn ready(own: &OwnFile, program: &Program) -> Result<PathBuf, Failure> {
    let key = own.key(&program.id);
    let mut tried = Vec::new();
    for candidate in candidates::all(program.runtime_tmpdir.as_deref()) {
        let base = match candidate.open() {
            Ok(base) => base,
            Err(reason) => {
                tried.push((candidate.path(), reason));
                continue;
            }
        };
        match ready_in(&base, &key, own) {
            Ok((directory, lock)) => {
                lock.keep();
                return Ok(directory.path().to_owned());
            }
            Err(Restore::Damaged(error)) => return Err(Failure::Damaged(error)),
            Err(Restore::Directory(error)) => tried.push((candidate.path(), Unfit::Io(error))),
        }
    }
    Err(Failure::NoDirectory(tried))
}

fn ready_in(base: &Directory, key: &str, own: &OwnFile) -> Result<(Directory, Lock), Restore> {
    let (directory, in_use) = open_and_lock(base, key)?;
    let record_name = format!("{key}.record");
    let is_ready = |record: &Record| {
        record.knows(&own.stamp) && is_unchanged(&directory, &own.payload, record)
    };
    if Record::read(base, &record_name).is_some_and(|record| is_ready(&record)) {
        return Ok((directory, in_use));
    }
    let work = work_lock(base, &format!("{key}.lock"))?;
    // Another process may have done all the work while we waited.
    let mut record = Record::read(base, &record_name).unwrap_or_else(Record::new);
    if is_ready(&record) {
        return Ok((directory, in_use));
    }
    if !record.knows(&own.stamp) {
        own.verify().map_err(|failure| match failure {
            Failure::Damaged(error) => Restore::Damaged(error),
            _ => Restore::Damaged(FormatError::Absent),
        })?;
        record.add(own.stamp);
    }
    match restore(&directory, &own.payload, &record) {
        Ok(files) => record.files = files,
        Err(error) => {
            // A directory that cannot be completed is of no use to anyone: its space may be.
            drop(in_use);
            remove_unused(base, key);
            return Err(error);
        }
    }
    record.write(base, &record_name)?;
    drop(work);
    remove_old_versions(base, key);
    Ok((directory, in_use))
}

/// The program's directory and a lock that says it is in use. A process that removes an unused directory may come
/// between making it and locking it; then it is made anew.
fn open_and_lock(base: &Directory, key: &str) -> io::Result<(Directory, Lock)> {
    loop {
        let directory =
            base.private(key, platform::process::user_id())
                .map_err(|unfit| match unfit {
                    Unfit::Io(error) => error,
                    other => io::Error::other(other.to_string()),
                })?;
        let lock = directory.lock()?;
        lock.shared()?;
        if directory.is_in_place() {
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

fn files<'a>(
    payload: &Payload<'a>,
) -> impl Iterator<Item = Result<Entry<'a>, FormatError>> + use<'a> {
    payload.entries().filter(|entry| match entry {
        Ok(entry) => entry.placement == Placement::File && entry.method != Method::External,
        Err(_) => true,
    })
}

fn is_unchanged(directory: &Directory, payload: &Payload<'_>, record: &Record) -> bool {
    let mut known = record.files.iter();
    for entry in files(payload) {
        let (Ok(entry), Some((index, stamp))) = (entry, known.next()) else {
            return false;
        };
        if entry.index != *index || directory.stamp(entry.path).ok().as_ref() != Some(stamp) {
            return false;
        }
    }
    known.next().is_none()
}

/// Brings every file to what the payload says, in parallel, and returns their stamps in the order of the entries.
fn restore(
    directory: &Directory,
    payload: &Payload<'_>,
    record: &Record,
) -> Result<Vec<(u32, FileStamp)>, Restore> {
    let entries = files(payload).collect::<Result<Vec<_>, _>>()?;
    let parents: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| Some(entry.path.rsplit_once('/')?.0))
        .collect();
    for parent in parents {
        directory.make_parents(&format!("{parent}/"))?;
    }
    // The large ones first, so that no thread starts one when all others are done.
    let mut order: Vec<&Entry<'_>> = entries.iter().collect();
    order.sort_by_key(|entry| std::cmp::Reverse(entry.size));
    let threads = std::thread::available_parallelism()
        .map_or(1, |count| count.get().min(8))
        .min(order.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(entry) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((entry.index, restore_file(directory, entry, record)?));
        }
        Ok::<_, Restore>(done)
    };
    let mut stamps = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut stamps = work()?;
        for other in others {
            stamps.extend(
                other
                    .join()
                    .map_err(|_| io::Error::other("a thread failed"))??,
            );
        }
        Ok::<_, Restore>(stamps)
    })?;
    stamps.sort_by_key(|(index, _)| *index);
    Ok(stamps)
}

/// Brings one file to what the payload says.
fn restore_file(
    directory: &Directory,
    entry: &Entry<'_>,
    record: &Record,
) -> Result<FileStamp, Restore> {
    if let Ok(stamp) = directory.stamp(entry.path) {
        if record.file(entry.index) == Some(&stamp) || is_intact(directory, entry) {
            return Ok(stamp);
        }
        directory.remove(entry.path)?;
    }
    let mut file = directory.create_file(entry.path, entry.mode | 0o600)?;
    // The payload was verified whole before: its content is what was packed when it decompresses to its size.
    entry.copy_to(&mut file, Check::Size)?;
    file.flush()?;
    Ok(FileStamp::of(&file)?)
}

/// Whether the file on disk has the content that was packed.
fn is_intact(directory: &Directory, entry: &Entry<'_>) -> bool {
    let Ok(stamp) = directory.stamp(entry.path) else {
        return false;
    };
    if !stamp.is_file() || stamp.size != entry.size || stamp.mode & 0o777 != entry.mode & 0o777 {
        return false;
    }
    let mut content = Vec::with_capacity(usize::try_from(entry.size).unwrap_or(0));
    let Ok(mut file) = directory.open_file(entry.path) else {
        return false;
    };
    file.read_to_end(&mut content).is_ok() && entry.check(&content).is_ok()
}

/// Removes directories of the same app's other versions that no process uses.
fn remove_old_versions(base: &Directory, key: &str) {
    let Some((id, _)) = key.rsplit_once('-') else {
        return;
    };
    debug_assert_eq!(id, directory_name(id));
    for name in base.names().unwrap_or_default() {
        let is_other = name
            .strip_prefix(id)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|hash| {
                hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) && name != key
            });
        if is_other {
            remove_unused(base, &name);
        }
    }
}

/// Removes a program's directory, its record and its lock file, unless a process uses them.
fn remove_unused(base: &Directory, key: &str) {
    let Ok(directory) = base.subdirectory(key) else {
        return;
    };
    let Ok(in_use) = directory.lock() else { return };
    if !in_use.try_exclusive().unwrap_or(false) {
        return;
    }
    // The record first: without it, what remains of an interrupted removal is looked through before it is used.
    let _ = base.remove(&format!("{key}.record"));
    let _ = base.remove(key);
    let lock_name = format!("{key}.lock");
    if let Ok(work) = base.lock_file(&lock_name)
        && work.try_exclusive().unwrap_or(false)
    {
        let _ = base.remove(&lock_name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payload::{NewEntry, Writer};
    use platform::MappedFile;
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    /// A packed program with two files, as a file of `folder`.
    fn program(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
        let mut writer = Writer::new(Vec::new(), b"bootloader").unwrap();
        for (path, content) in [("lib/a.so", content), ("b.txt", b"text".as_slice())] {
            let entry = NewEntry::stored(path, Placement::File, content);
            writer.add(&entry, content).unwrap();
        }
        let memory = NewEntry::stored("memory.py", Placement::Memory, b"pass");
        writer.add(&memory, b"pass").unwrap();
        let (bytes, _) = writer.finish(&Program::default()).unwrap();
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn own(path: &Path) -> OwnFile {
        let file = File::open(path).unwrap();
        let bytes = MappedFile::of(&file).unwrap().leak();
        OwnFile {
            path: path.to_owned(),
            bytes,
            stamp: FileStamp::of(&file).unwrap(),
            payload: Payload::locate(bytes).unwrap(),
        }
    }

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

        fn start(&self, own: &OwnFile) -> Result<(Directory, Lock), Restore> {
            ready_in(&self.base, &own.key("app"), own)
        }

        fn file(&self, own: &OwnFile, path: &str) -> PathBuf {
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
