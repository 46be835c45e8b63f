//! Bytes on their way out, hashed as they pass.

use crate::digest::Chunks;
use std::io::{self, Write};

/// The output, and where in it we are.
#[derive(Debug)]
pub(super) struct Archive<W> {
    pub(super) out: W,
    /// Of the payload.
    pub(super) start: u64,
    pub(super) at: u64,
    pub(super) chunks: Chunks,
}

impl<W: Write> Archive<W> {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn write_chunked(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.chunks.update(bytes);
        self.write(bytes)
    }
}

/// What lies behind the chunked part is hashed as a whole.
pub(super) struct Tail {
    pub(super) hash: blake3::Hasher,
}

impl Tail {
    pub(super) fn write<W: Write>(&mut self, out: &mut Archive<W>, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        out.write(bytes)
    }
}
