//! Windows executables (PE): their headers, their resources, and putting other resources in. Plain Rust that works on
//! every host.

pub(crate) mod bytes;
mod checksum;
mod edit;
mod headers;
mod resources;

pub use checksum::{checksum, with_checksum};
pub use edit::{Edited, with_resources};
pub use headers::{CONSOLE, Headers, Section, WINDOWED};
pub use resources::{Id, Language, Resource, Resources, kind};

/// Why a file cannot be read or changed as a Windows executable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeError {
    /// It is something else.
    #[error("it is no Windows executable: {0}")]
    NotPe(&'static str),
    /// It ends too early.
    #[error("it ends before its {what}, which should be at offset {offset:#x}")]
    Truncated {
        /// What should be there.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// Something in it cannot be.
    #[error("its {what} is wrong: {why}")]
    Invalid {
        /// What.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// What is to go in does not fit.
    #[error("{0}")]
    NoRoom(&'static str),
}

impl PeError {
    fn truncated(what: &'static str, offset: impl TryInto<u64>) -> Self {
        Self::Truncated {
            what,
            offset: offset.try_into().unwrap_or(u64::MAX),
        }
    }

    fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid {
            what,
            why: why.into(),
        }
    }
}

/// Does it begin like one? More is known by [`Headers::parse`].
#[must_use]
pub fn is_pe(file: &[u8]) -> bool {
    file.starts_with(b"MZ")
}

#[cfg(test)]
pub(crate) mod tests;
