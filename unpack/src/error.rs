//! Why a program's files are not ready.

use payload::{CopyError, FormatError};
use platform::directory::Unfit;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a program cannot have its files.
#[derive(Debug)]
pub enum Failure {
    /// The executable holds no intact payload.
    Damaged(FormatError),
    /// A file beside a one-folder executable is missing or not what was packed.
    DamagedFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No directory could take the files: those tried, each with what speaks against it.
    NoDirectory(Vec<(PathBuf, Unfit)>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::DamagedFile { file, reason } => {
                write!(f, "`{}` is damaged: {reason}", file.display())
            }
            Self::NoDirectory(tried) => {
                f.write_str("found no directory to unpack into; tried")?;
                tried
                    .iter()
                    .try_for_each(|(path, reason)| write!(f, "\n  {}: {reason}", path.display()))
            }
        }
    }
}

impl std::error::Error for Failure {}

/// Separates what a full disk explains from what damage explains.
#[derive(Debug)]
pub(crate) enum Restore {
    /// The payload is damaged.
    Damaged(FormatError),
    /// The directory does not take the file.
    Directory(io::Error),
}

impl From<CopyError> for Restore {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Format(error) => Self::Damaged(error),
            CopyError::Write(error) => Self::Directory(error),
        }
    }
}

impl From<FormatError> for Restore {
    fn from(error: FormatError) -> Self {
        Self::Damaged(error)
    }
}

impl From<io::Error> for Restore {
    fn from(error: io::Error) -> Self {
        Self::Directory(error)
    }
}

impl From<Failure> for Restore {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Damaged(error) => Self::Damaged(error),
            other => Self::Directory(io::Error::other(other.to_string())),
        }
    }
}

impl From<Unfit> for Restore {
    fn from(unfit: Unfit) -> Self {
        Self::Directory(match unfit {
            Unfit::Io(error) => error,
            other => io::Error::other(other.to_string()),
        })
    }
}
