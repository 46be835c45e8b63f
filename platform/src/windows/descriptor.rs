//! Descriptors that something else owns.

use std::fs::File;
use std::io;

/// On Unix, another descriptor of the same file. On Windows descriptors are numbers of one C library, which is Python's and
/// not this one's.
///
/// # Errors
/// Always.
pub fn duplicate(_: i32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
