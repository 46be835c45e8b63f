//! Entries on their way into the archive: read, stripped, hashed and compressed on all processors, written in order.

use super::compress::{compressed, kept};
use super::strip::stripped;
use super::{WriteError, disk, known};
use crate::cache::{Cache, Shelf};
use crate::layout::Content;
use crate::progress::{Progress, Stage};
use payload::{ContentDigest, Method, NewEntry, Placement, Writer};
use rayon::prelude::*;
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

/// Contents that are in memory at the same time, roughly, in bytes.
const BATCH: u64 = 64 << 20;

/// One entry to be made.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) path: String,
    pub(super) content: Content<'a>,
    pub(super) executable: bool,
    pub(super) placement: Placement,
    pub(super) keep: Keep,
    pub(super) strip: bool,
    pub(super) shelf: Shelf,
}

/// How an entry is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// As it is: used from memory at every start.
    Stored,
    /// Compressed where that helps.
    Compressed,
    /// As a file in the folder beside the executable.
    External,
}

/// What all entries have in common.
pub(super) struct Making<'a> {
    pub(super) level: i32,
    pub(super) cache: &'a Cache,
    pub(super) progress: &'a dyn Progress,
    /// Where external entries go.
    pub(super) folder: Option<&'a Path>,
}

/// Bytes so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Of all contents.
    pub(super) uncompressed: u64,
    /// Of external files.
    pub(super) external: u64,
}

struct Ready<'a> {
    digest: ContentDigest,
    method: Method,
    bytes: Cow<'a, [u8]>,
}

impl Making<'_> {
    /// Makes `items` and adds them to `writer`, in their order. `out` is the file that `writer` writes, for messages.
    pub(super) fn add_all<W: Write>(
        &self,
        writer: &mut Writer<W>,
        out: &Path,
        items: &[Item<'_>],
    ) -> Result<Totals, WriteError> {
        let sizes: Vec<u64> = items.par_iter().map(|item| size(item.content)).collect();
        self.progress.start(Stage::Compress, sizes.iter().sum());
        let mut totals = Totals::default();
        let (mut items, mut sizes) = (items, &sizes[..]);
        while !items.is_empty() {
            let count = batch(sizes);
            let (now, later) = items.split_at(count);
            let ready = now
                .par_iter()
                .map(|item| self.make(item))
                .collect::<Result<Vec<_>, _>>()?;
            for (item, ready) in now.iter().zip(ready) {
                totals.uncompressed += ready.digest.size;
                if item.keep == Keep::External {
                    totals.external += ready.digest.size;
                }
                add(writer, item, &ready).map_err(|error| WriteError::archive(out, error))?;
            }
            (items, sizes) = (later, &sizes[count..]);
        }
        self.progress.finish(Stage::Compress);
        Ok(totals)
    }

    /// An entry whose file has not changed, out of the cache.
    fn known(&self, item: &Item<'_>) -> Option<Ready<'static>> {
        let digest = known::digest(item, self.cache).filter(|_| item.keep == Keep::Compressed)?;
        let frames = kept(&digest.sha256, self.level, (self.cache, item.shelf))?;
        self.progress.advance(Stage::Compress, size(item.content));
        Some(Ready {
            digest,
            method: Method::Zstd,
            bytes: Cow::Owned(frames),
        })
    }

    fn make<'i>(&self, item: &'i Item<'_>) -> Result<Ready<'i>, WriteError> {
        if let Some(ready) = self.known(item) {
            return Ok(ready);
        }
        let read = |(path, source)| WriteError::Read { path, source };
        let (mut content, metadata) = item.content.read_whole().map_err(read)?;
        let read_size = content.len() as u64;
        if item.strip
            && let Some(smaller) = stripped(&content)
        {
            content = Cow::Owned(smaller);
        }
        let digest = ContentDigest::of(&content);
        let (method, bytes) = match item.keep {
            Keep::Stored => (Method::Stored, content),
            Keep::Compressed => {
                let failed = |source| WriteError::Compress {
                    entry: item.path.clone(),
                    source,
                };
                let cache = (self.cache, item.shelf);
                match compressed(&content, &digest.sha256, self.level, cache).map_err(failed)? {
                    Some(frames) => {
                        if let Some(metadata) = metadata {
                            known::note(item, &metadata, &digest, self.cache);
                        }
                        (Method::Zstd, Cow::Owned(frames))
                    }
                    None => (Method::Stored, content),
                }
            }
            Keep::External => {
                self.write_external(item, &content)?;
                (Method::External, Cow::Borrowed(&[][..]))
            }
        };
        self.progress.advance(Stage::Compress, read_size);
        Ok(Ready {
            digest,
            method,
            bytes,
        })
    }

    fn write_external(&self, item: &Item<'_>, content: &[u8]) -> Result<(), WriteError> {
        let Some(folder) = self.folder else {
            return Ok(());
        };
        disk::write_file(&folder.join(&item.path), content, mode(item))
    }
}

fn add<W: Write>(
    writer: &mut Writer<W>,
    item: &Item<'_>,
    ready: &Ready<'_>,
) -> Result<(), payload::WriteError> {
    let entry = NewEntry {
        path: &item.path,
        mode: mode(item),
        method: ready.method,
        placement: item.placement,
        digest: ready.digest,
    };
    writer.add(&entry, &ready.bytes)
}

fn mode(item: &Item<'_>) -> u32 {
    if item.executable { 0o755 } else { 0o644 }
}

/// How many of the entries with `sizes` are made at once; at least one.
fn batch(sizes: &[u64]) -> usize {
    let mut total = 0;
    let fits = |size: &&u64| {
        total += **size;
        total <= BATCH
    };
    sizes.iter().take_while(fits).count().max(1)
}

fn size(content: Content<'_>) -> u64 {
    match content {
        Content::Bytes(bytes) => bytes.len() as u64,
        // A file that is not there is an error when it is read.
        Content::Path(path) => crate::inputs::metadata(path).map_or(0, |metadata| metadata.len()),
    }
}
