//! What is known about an entry's content.

use crate::index::CHUNK;
use sha2::{Digest, Sha256};

/// Size and checksums of an entry's content: SHA-256 for us, CRC-32 for zip tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentDigest {
    /// Bytes.
    pub size: u64,
    /// CRC-32 (ISO-HDLC, as in ZIP).
    pub crc32: u32,
    /// SHA-256.
    pub sha256: [u8; 32],
}

impl ContentDigest {
    /// The digest of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self {
            size: content.len() as u64,
            crc32: crc32fast::hash(content),
            sha256: sha256(content),
        }
    }
}

/// Makes a [`ContentDigest`] of content that comes a piece at a time.
#[derive(Debug, Default)]
pub struct Digester {
    size: u64,
    crc32: crc32fast::Hasher,
    sha256: Sha256,
}

impl Digester {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        self.crc32.update(piece);
        self.sha256.update(piece);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> ContentDigest {
        ContentDigest {
            size: self.size,
            crc32: self.crc32.finalize(),
            sha256: self.sha256.finalize().into(),
        }
    }
}

/// BLAKE3 of each chunk of what passes by.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    done: Vec<[u8; 32]>,
    hash: blake3::Hasher,
    filled: u64,
}

impl Chunks {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(CHUNK - self.filled).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hash.update(now);
            self.filled += now.len() as u64;
            if self.filled == CHUNK {
                self.close();
            }
            bytes = later;
        }
    }

    /// Ends the chunk that has begun: what follows is hashed apart.
    pub(crate) fn close(&mut self) {
        if self.filled > 0 {
            self.done.push(self.hash.finalize().into());
            self.hash.reset();
            self.filled = 0;
        }
    }

    /// How many chunks are closed.
    pub(crate) fn count(&self) -> usize {
        self.done.len()
    }

    pub(crate) fn finish(mut self) -> Vec<[u8; 32]> {
        self.close();
        self.done
    }
}

/// Hashes chunks of the archive: what a first start does with every byte.
pub(crate) fn blake3(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
