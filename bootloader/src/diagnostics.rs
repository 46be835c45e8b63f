//! What the bootloader says when a program cannot be started, and with which exit status.

use payload::FormatError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a packed program was not started. Each kind has an exit status of its own (README, "Exit codes").
#[derive(Debug)]
pub(crate) enum Failure {
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
    /// The executable has rights that whoever started it lacks, and would load files that belong to them.
    Rights,
    /// A library of the bundle could not be loaded.
    Library(String),
    /// The C library of this system is too old for the program's libraries.
    #[cfg_attr(windows, allow(dead_code, reason = "of systems with glibc"))]
    OldGlibc {
        /// The version that they need: major and minor.
        needed: (u16, u16),
        /// The system's.
        present: (u16, u16),
        /// The dynamic linker's words, where it was asked.
        complaint: Option<String>,
    },
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
    pub(crate) fn status(&self) -> i32 {
        match self {
            Self::Files(unpack::Failure::NoDirectory(_)) | Self::Rights => 102,
            Self::Unreadable { .. } | Self::Damaged(_) | Self::Files(_) => 101,
            Self::Library(_) | Self::OldGlibc { .. } | Self::Program { .. } => 103,
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
            Self::Rights => Some(
                "build it with --onedir into a folder that only its owner can write, or give the rights to the process: \
                 AmbientCapabilities= and Group= of systemd do",
            ),
            Self::OldGlibc { .. } => Some(
                "run it on a newer system, or build it with an interpreter and libraries that were made on an older one",
            ),
            Self::Library(_) => Some("the program was built for another kind of system"),
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
            Self::Rights => f.write_str(
                "its file gives it rights (capabilities, setgid) that its user lacks, and what it unpacks would belong to that user",
            ),
            Self::OldGlibc {
                needed,
                present,
                complaint,
            } => {
                write!(
                    f,
                    "this program needs glibc {}.{} or later, this system has {}.{}",
                    needed.0, needed.1, present.0, present.1
                )?;
                complaint
                    .iter()
                    .try_for_each(|words| write!(f, "\n  ({words})"))
            }
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
pub(crate) fn report(failure: &Failure) {
    let name = program_name();
    let mut text = format!("{name}: error: {failure}\n");
    if let Some(hint) = failure.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    platform::streams::last_words(&text);
}

/// The executable's name, as the user called it.
pub(crate) fn program_name() -> String {
    let name = std::env::args_os().next().unwrap_or_default();
    let file = Path::new(&name).file_name().unwrap_or(name.as_os_str());
    file.display().to_string()
}
