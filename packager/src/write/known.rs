//! Files that an earlier build has read, known by their stamps: they are neither read nor hashed again.

use super::archive::{Item, PREPARATION};
use crate::cache::{self, Cache, Key};
use crate::inputs::{self, Stamp};
use crate::layout::Content;
use payload::ContentDigest;
use std::fs::Metadata;
use std::path::Path;

/// The digest of what goes into the bundle of a file that has not changed, when an earlier build has noted it.
pub(super) fn digest(item: &Item<'_>, cache: &Cache) -> Option<ContentDigest> {
    let Content::Path(path) = item.content else {
        return None;
    };
    let stamp = Stamp::of(&inputs::metadata(path).ok()?);
    decode(&cache.get(item.shelf, &key(path, &stamp, item.strip))?)
}

/// Notes the digest of what became of the content of a file that was read; `metadata` is from before that.
pub(super) fn note(item: &Item<'_>, metadata: &Metadata, digest: &ContentDigest, cache: &Cache) {
    let Content::Path(path) = item.content else {
        return;
    };
    let stamp = Stamp::of(metadata);
    // One that could be written again without a trace stands for nothing.
    if stamp.is_settled(cache.opened()) {
        cache.put(item.shelf, &key(path, &stamp, item.strip), &encode(digest));
    }
}

/// Whatever is done to the content before it is hashed is part of it; after a crash a stamp may stand before a content that
/// was lost.
fn key(path: &Path, stamp: &Stamp, strip: bool) -> Key {
    cache::key(&[
        b"file",
        env!("CARGO_PKG_VERSION").as_bytes(),
        inputs::boot().as_bytes(),
        path.as_os_str().as_encoded_bytes(),
        &stamp.encode(),
        if strip { PREPARATION } else { b"" },
    ])
}

fn encode(digest: &ContentDigest) -> Vec<u8> {
    let (size, crc32) = (digest.size.to_le_bytes(), digest.crc32.to_le_bytes());
    [&size[..], &crc32, &digest.sha256].concat()
}

fn decode(bytes: &[u8]) -> Option<ContentDigest> {
    let (size, bytes) = bytes.split_first_chunk()?;
    let (crc32, sha256) = bytes.split_first_chunk()?;
    Some(ContentDigest {
        size: u64::from_le_bytes(*size),
        crc32: u32::from_le_bytes(*crc32),
        sha256: sha256.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cache::Shelf;
    use crate::write::archive::Keep;
    use payload::Placement;
    use std::time::Duration;

    fn item(path: &Path, strip: bool) -> Item<'_> {
        Item {
            path: "data.txt".into(),
            content: Content::Path(path),
            executable: false,
            placement: Placement::File,
            keep: Keep::Compressed,
            strip,
            shelf: Shelf::App,
        }
    }

    #[test]
    fn a_file_is_known_until_it_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.txt");
        std::fs::write(&path, "one").unwrap();
        std::thread::sleep(Duration::from_millis(25));
        let cache = Cache::open(Some(&folder.path().join("cache")), "i", "a", false);
        let metadata = std::fs::metadata(&path).unwrap();
        let expected = ContentDigest::of(b"one");
        assert_eq!(digest(&item(&path, false), &cache), None);
        note(&item(&path, false), &metadata, &expected, &cache);
        assert_eq!(digest(&item(&path, false), &cache), Some(expected));
        assert_eq!(digest(&item(&path, true), &cache), None, "stripped");

        std::fs::write(&path, "two").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(metadata.modified().unwrap()).unwrap();
        assert_eq!(digest(&item(&path, false), &cache), None);
        // Written after the cache was opened: it may be written again within the tick.
        let metadata = std::fs::metadata(&path).unwrap();
        note(&item(&path, false), &metadata, &expected, &cache);
        assert_eq!(digest(&item(&path, false), &cache), None);
    }
}
