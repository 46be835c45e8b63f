//! What can be wrong with a payload.

use crate::path::PathError;
use std::fmt;

/// Why a file is not a packed program, or not an intact one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// There is no footer: the file is a bare bootloader, no packed program at all, or was cut off.
    Absent,
    /// Bytes that look like a footer are there, and are damaged.
    Footer(&'static str),
    /// A later version of the format.
    Version(u32),
    /// The program in front of the archive is damaged.
    Prefix,
    /// The archive's index or directory is damaged.
    Tail,
    /// An entry's bytes in the archive are damaged.
    Damaged {
        /// Its path.
        entry: String,
    },
    /// The archive is damaged between two entries.
    DamagedArchive {
        /// Offset of the damaged stretch from the file's first byte.
        offset: u64,
    },
    /// The index contradicts itself or the file.
    Index(&'static str),
    /// An entry has a name that must not become a path.
    Name(PathError),
    /// Two entries cannot both be unpacked.
    Collision {
        /// One path.
        first: String,
        /// The other path.
        second: String,
    },
    /// An entry does not decompress to what the index says.
    Content {
        /// Its path.
        entry: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The entry is listed here and lies in the folder beside the executable.
    External {
        /// Its path.
        entry: String,
    },
    /// The settings are not readable.
    Program(String),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "no packed program in this file, or its end is missing"),
            Self::Footer(reason) => write!(f, "the packed program's footer is damaged: {reason}"),
            Self::Version(version) => {
                write!(
                    f,
                    "the packed program has format version {version}, which this version of pack does not know"
                )
            }
            Self::Prefix => write!(f, "the start of the file (the bootloader) is damaged"),
            Self::Tail => write!(f, "the packed program's index is damaged"),
            Self::Damaged { entry } => write!(f, "the packed file `{entry}` is damaged"),
            Self::DamagedArchive { offset } => write!(
                f,
                "the packed program is damaged at byte {offset} of the file"
            ),
            Self::Index(reason) => write!(f, "the packed program's index is not valid: {reason}"),
            Self::Name(error) => error.fmt(f),
            Self::Collision { first, second } => {
                write!(
                    f,
                    "the packed files `{first}` and `{second}` cannot both be unpacked"
                )
            }
            Self::Content { entry, reason } => {
                write!(f, "the packed file `{entry}` is damaged: {reason}")
            }
            Self::External { entry } => write!(
                f,
                "`{entry}` is not in the executable but in the folder beside it"
            ),
            Self::Program(reason) => write!(
                f,
                "the packed program's settings are not readable: {reason}"
            ),
        }
    }
}

impl std::error::Error for FormatError {}

impl From<PathError> for FormatError {
    fn from(error: PathError) -> Self {
        Self::Name(error)
    }
}

/// Why an entry could not be copied out.
#[derive(Debug)]
pub enum CopyError {
    /// The payload is at fault.
    Format(FormatError),
    /// The destination is at fault.
    Write(std::io::Error),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CopyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Format(error) => Some(error),
            Self::Write(error) => Some(error),
        }
    }
}

impl From<FormatError> for CopyError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

/// Why a payload could not be written.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteError {
    /// The output is at fault.
    Io(std::io::Error),
    /// What is to be written could not be read.
    Read(std::io::Error),
    /// A name that must not become a path.
    Name(PathError),
    /// A name below `.pack/` for something to be unpacked.
    Reserved(String),
    /// Two entries, or an entry and a folder of another one, have the same path (or one that differs in case only).
    Collision {
        /// One path.
        first: String,
        /// The other path.
        second: String,
    },
    /// Two modules have the same name.
    DuplicateModule(String),
    /// A module names an entry that was not added.
    UnknownEntry {
        /// The module.
        module: String,
        /// The entry.
        entry: String,
    },
    /// The caller contradicts itself.
    Inconsistent {
        /// The entry.
        entry: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// A limit of the format.
    TooLarge(&'static str),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) | Self::Read(error) => error.fmt(f),
            Self::Name(error) => error.fmt(f),
            Self::Reserved(path) => write!(
                f,
                "`{path}` lies in `.pack`, a folder a program cannot have"
            ),
            Self::Collision { first, second } if first == second => {
                write!(f, "`{first}` is there twice")
            }
            Self::Collision { first, second } => {
                write!(f, "`{first}` and `{second}` cannot both be unpacked")
            }
            Self::DuplicateModule(name) => write!(f, "the module `{name}` is there twice"),
            Self::UnknownEntry { module, entry } => {
                write!(
                    f,
                    "the module `{module}` refers to `{entry}`, which is not there"
                )
            }
            Self::Inconsistent { entry, reason } => write!(f, "`{entry}`: {reason}"),
            Self::TooLarge(what) => write!(f, "{what}"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Read(error) => Some(error),
            Self::Name(error) => Some(error),
            _ => None,
        }
    }
}

impl From<std::io::Error> for WriteError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<PathError> for WriteError {
    fn from(error: PathError) -> Self {
        Self::Name(error)
    }
}
