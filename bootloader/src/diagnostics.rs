//! What the bootloader says when a program cannot be started, and with which exit status.

use payload::{CopyError, FormatError};
use platform::directory::Unfit;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a packed program was not started. Each kind has an exit status of its own (README, "Exit codes").
#[derive(Debug)]
pub enum Failure {
    /// The executable could not be read.
    Unreadable {
        /// The executable.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The executable holds no intact payload.
    Damaged(FormatError),
    /// A file beside a one-folder executable is missing or not what was packed.
    DamagedFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No directory could take the files.
    NoDirectory(Vec<(PathBuf, Unfit)>),
    /// A library of the bundle could not be loaded.
    Library(String),
    /// The packed interpreter's program could not be started.
    Program {
        /// The program.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl Failure {
    pub(crate) fn damaged(error: FormatError) -> Self {
        Self::Damaged(error)
    }

    /// The process's exit status.
    #[must_use]
    pub fn status(&self) -> i32 {
        match self {
            Self::Unreadable { .. } | Self::Damaged(_) | Self::DamagedFile { .. } => 101,
            Self::NoDirectory(_) => 102,
            Self::Library(_) | Self::Program { .. } => 103,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged(_) | Self::DamagedFile { .. } => Some(
                "the file was changed or cut off after it was built: copy or download it again",
            ),
            Self::NoDirectory(_) => {
                Some("name a directory it can use in the environment variable PACK_TMPDIR")
            }
            Self::Library(_) => {
                Some("the program was built for another system: a newer glibc may be needed")
            }
            Self::Unreadable { .. } | Self::Program { .. } => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, error } => {
                write!(f, "cannot read `{}`: {error}", file.display())
            }
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
            Self::Library(text) => write!(f, "cannot load a library: {text}"),
            Self::Program { file, error } => {
                write!(f, "cannot start `{}`: {error}", file.display())
            }
        }
    }
}

impl std::error::Error for Failure {}

/// Tells the user, on stderr.
pub fn report(failure: &Failure) {
    let name = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&name)
        .file_name()
        .unwrap_or(name.as_os_str())
        .display()
        .to_string();
    let mut text = format!("{name}: error: {failure}\n");
    if let Some(hint) = failure.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Nowhere to go when stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Separates what a full disk explains from what damage explains.
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
