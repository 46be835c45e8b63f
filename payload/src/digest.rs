//! What is known about an entry's content.

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

/// Hashes chunks of the archive: what a first start does with every byte.
pub(crate) fn blake3(bytes: &[u8]) -> [u8; 32] {
    blake3::hash(bytes).into()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
