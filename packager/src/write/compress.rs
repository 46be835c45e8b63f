//! zstd, in parallel, and not a second time.

use crate::cache::{self, Cache, Key, Shelf};
use payload::ContentDigest;
use rayon::prelude::*;
use std::cell::RefCell;
use std::io;
use zstd::bulk::Compressor;

/// A large entry is compressed in pieces of this size, each a frame, on all processors; the ratio suffers by well under
/// one percent.
const PIECE: usize = 4 << 20;
/// Below this a frame's own bytes eat what it saves.
const SMALL: usize = 128;
/// Compressing this much costs no more than looking it up.
const NOT_WORTH_KEEPING: usize = 1 << 10;

thread_local! {
    /// With its tables, which cost more to set up than a small entry to compress.
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
}

/// `content` as one or more zstd frames; `None` when that would not be worth decompressing it again. `sha256` is its hash.
///
/// # Errors
/// When zstd fails: out of memory.
pub(super) fn compressed(
    content: &[u8],
    sha256: &[u8; 32],
    level: i32,
    (cache, shelf): (&Cache, Shelf),
) -> io::Result<Option<Vec<u8>>> {
    if content.len() < SMALL {
        return Ok(None);
    }
    if content.len() < NOT_WORTH_KEEPING {
        return Ok(only_if_smaller(content, frames(content, level)?));
    }
    let key = key(sha256, level);
    if let Some(frames) = cache.get(shelf, &key) {
        // Kept as nothing: not worth it.
        return Ok((!frames.is_empty()).then_some(frames));
    }
    let result = only_if_smaller(content, frames(content, level)?);
    cache.put(shelf, &key, result.as_deref().unwrap_or_default());
    Ok(result)
}

/// What [`compressed`] has given before for the content with this hash, if it was worth it and is kept.
pub(super) fn kept(
    sha256: &[u8; 32],
    level: i32,
    (cache, shelf): (&Cache, Shelf),
) -> Option<Vec<u8>> {
    cache
        .get(shelf, &key(sha256, level))
        .filter(|frames| !frames.is_empty())
}

fn key(sha256: &[u8; 32], level: i32) -> Key {
    let version = zstd::zstd_safe::version_number().to_le_bytes();
    let (level, piece) = (level.to_le_bytes(), PIECE.to_le_bytes());
    cache::key(&[b"zstd", &version, &level, &piece, sha256])
}

/// `stretch` of a content that is too large for [`compressed`] as frames, one for each piece. What shrinks is kept by
/// piece.
///
/// # Errors
/// When zstd fails: out of memory.
pub(super) fn pieces(
    stretch: &[u8],
    level: i32,
    cache: (&Cache, Shelf),
) -> io::Result<Vec<Vec<u8>>> {
    let pieces = stretch.par_chunks(PIECE);
    pieces
        .map(|piece| kept_frame(piece, level, cache))
        .collect()
}

fn kept_frame(piece: &[u8], level: i32, (cache, shelf): (&Cache, Shelf)) -> io::Result<Vec<u8>> {
    let version = zstd::zstd_safe::version_number().to_le_bytes();
    let sha256 = ContentDigest::of(piece).sha256;
    let key = cache::key(&[b"zstd frame", &version, &level.to_le_bytes(), &sha256]);
    if let Some(frame) = cache.get(shelf, &key) {
        return Ok(frame);
    }
    let frame = frame(piece, level)?;
    if worth_it(piece.len() as u64, frame.len() as u64) {
        cache.put(shelf, &key, &frame);
    }
    Ok(frame)
}

/// Whether to decompress `compressed` bytes at every use is better than to have `size` bytes as they are.
pub(super) fn worth_it(size: u64, compressed: u64) -> bool {
    compressed < size - size / 16
}

fn only_if_smaller(content: &[u8], frames: Vec<u8>) -> Option<Vec<u8>> {
    worth_it(content.len() as u64, frames.len() as u64).then_some(frames)
}

fn frames(content: &[u8], level: i32) -> io::Result<Vec<u8>> {
    if content.len() <= PIECE {
        return frame(content, level);
    }
    let pieces: Vec<Vec<u8>> = content
        .par_chunks(PIECE)
        .map(|piece| frame(piece, level))
        .collect::<Result<_, _>>()?;
    Ok(pieces.concat())
}

fn frame(content: &[u8], level: i32) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some((of, compressor)) if *of == level => compressor.compress(content),
        _ => {
            let (_, compressor) = kept.insert((level, Compressor::new(level)?));
            compressor.compress(content)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn large_contents_are_several_frames_and_come_back() {
        let content: Vec<u8> = (0..10_000_000_u32)
            .map(|number| (number / 7 % 251) as u8)
            .collect();
        let digest = ContentDigest::of(&content);
        let cache = Cache::none();
        let first = compressed(&content, &digest.sha256, 3, (&cache, Shelf::App))
            .unwrap()
            .unwrap();
        assert_eq!(zstd::stream::decode_all(&first[..]).unwrap(), content);
        let again = compressed(&content, &digest.sha256, 3, (&cache, Shelf::App))
            .unwrap()
            .unwrap();
        assert_eq!(first, again);
    }

    #[test]
    fn what_does_not_shrink_is_not_compressed_also_from_the_cache() {
        let noise: Vec<u8> = {
            let mut state = 1_u64;
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            };
            (0..5000).map(|_| next()).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path()), "i", "a", false);
        let digest = ContentDigest::of(&noise);
        for _ in 0..2 {
            assert_eq!(
                compressed(&noise, &digest.sha256, 3, (&cache, Shelf::App)).unwrap(),
                None
            );
        }
        assert_eq!(
            compressed(b"short", &[0; 32], 3, (&cache, Shelf::App)).unwrap(),
            None
        );
    }
}
