//! Entries on their way into the archive: read, stripped, hashed and compressed on all processors, written in order.

use super::compress::{compressed, kept};
use super::rpath::without_foreign_folders;
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

/// The largest native file that is stripped.
const STRIPPED: u64 = 512 << 20;

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
    /// Where there is room for what cannot be in memory.
    pub(super) spool: &'a Path,
}

/// Bytes so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Of all contents.
    pub(super) uncompressed: u64,
    /// Of external files.
    pub(super) external: u64,
}

impl Totals {
    fn add(&mut self, item: &Item<'_>, size: u64) {
        self.uncompressed += size;
        if item.keep == Keep::External {
            self.external += size;
        }
    }
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
            if let ([item], [size, ..]) = (now, sizes)
                && let Some(source) = large(item, *size)
            {
                let size = self.add_large(writer, out, item, source)?;
                totals.add(item, size);
                (items, sizes) = (later, &sizes[count..]);
                continue;
            }
            let ready = now
                .par_iter()
                .map(|item| self.make(item))
                .collect::<Result<Vec<_>, _>>()?;
            for (item, ready) in now.iter().zip(ready) {
                totals.add(item, ready.digest.size);
                add(writer, item, &ready).map_err(|error| WriteError::archive(out, error))?;
            }
            (items, sizes) = (later, &sizes[count..]);
        }
        self.progress.finish(Stage::Compress);
        Ok(totals)
    }

    /// An entry whose file has not changed, out of the cache, where its frames are all that is wanted of it: what is kept
    /// in another way needs the content itself.
    fn known(&self, item: &Item<'_>) -> Option<Ready<'static>> {
        if item.keep != Keep::Compressed {
            return None;
        }
        let digest = known::digest(item, self.cache)?;
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
        if item.strip {
            content = prepared(content);
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
                (Method::External, content)
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

/// What is done to the content of an entry that is to be stripped, as part of the key of what is known about its file.
pub(super) const PREPARATION: &[u8] = b"without foreign folders, then stripped";

/// `content` without search paths that lead out of the bundle and without debug symbols.
fn prepared(content: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let content = without_foreign_folders(&content).map_or(content, Cow::Owned);
    stripped(&content).map_or(content, Cow::Owned)
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

pub(super) fn mode(item: &Item<'_>) -> u32 {
    if item.executable { 0o755 } else { 0o644 }
}

/// The file that `item` is, when it must not be in memory as a whole. One to be stripped is: debug symbols are found from
/// its end.
fn large<'i>(item: &Item<'i>, size: u64) -> Option<&'i Path> {
    match item.content {
        Content::Path(path) if size > BATCH && !(item.strip && size <= STRIPPED) => Some(path),
        _ => None,
    }
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
