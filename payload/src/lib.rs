//! The on-disk format of a packed program. See FORMAT.md.
#![forbid(unsafe_code)]

mod path;
mod program;

pub use path::{ArchivePath, PathError};
pub use program::*;
