//! Files too large to be in memory: read a stretch at a time.
//!
//! An archive's entry begins with hash and length, so a file is gone through before anything of it is written. Its frames
//! are laid aside in a temporary file meanwhile; one that does not shrink is read once more.

use super::archive::{Item, Keep, Making, mode};
use super::compress::{pieces, worth_it};
use super::{WriteError, disk};
use crate::inputs;
use crate::progress::Stage;
use payload::{ContentDigest, Digester, Method, NewEntry, Writer};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// Bytes of a file that are in memory at the same time.
const STRETCH: usize = 32 << 20;
/// When this much of a file did not shrink, the rest is not tried.
const TRIED: u64 = 256 << 20;

/// A file that was gone through.
struct Measured {
    digest: ContentDigest,
    frames: Option<Spool>,
}

/// Frames that wait for their turn.
struct Spool {
    file: File,
    length: u64,
}

impl Making<'_> {
    /// Makes `item`, which is the file `source`, and adds it to `writer`, which writes `out`. Returns the size of its
    /// content.
    pub(super) fn add_large<W: Write>(
        &self,
        writer: &mut Writer<W>,
        out: &Path,
        item: &Item<'_>,
        source: &Path,
    ) -> Result<u64, WriteError> {
        let Measured { digest, frames } = self.measure(item, source)?;
        let entry = |method| NewEntry {
            path: &item.path,
            mode: mode(item),
            method,
            placement: item.placement,
            digest,
        };
        let added = match frames {
            Some(mut spool) => {
                spool
                    .file
                    .rewind()
                    .map_err(|source| self.spool_failed(source))?;
                writer.add_from(&entry(Method::Zstd), spool.length, &mut spool.file)
            }
            None => {
                let mut file = inputs::open(source).map_err(|error| unreadable(source, error))?;
                let method = match item.keep {
                    Keep::External => Method::External,
                    _ => Method::Stored,
                };
                writer.add_from(&entry(method), digest.size, &mut file)
            }
        };
        match added {
            Ok(()) => Ok(digest.size),
            Err(payload::WriteError::Read(error)) => Err(unreadable(source, error)),
            Err(error) => Err(WriteError::archive(out, error)),
        }
    }

    /// Hashes the file, and compresses it or copies it to its place beside the executable.
    fn measure(&self, item: &Item<'_>, source: &Path) -> Result<Measured, WriteError> {
        let mut file = inputs::open(source).map_err(|error| unreadable(source, error))?;
        let mut frames = match item.keep {
            Keep::Compressed => Some(Spool::new(self.spool).map_err(|e| self.spool_failed(e))?),
            _ => None,
        };
        let mut beside = self.beside(item)?;
        let mut digester = Digester::default();
        let mut buffer = vec![0; STRETCH];
        let mut size = 0;
        loop {
            let count = fill(&mut file, &mut buffer).map_err(|error| unreadable(source, error))?;
            let stretch = buffer.get(..count).unwrap_or_default();
            if stretch.is_empty() {
                break;
            }
            size += count as u64;
            let compress = || {
                let wanted = frames.is_some();
                wanted.then(|| pieces(stretch, self.level, (self.cache, item.shelf)))
            };
            let (compressed, ()) = rayon::join(compress, || digester.update(stretch));
            let compressed = compressed
                .transpose()
                .map_err(|source| WriteError::Compress {
                    entry: item.path.clone(),
                    source,
                })?;
            if let Some(beside) = &mut beside {
                beside.write(stretch)?;
            }
            if let (Some(spool), Some(compressed)) = (&mut frames, compressed) {
                spool
                    .add(&compressed)
                    .map_err(|error| self.spool_failed(error))?;
            }
            if size >= TRIED {
                frames = frames.filter(|spool| worth_it(size, spool.length));
            }
            self.progress.advance(Stage::Compress, count as u64);
        }
        Ok(Measured {
            digest: digester.finish(),
            frames: frames.filter(|spool| worth_it(size, spool.length)),
        })
    }

    /// The file beside the executable that `item` becomes in a one-folder bundle.
    fn beside(&self, item: &Item<'_>) -> Result<Option<disk::NewFile>, WriteError> {
        match self.folder {
            Some(folder) if item.keep == Keep::External => {
                disk::NewFile::create(&folder.join(&item.path), mode(item)).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn spool_failed(&self, source: io::Error) -> WriteError {
        WriteError::Write {
            path: self.spool.to_owned(),
            source,
        }
    }
}

impl Spool {
    /// A file without a name in `folder`, where there must be room for the output anyway.
    fn new(folder: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        Ok(Self { file, length: 0 })
    }

    fn add(&mut self, frames: &[Vec<u8>]) -> io::Result<()> {
        for frame in frames {
            self.file.write_all(frame)?;
            self.length += frame.len() as u64;
        }
        Ok(())
    }
}

fn unreadable(path: &Path, source: io::Error) -> WriteError {
    WriteError::Read {
        path: path.to_owned(),
        source,
    }
}

/// Reads until `buffer` is full or the file ends; the number of bytes read.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
