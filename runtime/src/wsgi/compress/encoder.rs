//! Bodies in a content coding, piece by piece.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

/// What clients are offered, the one that we like best first. Brotli's encoder is left out: at speeds that a server can
/// afford it saves no more than zstd, and it is ten times its size.
pub(super) const CODINGS: [&str; 2] = ["zstd", "gzip"];

// Beyond these levels time grows faster than what is saved.
const GZIP_LEVEL: u32 = 5;
const ZSTD_LEVEL: i32 = 3;
/// Logarithm of zstd's window: what each stream under way takes of memory. RFC 9659 allows 23.
const ZSTD_WINDOW: u32 = 19;

/// A body under way. What comes out at a piece's end decodes to everything up to there.
pub(super) enum Encoder {
    /// RFC 1952
    Gzip(Box<GzEncoder<Vec<u8>>>),
    /// RFC 8878
    Zstd(Box<ZstdEncoder<'static, Vec<u8>>>),
}

impl Encoder {
    /// For one of [`CODINGS`]; `length` of the whole body, where it is known.
    ///
    /// # Errors
    /// Out of memory.
    pub(super) fn new(coding: &str, length: Option<u64>) -> io::Result<Self> {
        if coding == "gzip" {
            let level = Compression::new(GZIP_LEVEL);
            return Ok(Self::Gzip(Box::new(GzEncoder::new(Vec::new(), level))));
        }
        let mut encoder = ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?;
        // Tables no larger than the body needs.
        encoder.set_pledged_src_size(length)?;
        if length.is_none() {
            encoder.window_log(ZSTD_WINDOW)?;
        }
        Ok(Self::Zstd(Box::new(encoder)))
    }

    /// The next piece, encoded; `complete`: it is the last.
    ///
    /// # Errors
    /// Out of memory, or the body is not as long as was said.
    pub(super) fn encode(&mut self, data: &[u8], complete: bool) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(data)?;
                if complete {
                    encoder.try_finish()?;
                } else {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                encoder.write_all(data)?;
                if complete {
                    encoder.do_finish()?;
                } else {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Read;

    fn decode(coding: &str, data: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        // As far as it goes: what is not complete ends in an error.
        let _ = match coding {
            "gzip" => flate2::read::GzDecoder::new(data).read_to_end(&mut decoded),
            _ => zstd::stream::read::Decoder::new(data)
                .unwrap()
                .read_to_end(&mut decoded),
        };
        decoded
    }

    #[test]
    fn every_piece_can_be_read_when_it_comes() {
        for coding in CODINGS {
            let pieces = ["one ".repeat(3000), String::new(), "two ".repeat(5)];
            let mut encoder = Encoder::new(coding, None).unwrap();
            let (mut sent, mut plain) = (Vec::new(), Vec::new());
            for piece in &pieces {
                sent.extend(encoder.encode(piece.as_bytes(), false).unwrap());
                plain.extend_from_slice(piece.as_bytes());
                assert_eq!(decode(coding, &sent), plain, "{coding}");
            }
            sent.extend(encoder.encode(&[], true).unwrap());
            assert_eq!(decode(coding, &sent), plain, "{coding}");
            assert!(sent.len() < 500, "{coding}: {}", sent.len());
        }
    }

    #[test]
    fn known_lengths() {
        for coding in CODINGS {
            let body = b"abc".repeat(1000);
            let mut encoder = Encoder::new(coding, Some(3000)).unwrap();
            let sent = encoder.encode(&body, true).unwrap();
            assert_eq!(decode(coding, &sent), body);
            assert!(sent.len() < 100, "{coding}: {}", sent.len());
        }
    }
}
