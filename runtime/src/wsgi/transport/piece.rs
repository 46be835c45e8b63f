//! A part of a file on its way to a client.

use std::fs::File;
use std::io::{self, ErrorKind};

use super::stream::Stream;
use crate::wsgi::exchange::FilePart;

/// Bytes that are read at once.
const SIZE: usize = 64 * 1024;

/// Bytes that are sent at once where they are not read.
const MOST: usize = 512 * 1024;

// File systems differ in what they let the kernel send.
fn is_unable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Unsupported
    )
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

// Moves the file's position, too, which nobody else reads at.
#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// What is left to be sent of it.
#[derive(Debug)]
pub(crate) struct Piece {
    file: File,
    offset: u64,
    left: u64,
    /// The kernel cannot send it by itself.
    copies: bool,
}

impl Piece {
    /// All of `part`.
    pub(crate) fn new(part: FilePart) -> Self {
        Self {
            file: part.file,
            offset: part.offset,
            left: part.length,
            copies: false,
        }
    }

    /// Sends the next bytes without a copy in this process; false when there are no more, `None` where that cannot be done.
    ///
    /// # Errors
    /// The connection's; `UnexpectedEof` when the file has become shorter.
    pub(crate) fn send(&mut self, socket: &Stream) -> Option<io::Result<bool>> {
        if self.copies {
            return None;
        }
        let count = usize::try_from(self.left).map_or(MOST, |left| left.min(MOST));
        match socket.send_file(&self.file, &mut self.offset, count) {
            Some(Ok(0)) if self.left > 0 => Some(Err(ErrorKind::UnexpectedEof.into())),
            Some(Ok(sent)) => {
                self.left -= sent as u64;
                Some(Ok(self.left > 0))
            }
            Some(Err(error)) if is_unable(&error) => {
                self.copies = true;
                None
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                self.copies = true;
                None
            }
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
            match read_at(&self.file, buffer, self.offset) {
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
