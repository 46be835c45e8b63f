//! Directories for a program's files, and locks on them.
//!
//! What happens below a directory is named by its path: others cannot put something else there, as a private directory's
//! access list shuts them out ([`crate::security`]) and the folders above it are checked ([`Directory::sheltered`]).

use crate::security;
use crate::stamp::{FOLDER, FileStamp, REGULAR};
use crate::text::plain;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::windows::io::{AsHandle, AsRawHandle as _, FromRawHandle as _, IntoRawHandle as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_IO_PENDING, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_READ_ATTRIBUTES, FileBasicInfo, GetFileInformationByHandle, GetFileInformationByHandleEx,
    LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, READ_CONTROL, UnlockFile,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

impl FileStamp {
    /// The stamp of an open file. Its times are right when nobody has it open for writing.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(file: &impl AsHandle) -> io::Result<Self> {
        let handle = file.as_handle().as_raw_handle();
        // SAFETY: structures of numbers.
        let (mut about, mut times): (BY_HANDLE_FILE_INFORMATION, FILE_BASIC_INFO) =
            unsafe { std::mem::zeroed() };
        // SAFETY: an open handle, and structures of the sizes that the calls expect.
        let told = unsafe {
            GetFileInformationByHandle(handle, &raw mut about) != 0
                && GetFileInformationByHandleEx(
                    handle,
                    FileBasicInfo,
                    (&raw mut times).cast(),
                    size_of::<FILE_BASIC_INFO>() as u32,
                ) != 0
        };
        if !told {
            return Err(io::Error::last_os_error());
        }
        let two = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        // A link (any reparse point) is neither file nor folder here.
        let kind = match about.dwFileAttributes {
            bits if bits & FILE_ATTRIBUTE_REPARSE_POINT != 0 => 0o120_000,
            bits if bits & FILE_ATTRIBUTE_DIRECTORY != 0 => FOLDER,
            _ => REGULAR,
        };
        Ok(Self {
            file: (
                u64::from(about.dwVolumeSerialNumber),
                two(about.nFileIndexHigh, about.nFileIndexLow),
            ),
            size: two(about.nFileSizeHigh, about.nFileSizeLow),
            modified: i128::from(times.LastWriteTime) * 100,
            changed: i128::from(times.ChangeTime) * 100,
            mode: kind | 0o700,
        })
    }
}

/// A directory.
#[derive(Debug)]
pub struct Directory {
    /// Held open, so that it can be told from another one that comes into its place.
    file: File,
    path: PathBuf,
}

/// Why a directory is not one to keep a program's files in.
#[derive(Debug)]
pub enum Unfit {
    /// The system's reason.
    Io(io::Error),
    /// It belongs to another user.
    Owner,
    /// Others may use it.
    Mode,
    /// Somebody else could put another directory in its place: they may change this one, above it.
    Exposed(PathBuf),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Owner => f.write_str("it belongs to another user"),
            Self::Mode => f.write_str("others may use it, by its access list"),
            Self::Exposed(path) => write!(
                f,
                "others may replace it, as `{}` is theirs to change",
                path.display()
            ),
        }
    }
}

/// Opens what is at `path` to ask about it; a link is opened itself.
fn open_to_ask(path: &Path, follow: bool) -> io::Result<File> {
    let link = if follow {
        0
    } else {
        FILE_FLAG_OPEN_REPARSE_POINT
    };
    OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES | READ_CONTROL)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | link)
        .open(path)
}

/// An error for what stands in the place of something else.
fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Does `work` again for a while when it fails as it does while another process (a virus scanner, one that is removing
/// the same file) has the file open in its own way for a moment.
fn patiently<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut pause = Duration::from_millis(1);
    loop {
        match work() {
            Err(error) if is_passing(&error) && pause < Duration::from_millis(300) => {
                std::thread::sleep(pause);
                pause *= 2;
            }
            result => return result,
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(i32::cast_unsigned);
    matches!(
        code,
        Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION | ERROR_LOCK_VIOLATION)
    )
}

impl Directory {
    /// Opens `path`, following links: for directories that a caller names.
    ///
    /// # Errors
    /// When it is not a directory or cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_as(path, true)
    }

    fn open_as(path: &Path, follow: bool) -> io::Result<Self> {
        let file = open_to_ask(path, follow)?;
        let attributes = file.metadata()?.file_attributes();
        if attributes & FILE_ATTRIBUTE_DIRECTORY == 0
            || (!follow && attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0)
        {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        let mut path = self.path.clone();
        path.extend(name.split('/'));
        path
    }

    /// Opens `self/name`, made when it is missing, and makes sure that it is this user's alone. The number is for Unix.
    ///
    /// # Errors
    /// Says what speaks against it.
    pub fn private(&self, name: &str, _: u32) -> Result<Self, Unfit> {
        let path = self.at(name);
        match security::create_private(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Unfit::Io(error));
            }
            _ => {}
        }
        let found = Self::open_as(&path, false).map_err(Unfit::Io)?;
        let rights = security::rights(&found.file).map_err(Unfit::Io)?;
        if !rights.is_ours {
            return Err(Unfit::Owner);
        }
        if rights.shared {
            return Err(Unfit::Mode);
        }
        Ok(found)
    }

    /// Makes sure that what lies in this directory stays where it is: nobody else may remove it or a directory above it.
    /// Returns it by its path without links. The number is for Unix.
    ///
    /// # Errors
    /// `Exposed` with the first that is not so, going up; `Io` when the system does not tell.
    pub fn sheltered(self, _: u32) -> Result<Self, Unfit> {
        let path = plain(std::fs::canonicalize(&self.path).map_err(Unfit::Io)?);
        for above in path.ancestors() {
            // The root of a volume cannot be replaced.
            if above.parent().is_none() {
                break;
            }
            let rights = open_to_ask(above, false).and_then(|file| security::rights(&file));
            if rights.map_err(Unfit::Io)?.replaceable {
                return Err(Unfit::Exposed(above.to_owned()));
            }
        }
        Ok(Self {
            file: self.file,
            path,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it: not so when it was removed or replaced meanwhile.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let there = open_to_ask(&self.path, false).and_then(|file| FileStamp::of(&file));
        match (FileStamp::of(&self.file), there) {
            (Ok(held), Ok(there)) => held.file == there.file,
            _ => false,
        }
    }

    /// The stamp of `self/name`, which is not followed when it is a link.
    ///
    /// # Errors
    /// When it is missing or out of reach.
    pub fn stamp(&self, name: &str) -> io::Result<FileStamp> {
        let file = OpenOptions::new()
            .access_mode(FILE_READ_ATTRIBUTES)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
            .open(self.at(name))?;
        FileStamp::of(&file)
    }

    /// Opens `self/name` for reading; a link is an error.
    ///
    /// # Errors
    /// When it is missing, a link, or out of reach.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        self.open_plain(options.read(true), name)
    }

    fn open_plain(&self, options: &mut OpenOptions, name: &str) -> io::Result<File> {
        options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        let file = options.open(self.at(name))?;
        if file.metadata()?.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
            return Err(wrong("it is a link"));
        }
        Ok(file)
    }

    /// Makes `self/name` new; whatever stood there is removed first. Windows has no use for permission bits.
    ///
    /// # Errors
    /// The system's.
    pub fn create_file(&self, name: &str, _mode: u32) -> io::Result<File> {
        let create = || {
            let mut options = OpenOptions::new();
            self.open_plain(options.write(true).create_new(true), name)
        };
        patiently(|| match create() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                create()
            }
            other => other,
        })
    }

    /// The stamp of `file`, which was made as `self/name` and is complete. It is closed first: until then its times are
    /// not settled.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn finished(&self, file: File, name: &str) -> io::Result<FileStamp> {
        drop(file);
        self.stamp(name)
    }

    /// On Unix, makes a file without a name. Windows has none: always `None`.
    ///
    /// # Errors
    /// None here.
    pub fn create_unnamed(&self, _folder: &str, _mode: u32) -> io::Result<Option<File>> {
        Ok(None)
    }

    /// On Unix, gives a file a name.
    ///
    /// # Errors
    /// Always here.
    pub fn give_name(&self, _: &File, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens `self/name` for locking, made when it is missing.
    ///
    /// # Errors
    /// The system's.
    pub fn lock_file(&self, name: &str) -> io::Result<Lock> {
        // Whoever is removing it, as nobody used it, is done in a moment.
        let file = patiently(|| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            self.open_plain(&mut options, name)
        })?;
        Ok(Lock {
            path: self.at(name),
            file,
        })
    }

    /// Makes the directories that lead to `self/path`; what stands in their place and is none is removed.
    ///
    /// # Errors
    /// The system's.
    pub fn make_parents(&self, path: &str) -> io::Result<()> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            match std::fs::create_dir(self.at(parent)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let about = std::fs::symlink_metadata(self.at(parent))?;
                    let is_link = about.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0;
                    if is_link || !about.is_dir() {
                        self.remove(parent)?;
                        std::fs::create_dir(self.at(parent))?;
                    }
                }
                Err(error) => return Err(error),
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
    /// The system's; a library that some process has loaded cannot be replaced.
    pub fn rename_into(&self, from: &str, other: &Self, to: &str) -> io::Result<()> {
        patiently(|| std::fs::rename(self.at(from), other.at(to)))
    }

    /// Removes `self/name`: a file, a link, or a directory with everything in it. Links are not followed.
    ///
    /// # Errors
    /// The system's; a missing one is none.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.at(name);
        let kind = match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            about => about?.file_type(),
        };
        let removed = if kind.is_symlink_dir() {
            std::fs::remove_dir(&path)
        } else if kind.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Opens `self/name`, made when it is missing, to add to its end.
    ///
    /// # Errors
    /// The system's; a link is an error.
    pub fn append_file(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        self.open_plain(options.append(true).create(true), name)
    }

    /// The names in it, those that are no Unicode left out.
    ///
    /// # Errors
    /// The system's.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    /// The directory `self/name`, which must be none behind a link.
    ///
    /// # Errors
    /// The system's.
    pub fn subdirectory(&self, name: &str) -> io::Result<Self> {
        Self::open_as(&self.at(name), false)
    }

    /// A lock on the directory: on a file beside it, as Windows locks nothing but files.
    ///
    /// # Errors
    /// The system's.
    pub fn lock(&self) -> io::Result<Lock> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(IN_USE);
        let beside = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let beside = Self::open_as(beside, true)?;
        let name = name.into_string();
        beside.lock_file(&name.map_err(|_| wrong("its name is no Unicode"))?)
    }
}

/// Follows a directory's name in that of the file that is locked for it.
const IN_USE: &str = ".use";

/// Something to lock, and the lock on it: gone when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// The lock that [`Lock::keep`] kept.
    ///
    /// # Errors
    /// None here.
    pub fn inherited(number: i32) -> io::Result<Self> {
        // SAFETY: the caller got the number from `keep`, which gave the handle up for this call; handles are numbers of 32
        // bits, sign-extended.
        let file = unsafe { File::from_raw_handle(number as isize as _) };
        Ok(Self {
            file,
            path: PathBuf::new(),
        })
    }

    /// Waits until nobody else holds it, then holds it alone.
    ///
    /// # Errors
    /// The system's.
    pub fn exclusive(&self) -> io::Result<()> {
        self.take(LOCKFILE_EXCLUSIVE_LOCK).map(|_| ())
    }

    /// Waits until nobody holds it alone, then holds it with others.
    ///
    /// # Errors
    /// The system's.
    pub fn shared(&self) -> io::Result<()> {
        self.take(0).map(|_| ())
    }

    /// Holds it alone if nobody else holds it now.
    ///
    /// # Errors
    /// The system's.
    pub fn try_exclusive(&self) -> io::Result<bool> {
        self.take(LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY)
    }

    /// Holds it with others if nobody holds it alone now.
    ///
    /// # Errors
    /// The system's.
    pub fn try_shared(&self) -> io::Result<bool> {
        self.take(LOCKFILE_FAIL_IMMEDIATELY)
    }

    /// As everywhere, what was held before is let go first.
    fn take(&self, how: u32) -> io::Result<bool> {
        let handle = self.file.as_raw_handle();
        // SAFETY: an open handle; what is not locked is not unlocked. The structure of numbers outlives the call, which
        // waits: the file was not opened for anything else.
        let taken = unsafe {
            UnlockFile(handle, 0, 0, 1, 0);
            let mut place: OVERLAPPED = std::mem::zeroed();
            LockFileEx(handle, how, 0, 1, 0, &raw mut place)
        };
        if taken != 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error().map(i32::cast_unsigned) {
            Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
            _ => Err(error),
        }
    }

    /// Whether the locked file still has a name: a lock on one without shuts nobody out.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_linked(&self) -> io::Result<bool> {
        let there = match open_to_ask(&self.path, false) {
            Ok(file) => FileStamp::of(&file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_passing(&error) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        Ok(FileStamp::of(&self.file)?.file == there.file)
    }

    /// Keeps the lock until the process ends.
    pub fn forget(self) {
        std::mem::forget(self);
    }

    /// Keeps the lock until the process ends. Returns what [`Lock::inherited`] takes.
    #[must_use]
    pub fn keep(self, _becomes: bool) -> i32 {
        self.file.into_raw_handle() as isize as i32
    }
}
