//! Descriptors that something else owns.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

/// Another descriptor of the file that `descriptor` is one of. They share their position.
///
/// # Errors
/// When it is no open descriptor, or there are too many.
pub fn duplicate(descriptor: RawFd) -> io::Result<File> {
    if descriptor < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: borrowed for this call, which refuses a number that is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    // Never one of the standard streams, where the program has closed them.
    Ok(File::from(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_duplicate_outlives_the_original() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"text").unwrap();
        let mut duplicate = duplicate(file.as_raw_fd()).unwrap();
        drop(file);
        let mut read = [0; 4];
        duplicate.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(&read, b"text");
        assert_eq!(duplicate.read(&mut read).unwrap(), 0);
        assert!(super::duplicate(-1).is_err());
        assert!(super::duplicate(1 << 20).is_err());
    }
}
