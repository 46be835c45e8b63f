//! A part of a file on its way to a client.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt as _;

/// Bytes that are read at once.
const SIZE: usize = 64 * 1024;

/// What is left to be sent of it.
#[derive(Debug)]
pub(crate) struct Piece {
    file: File,
    offset: u64,
    left: u64,
}

impl Piece {
    /// `length` bytes of `file`, from `offset` on.
    pub(crate) fn new(file: File, offset: u64, length: u64) -> Self {
        Self {
            file,
            offset,
            left: length,
        }
    }

    /// Reads the next bytes into `buffer`, which is empty; false when there are no more.
    ///
    /// # Errors
    /// The file's; `UnexpectedEof` when it has become shorter.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let wanted = usize::try_from(self.left).map_or(SIZE, |left| left.min(SIZE));
        buffer.resize(wanted, 0);
        let read = loop {
            match self.file.read_at(buffer, self.offset) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        buffer.truncate(read);
        if read == 0 && wanted > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read > 0)
    }
}
