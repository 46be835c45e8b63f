//! Which files of some folders are opened, by any process of the machine (inotify).

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Some hundred events.
const BUFFER: usize = 64 * 1024;

/// Folders that are watched.
#[derive(Debug)]
pub struct Opened {
    queue: OwnedFd,
    folders: HashMap<i32, PathBuf>,
    seen: BTreeSet<PathBuf>,
    lost: bool,
}

impl Opened {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the system has no more queues for this user.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            queue: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            folders: HashMap::new(),
            seen: BTreeSet::new(),
            lost: false,
        })
    }

    /// Watches the files directly in `folder`.
    ///
    /// # Errors
    /// When it is none, or the user watches as many folders as they may.
    pub fn watch(&mut self, folder: &Path) -> io::Result<()> {
        let flags = WatchFlags::OPEN | WatchFlags::ONLYDIR;
        let number = inotify::add_watch(&self.queue, folder, flags)?;
        self.folders.insert(number, folder.to_owned());
        Ok(())
    }

    /// Takes in what was opened since. Called often enough, so that the system's queue (16384 events) does not overflow.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn collect(&mut self) -> io::Result<()> {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(&self.queue, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            self.lost |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            if event.events().contains(ReadFlags::ISDIR) {
                continue;
            }
            if let (Some(folder), Some(name)) = (self.folders.get(&event.wd()), event.file_name()) {
                self.seen
                    .insert(folder.join(OsStr::from_bytes(name.to_bytes())));
            }
        }
    }

    /// The files that were opened, and whether events were lost.
    #[must_use]
    pub fn into_seen(self) -> (BTreeSet<PathBuf>, bool) {
        (self.seen, self.lost)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_that_are_opened_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("inner")).unwrap();
        for name in ["read", "left", "inner/far"] {
            std::fs::write(path(name), name).unwrap();
        }
        let mut opened = Opened::new().unwrap();
        opened.watch(folder.path()).unwrap();
        assert!(opened.watch(&path("absent")).is_err());
        std::fs::read(path("read")).unwrap();
        std::fs::metadata(path("left")).unwrap();
        std::fs::read_dir(folder.path()).unwrap().count();
        std::fs::read(path("inner/far")).unwrap();
        opened.collect().unwrap();
        let (seen, lost) = opened.into_seen();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [path("read")]);
        assert!(!lost);
    }
}
