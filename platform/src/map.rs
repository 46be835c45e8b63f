//! Files mapped into memory.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// A whole file, mapped read-only. Pages are read when they are used.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(&File::open(path)?)
    }

    /// Maps an open file.
    ///
    /// # Errors
    /// When it cannot be mapped.
    pub fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the mapping is private and read-only. Another process that changes the file under us changes the
        // bytes we see; that is so for every executable, whose code pages are mapped the same way.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self(map))
    }

    /// For as long as the process lives: the mapping is never removed.
    #[must_use]
    pub fn leak(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// Gives back the memory of what was read so far; what is read again comes from the file again. Does nothing where the
    /// system cannot.
    pub fn release(&self) {
        // SAFETY: a whole mapping that is read-only.
        unsafe { release(self) };
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes of a file that stays mapped for as long as the process lives; as a pointer and a length they go from one
/// library to another.
#[derive(Debug, Clone, Copy)]
pub struct MappedBytes(&'static [u8]);

impl MappedBytes {
    /// # Safety
    /// `bytes` are all those of a [`MappedFile`] that is never removed.
    pub(crate) unsafe fn assume(bytes: &'static [u8]) -> Self {
        Self(bytes)
    }

    /// All of them.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        self.0
    }

    /// As [`MappedFile::release`].
    pub fn release(self) {
        // SAFETY: as whoever made this vouched for.
        unsafe { release(self.0) };
    }
}

/// # Safety
/// `bytes` are whole pages of a mapped file to which nobody writes or has written.
pub(crate) unsafe fn release(bytes: &[u8]) {
    // SAFETY: as the caller promises, the pages are those of the file before and after.
    #[cfg(unix)]
    let _ = unsafe {
        let start = bytes.as_ptr().cast_mut();
        libc::madvise(start.cast(), bytes.len(), libc::MADV_DONTNEED)
    };
    #[cfg(windows)]
    let _ = bytes;
}

impl From<&'static MappedFile> for MappedBytes {
    fn from(file: &'static MappedFile) -> Self {
        Self(file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write as _;

    #[test]
    fn what_was_released_is_there_again() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        file.write_all(&content).unwrap();
        let map = MappedFile::of(&file).unwrap();
        assert!(map[..] == content[..]);
        map.release();
        assert!(map[..] == content[..]);
        let bytes = MappedBytes::from(map.leak());
        bytes.release();
        assert!(bytes.bytes() == content);
    }
}
