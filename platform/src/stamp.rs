//! What tells one state of a file from another.

/// What the system says of a file: one whose stamp is unchanged has not been written to, as far as other users and
/// accidents go. On Unix no unprivileged process can set `changed` back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    /// Device and inode; on Windows volume and file number.
    pub file: (u64, u64),
    /// Bytes.
    pub size: u64,
    /// Last write, in nanoseconds.
    pub modified: i128,
    /// Last change of content or of metadata, in nanoseconds.
    pub changed: i128,
    /// Permission bits and type, as Unix has them.
    pub mode: u32,
}

/// `S_IFMT`
const TYPE: u32 = 0o170_000;
/// `S_IFREG`
pub(crate) const REGULAR: u32 = 0o100_000;
/// `S_IFDIR`
pub(crate) const FOLDER: u32 = 0o040_000;

impl FileStamp {
    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.mode & TYPE == REGULAR
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.mode & TYPE == FOLDER
    }

    /// Whether its owner may do with it what `mode` says. Windows keeps no such bits.
    #[must_use]
    pub fn serves_owner_as(&self, mode: u32) -> bool {
        cfg!(windows) || self.mode & 0o700 == mode & 0o700
    }
}
