//! Bytes on their way out, hashed as they pass.

use crate::index::CHUNK;
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

/// BLAKE3 of each chunk of what passes by.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    done: Vec<[u8; 32]>,
    hash: blake3::Hasher,
    filled: u64,
}

impl Chunks {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(CHUNK - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hash.update(now);
            self.filled += now.len() as u64;
            if self.filled == CHUNK {
                self.done.push(self.hash.finalize().into());
                self.hash.reset();
                self.filled = 0;
            }
            bytes = later;
        }
    }

    pub(super) fn finish(mut self) -> Vec<[u8; 32]> {
        if self.filled > 0 {
            self.done.push(self.hash.finalize().into());
        }
        self.done
    }
}
