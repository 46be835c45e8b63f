//! What the bootloader says when a program cannot be started, and with which exit status.

use payload::FormatError;
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
    /// The program's files are not ready.
    Files(unpack::Failure),
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
            Self::Files(unpack::Failure::NoDirectory(_)) => 102,
            Self::Unreadable { .. } | Self::Damaged(_) | Self::Files(_) => 101,
            Self::Library(_) | Self::Program { .. } => 103,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Files(unpack::Failure::NoDirectory(_)) => {
                Some("name a directory it can use in the environment variable PACK_TMPDIR")
            }
            Self::Damaged(_) | Self::Files(_) => Some(
                "the file was changed or cut off after it was built: copy or download it again",
            ),
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
            Self::Files(failure) => failure.fmt(f),
            Self::Library(text) => write!(f, "cannot load a library: {text}"),
            Self::Program { file, error } => {
                write!(f, "cannot start `{}`: {error}", file.display())
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<unpack::Failure> for Failure {
    fn from(failure: unpack::Failure) -> Self {
        Self::Files(failure)
    }
}

/// Tells the user, on stderr.
pub fn report(failure: &Failure) {
    let name = program_name();
    let mut text = format!("{name}: error: {failure}\n");
    if let Some(hint) = failure.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Nowhere to go when stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The executable's name, as the user called it.
pub(crate) fn program_name() -> String {
    let name = std::env::args_os().next().unwrap_or_default();
    let file = Path::new(&name).file_name().unwrap_or(name.as_os_str());
    file.display().to_string()
}
