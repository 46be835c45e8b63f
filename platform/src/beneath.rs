//! Files below a folder, and nothing above it: names that came from elsewhere lead to no other place.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat, openat2};
use rustix::io::Errno;

/// Neither waiting for a FIFO's other end nor becoming a terminal's process.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);
const FOLDER: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);
/// How often a lookup is tried again that the kernel gave up because something was renamed meanwhile.
const TRIES: usize = 8;

/// A folder whose files are opened by names that nobody has checked.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// The folder at `path`, which may lead through links.
    ///
    /// # Errors
    /// When it is not there or no folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, FOLDER, Mode::empty())?))
    }

    /// Opens a regular file below it. Links are followed as long as they stay below; on systems that cannot tell (Linux
    /// before 5.6), none is.
    ///
    /// # Errors
    /// `NotFound` for whatever is no regular file below the folder; or the system's.
    pub fn file(&self, name: &Path) -> io::Result<File> {
        let opened = match self.resolve(name) {
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => self.walk(name),
            opened => opened,
        };
        let file = File::from(opened.map_err(not_there)?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn resolve(&self, name: &Path) -> Result<OwnedFd, Errno> {
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut result = Err(Errno::AGAIN);
        for _ in 0..TRIES {
            result = openat2(&self.0, name, FILE, Mode::empty(), within);
            if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        result
    }

    fn walk(&self, name: &Path) -> Result<OwnedFd, Errno> {
        let mut folder: Option<OwnedFd> = None;
        let mut parts = name.components().peekable();
        while let Some(part) = parts.next() {
            let std::path::Component::Normal(part) = part else {
                return Err(Errno::NOENT);
            };
            let above: BorrowedFd<'_> = folder.as_ref().map_or(self.0.as_fd(), |fd| fd.as_fd());
            if parts.peek().is_none() {
                return openat(above, part, FILE | OFlags::NOFOLLOW, Mode::empty());
            }
            folder = Some(openat(
                above,
                part,
                FOLDER | OFlags::NOFOLLOW,
                Mode::empty(),
            )?);
        }
        Err(Errno::NOENT)
    }
}

fn not_there(error: Errno) -> io::Error {
    match error {
        // A link that leads out, a file in the place of a folder, a loop, a name that no file can have, a socket.
        Errno::XDEV | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG | Errno::NXIO => {
            io::ErrorKind::NotFound.into()
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    fn read(file: io::Result<File>) -> Option<String> {
        let mut text = String::new();
        file.ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    #[test]
    fn nothing_outside_is_opened() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(scratch.path().join("secret"), "secret").unwrap();
        std::fs::write(root.join("a/b/file"), "file").unwrap();
        symlink("../../secret", root.join("a/out")).unwrap();
        symlink(scratch.path(), root.join("up")).unwrap();
        symlink("b/file", root.join("a/in")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(root.join("fifo"))
            .status();
        assert!(made.unwrap().success());
        let folder = Folder::open(&root).unwrap();
        let both = |name: &str| {
            let walked = folder.walk(Path::new(name)).map(File::from);
            let walked = walked.map_err(io::Error::from);
            [read(folder.file(Path::new(name))), read(walked)]
        };
        let file = || Some("file".to_owned());
        assert_eq!(both("a/b/file"), [file(), file()]);
        assert_eq!(both("a/in"), [file(), None]);
        for name in [
            "a/out",
            "up/secret",
            "../secret",
            "a/../../secret",
            "/etc/passwd",
            "loop",
            "a/b",
            "nothing",
            "a/b/file/x",
            "",
        ] {
            assert_eq!(both(name), [None, None], "{name}");
        }
        let kind = |name: &str| folder.file(Path::new(name)).map_err(|error| error.kind());
        for name in ["fifo", "a/out", "up/secret", "loop", "a/b", "a/b/file/x"] {
            assert_eq!(kind(name).unwrap_err(), io::ErrorKind::NotFound, "{name}");
        }
    }
}
