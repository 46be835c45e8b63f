//! Directories held open, so that what happens below them happens there and nowhere else.

use crate::stamp::FileStamp;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

impl FileStamp {
    /// The stamp of an open file.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(file: &impl AsFd) -> io::Result<Self> {
        Ok(Self::from_stat(&rustix::fs::fstat(file)?))
    }

    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields' types differ between systems"
    )]
    fn from_stat(stat: &Stat) -> Self {
        let nanoseconds =
            |seconds: i64, rest: u64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            file: (stat.st_dev as u64, stat.st_ino as u64),
            size: stat.st_size as u64,
            modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            mode: stat.st_mode as u32,
        }
    }
}

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Why a directory is not one to keep a program's files in.
#[derive(Debug)]
pub enum Unfit {
    /// The system's reason.
    Io(io::Error),
    /// It belongs to the user of this id.
    Owner(u32),
    /// Others may enter or write it; its permission bits.
    Mode(u32),
    /// Somebody else could put another directory in its place: this one, above it, is theirs or theirs to write.
    Exposed(PathBuf),
    /// The file system is mounted `noexec`: no library can be loaded from it.
    NoExec,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Owner(uid) => write!(f, "it belongs to user {uid}"),
            Self::Mode(mode) => write!(f, "others may use it (mode {mode:o})"),
            Self::Exposed(path) => write!(
                f,
                "others may replace it, as `{}` is theirs to change",
                path.display()
            ),
            Self::NoExec => f.write_str("its file system is mounted noexec"),
        }
    }
}

impl From<rustix::io::Errno> for Unfit {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

const OPEN: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a file that is no standard stream: where those are missing, the lowest free number would make it one.
fn openat(
    folder: impl AsFd,
    path: impl rustix::path::Arg,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    crate::streams::beyond(rustix::fs::openat(folder, path, flags, mode)?)
}

impl Directory {
    /// Opens `path`, following links: for directories that a caller names.
    ///
    /// # Errors
    /// When it is not a directory or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = openat(
            rustix::fs::CWD,
            path,
            OPEN.difference(OFlags::NOFOLLOW),
            Mode::empty(),
        )?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// Opens `self/name`, made when it is missing, and makes sure that it is this user's alone (mode 0700, no link)
    /// and that libraries can be loaded from it.
    ///
    /// # Errors
    /// Says what speaks against it.
    pub fn private(&self, name: &str, user: u32) -> Result<Self, Unfit> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let fd = openat(&self.fd, name, OPEN, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        if stat.st_uid != user {
            return Err(Unfit::Owner(stat.st_uid));
        }
        if stat.st_mode & 0o077 != 0 {
            return Err(Unfit::Mode(stat.st_mode & 0o7777));
        }
        if rustix::fs::fstatvfs(&fd)?.f_flag.bits() & u64::from(libc::ST_NOEXEC as u32) != 0 {
            return Err(Unfit::NoExec);
        }
        Ok(Self {
            fd,
            path: self.path.join(name),
        })
    }

    /// Makes sure that what lies in this directory stays where it is: this directory and all above it belong to the
    /// user or to root, and where others may write, only owners may rename and remove (the sticky bit). Returns it by
    /// its path without links.
    ///
    /// # Errors
    /// `Exposed` with the first that is not so, going up; `Io` when the system does not tell.
    pub fn sheltered(self, user: u32) -> Result<Self, Unfit> {
        let path = std::fs::canonicalize(&self.path).map_err(Unfit::Io)?;
        let group = rustix::process::getegid().as_raw();
        for above in path.ancestors() {
            let stat = rustix::fs::lstat(above)?;
            let mut writers = stat.st_mode & 0o022;
            if stat.st_gid == 0 || stat.st_gid == group {
                // A group of one's own, as many systems give to each user.
                writers &= !0o020;
            }
            let sticky = stat.st_mode & 0o1000 != 0;
            let ours = stat.st_uid == user || stat.st_uid == 0;
            if !ours || (writers != 0 && !sticky) {
                return Err(Unfit::Exposed(above.to_owned()));
            }
        }
        Ok(Self { fd: self.fd, path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it: not so when it was removed or replaced meanwhile.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let (Ok(held), Ok(there)) = (rustix::fs::fstat(&self.fd), rustix::fs::lstat(&self.path))
        else {
            return false;
        };
        (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)
    }

    /// The stamp of `self/name`, which is not followed when it is a link.
    ///
    /// # Errors
    /// When it is missing or out of reach.
    pub fn stamp(&self, name: &str) -> io::Result<FileStamp> {
        Ok(FileStamp::from_stat(&rustix::fs::statat(
            &self.fd,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?))
    }

    /// Opens `self/name` for reading; a link is an error.
    ///
    /// # Errors
    /// When it is missing, a link, or out of reach.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// Makes `self/name` new with these permission bits; whatever stood there is removed first, so that a process that
    /// has it mapped keeps what it has.
    ///
    /// # Errors
    /// The system's.
    pub fn create_file(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & 0o777);
        let file = match openat(&self.fd, name, flags, mode) {
            Err(rustix::io::Errno::EXIST) => {
                self.remove(name)?;
                openat(&self.fd, name, flags, mode)?
            }
            other => other?,
        };
        Ok(file.into())
    }

    /// The stamp of `file`, which was made as `self/name` and is complete.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn finished(&self, file: File, _name: &str) -> io::Result<FileStamp> {
        FileStamp::of(&file)
    }

    /// Makes a file in the folder `self/folder` (this directory when it is empty) that has no name yet: nobody sees it
    /// before [`Directory::give_name`], and it is gone when the process ends before that. `None` where the file system
    /// knows no such files.
    ///
    /// # Errors
    /// The system's, all others.
    pub fn create_unnamed(&self, folder: &str, mode: u32) -> io::Result<Option<File>> {
        use rustix::io::Errno;
        let folder = if folder.is_empty() { "." } else { folder };
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match openat(&self.fd, folder, flags, Mode::from_raw_mode(mode & 0o777)) {
            Ok(file) => Ok(Some(file.into())),
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the file that [`Directory::create_unnamed`] made the name `self/path`, which must be free.
    ///
    /// # Errors
    /// The system's; `AlreadyExists` when the name is taken, `NotFound` without `/proc`.
    pub fn give_name(&self, file: &File, path: &str) -> io::Result<()> {
        // By its descriptor alone it could be named only with rights that users lack.
        let own = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        let follow = AtFlags::SYMLINK_FOLLOW;
        Ok(rustix::fs::linkat(CWD, own, &self.fd, path, follow)?)
    }

    /// Opens `self/name` for locking, made when it is missing.
    ///
    /// # Errors
    /// The system's.
    pub fn lock_file(&self, name: &str) -> io::Result<Lock> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Lock(openat(
            &self.fd,
            name,
            flags,
            Mode::RUSR | Mode::WUSR,
        )?))
    }

    /// Makes the directories that lead to `self/path`; what stands in their place and is none is removed.
    ///
    /// # Errors
    /// The system's.
    pub fn make_parents(&self, path: &str) -> io::Result<()> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            match rustix::fs::mkdirat(&self.fd, parent, Mode::RWXU) {
                Ok(()) => {}
                Err(rustix::io::Errno::EXIST) => {
                    let stat = rustix::fs::statat(&self.fd, parent, AtFlags::SYMLINK_NOFOLLOW)?;
                    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                        rustix::fs::unlinkat(&self.fd, parent, AtFlags::empty())?;
                        rustix::fs::mkdirat(&self.fd, parent, Mode::RWXU)?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Puts `from` in the place of `to`, both directly in this directory, in one step.
    ///
    /// # Errors
    /// The system's.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename_into(from, self, to)
    }

    /// Puts `self/from` in the place of `other/to`, in one step.
    ///
    /// # Errors
    /// The system's.
    pub fn rename_into(&self, from: &str, other: &Self, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.fd, from, &other.fd, to)?)
    }

    /// Removes `self/name`: a file, a link, or a directory with everything in it. Links are not followed.
    ///
    /// # Errors
    /// The system's; a missing one is none.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(rustix::io::Errno::ISDIR | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        let inner = Self {
            fd: openat(&self.fd, name, OPEN, Mode::empty())?,
            path: self.path.join(name),
        };
        for entry in inner.names()? {
            inner.remove(&entry)?;
        }
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?)
    }

    /// Opens `self/name`, made when it is missing, to add to its end.
    ///
    /// # Errors
    /// The system's; a link is an error.
    pub fn append_file(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(openat(&self.fd, name, flags, mode)?.into())
    }

    /// The names in it, those that are not UTF-8 left out.
    ///
    /// # Errors
    /// The system's.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// The directory `self/name`, which must be none behind a link.
    ///
    /// # Errors
    /// The system's.
    pub fn subdirectory(&self, name: &str) -> io::Result<Self> {
        let fd = openat(&self.fd, name, OPEN, Mode::empty())?;
        Ok(Self {
            fd,
            path: self.path.join(name),
        })
    }

    /// A lock on the directory itself: the kind that systemd-tmpfiles respects.
    ///
    /// # Errors
    /// The system's.
    pub fn lock(&self) -> io::Result<Lock> {
        Ok(Lock(rustix::io::fcntl_dupfd_cloexec(&self.fd, 3)?))
    }
}

impl Lock {
    /// The lock that [`Lock::keep`] kept, in the program that the process became.
    ///
    /// # Errors
    /// When `descriptor` is not open.
    pub fn inherited(descriptor: i32) -> io::Result<Self> {
        // SAFETY: asks whether the descriptor is open, and owns nothing.
        let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor.max(0)) };
        rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC)?;
        // SAFETY: it is open, and the caller got its number from `keep`, which gave it up for this call.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }
}

/// Something to lock, and the lock on it (`flock`): gone when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock(OwnedFd);

impl Lock {
    /// Waits until nobody else holds it, then holds it alone.
    ///
    /// # Errors
    /// The system's, for file systems without locks.
    pub fn exclusive(&self) -> io::Result<()> {
        self.flock(FlockOperation::LockExclusive).map(|_| ())
    }

    /// Waits until nobody holds it alone, then holds it with others.
    ///
    /// # Errors
    /// The system's.
    pub fn shared(&self) -> io::Result<()> {
        self.flock(FlockOperation::LockShared).map(|_| ())
    }

    /// Holds it alone if nobody else holds it now.
    ///
    /// # Errors
    /// The system's.
    pub fn try_exclusive(&self) -> io::Result<bool> {
        self.flock(FlockOperation::NonBlockingLockExclusive)
    }

    /// Holds it with others if nobody holds it alone now.
    ///
    /// # Errors
    /// The system's.
    pub fn try_shared(&self) -> io::Result<bool> {
        self.flock(FlockOperation::NonBlockingLockShared)
    }

    fn flock(&self, operation: FlockOperation) -> io::Result<bool> {
        loop {
            match rustix::fs::flock(&self.0, operation) {
                Ok(()) => return Ok(true),
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the locked file still has a name: a lock on one without shuts nobody out.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_linked(&self) -> io::Result<bool> {
        Ok(rustix::fs::fstat(&self.0)?.st_nlink != 0)
    }

    /// Keeps the lock until the process ends or becomes another program.
    pub fn forget(self) {
        std::mem::forget(self);
    }

    /// Keeps the lock until the process ends, with `becomes` also when it becomes another program. Returns what
    /// [`Lock::inherited`] takes.
    #[must_use]
    pub fn keep(self, becomes: bool) -> i32 {
        if becomes {
            // Where that fails the files may be removed while they are used, and the next start puts that right.
            let _ = rustix::io::fcntl_setfd(&self.0, rustix::io::FdFlags::empty());
        }
        self.0.into_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        (folder, directory)
    }

    #[test]
    fn a_private_directory_is_made_once_and_must_stay_private() {
        let (folder, root) = scratch();
        let user = process_user();
        assert!(root.private("x", user).is_ok());
        assert!(root.private("x", user).is_ok());
        assert!(matches!(root.private("x", user + 1), Err(Unfit::Owner(_))));
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path().join("x"), open).unwrap();
        assert!(matches!(root.private("x", user), Err(Unfit::Mode(0o755))));
    }

    #[test]
    fn a_link_is_no_private_directory() {
        let (folder, root) = scratch();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::os::unix::fs::symlink("target", folder.path().join("link")).unwrap();
        assert!(matches!(
            root.private("link", process_user()),
            Err(Unfit::Io(_))
        ));
    }

    #[test]
    fn files_replace_what_stood_there() {
        let (folder, root) = scratch();
        root.make_parents("a/b/c").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("a/b/c")).unwrap();
        drop(root.create_file("a/b/c", 0o644).unwrap());
        assert!(root.stamp("a/b/c").unwrap().is_file());
        root.remove("a").unwrap();
        assert!(root.names().unwrap().is_empty());
    }

    #[test]
    fn a_removed_directory_is_noticed() {
        let (_folder, root) = scratch();
        let inner = root.private("x", process_user()).unwrap();
        assert!(inner.is_in_place());
        root.remove("x").unwrap();
        assert!(!inner.is_in_place());
    }

    #[test]
    fn an_exclusive_lock_is_refused_while_shared() {
        let (_folder, root) = scratch();
        // Two open files: locks belong to the open file, not to the process.
        let first = root.lock_file("l").unwrap();
        let second = root.lock_file("l").unwrap();
        first.shared().unwrap();
        assert!(!second.try_exclusive().unwrap());
        drop(first);
        assert!(second.try_exclusive().unwrap());
    }

    fn process_user() -> u32 {
        crate::process::user_id()
    }
}
