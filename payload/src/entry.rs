//! One entry of a payload.

use crate::digest::{Chunks, sha256};
use crate::{CopyError, FormatError};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{Read, Write};
use zstd::zstd_safe::{self, DCtx, get_error_name};

/// Bytes moved at a time when an entry is copied out.
const BUFFER: usize = 256 << 10;
/// Bytes of a file that are hashed at a time: they stay in the cache, and in memory that need not be asked of the system anew.
const PIECE: usize = 64 << 10;
/// A frame of at most this many bytes of content is decompressed in one go, which takes half of what a stream does.
const WHOLE_FRAME: u64 = 4 << 20;
/// No zstd frame makes more than this many bytes of one: a block of 128 KiB takes at least 4 bytes (RFC 8878, 3.1.1.2).
const MAX_RATIO: u64 = 1 << 15;

/// How an entry's content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// As it is.
    Stored,
    /// One zstd frame, or several after each other.
    Zstd,
    /// Listed here, lying in the contents directory of a one-folder bundle.
    External,
}

/// Where an entry is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placement {
    /// It must be a file on disk.
    File,
    /// It is used from the executable's memory.
    Memory,
    /// It becomes a file on disk when the program first asks for it.
    Demand,
}

/// What [`Entry::copy_to`] checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Size and SHA-256.
    Hash,
    /// The size only, for a payload whose every byte [`crate::Payload::verify`] has seen.
    Size,
}

thread_local! {
    /// Its tables cost more to make than a small entry to decompress.
    static CONTEXT: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Hands over what `content` has, a piece at a time; its size.
fn read_all(content: &mut impl Read, mut piece: impl FnMut(&[u8])) -> std::io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut size = 0;
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            return Ok(size);
        }
        piece(buffer.get(..count).unwrap_or_default());
        size += count as u64;
    }
}

/// The frame that `frames` begin with and the size of its content, when that is known and small enough for one go.
fn whole_frame(frames: &[u8]) -> Option<(&[u8], usize)> {
    let length = zstd_safe::find_frame_compressed_size(frames).ok()?;
    let frame = frames.get(..length)?;
    let size = zstd_safe::get_frame_content_size(frame).ok().flatten()?;
    let possible = size <= WHOLE_FRAME && size / MAX_RATIO <= length as u64;
    Some((frame, usize::try_from(size).ok().filter(|_| possible)?))
}

impl Method {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Stored => 0,
            Self::Zstd => 1,
            Self::External => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Result<Self, FormatError> {
        match code {
            0 => Ok(Self::Stored),
            1 => Ok(Self::Zstd),
            2 => Ok(Self::External),
            _ => Err(FormatError::Index("an entry is kept in an unknown way")),
        }
    }
}

impl Placement {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::File => 0,
            Self::Memory => 1,
            Self::Demand => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Result<Self, FormatError> {
        match code {
            0 => Ok(Self::File),
            1 => Ok(Self::Memory),
            2 => Ok(Self::Demand),
            _ => Err(FormatError::Index("an entry has an unknown place")),
        }
    }
}

/// One entry. Its path has passed the checks of [`crate::ArchivePath`], and its bytes lie inside the archive.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its position in the order of paths; what [`crate::Module::code`] refers to.
    pub index: u32,
    /// Relative to `sys._MEIPASS`.
    pub path: &'a str,
    /// Permission bits, at most `0o777`.
    pub mode: u32,
    /// How the content is kept.
    pub method: Method,
    /// Where the content is used.
    pub placement: Placement,
    /// Bytes of the content.
    pub size: u64,
    /// Of the content.
    pub sha256: &'a [u8; 32],
    /// From the payload's first byte; for an external entry the position of its first hash among those of all.
    pub(crate) data_offset: u64,
    pub(crate) stored: &'a [u8],
    /// Of an external entry's content.
    pub(crate) chunks: &'a [[u8; 32]],
}

impl<'a> Entry<'a> {
    /// Its bytes in the archive; empty for an external entry.
    #[must_use]
    pub fn stored(&self) -> &'a [u8] {
        self.stored
    }

    /// The content, borrowed when it is stored. The size is checked, the hash is not.
    ///
    /// # Errors
    /// `Content` when it does not decompress to the size announced, `External` for an external entry.
    pub fn content(&self) -> Result<Cow<'a, [u8]>, FormatError> {
        match self.method {
            Method::Stored => Ok(Cow::Borrowed(self.stored)),
            Method::Zstd => self.decompress().map(Cow::Owned),
            Method::External => Err(FormatError::External {
                entry: self.path.to_owned(),
            }),
        }
    }

    /// The content, its hash checked.
    ///
    /// # Errors
    /// As [`Entry::content`], and `Damaged` when the hash does not match.
    pub fn verified(&self) -> Result<Cow<'a, [u8]>, FormatError> {
        let content = self.content()?;
        self.check(&content)?;
        Ok(content)
    }

    /// Checks that `content` is this entry's, wherever it was read from: a file of a one-folder bundle, or one unpacked
    /// by an earlier run.
    ///
    /// # Errors
    /// `Damaged` when size or SHA-256 differ.
    pub fn check(&self, content: &[u8]) -> Result<(), FormatError> {
        if content.len() as u64 == self.size && sha256(content) == *self.sha256 {
            Ok(())
        } else {
            Err(self.damaged())
        }
    }

    /// Whether `content` is this entry's, read a piece at a time: by its SHA-256, or where it is external by its chunks'
    /// hashes, which takes a third of the time.
    ///
    /// # Errors
    /// When `content` cannot be read.
    pub fn matches(&self, content: &mut impl Read) -> std::io::Result<bool> {
        if self.method == Method::External {
            let mut chunks = Chunks::default();
            let size = read_all(content, |piece| chunks.update(piece))?;
            return Ok(size == self.size && chunks.finish() == self.chunks);
        }
        let mut hasher = Sha256::new();
        let size = read_all(content, |piece| hasher.update(piece))?;
        Ok(size == self.size && hasher.finalize().as_slice() == self.sha256)
    }

    /// Writes the content to `out`, a piece at a time, and returns its size.
    ///
    /// # Errors
    /// `Format` as of [`Entry::verified`] (bytes may have been written by then), `Write` when `out` fails.
    pub fn copy_to(&self, out: &mut impl Write, check: Check) -> Result<u64, CopyError> {
        let mut hasher = (check == Check::Hash).then(Sha256::new);
        let mut sink = |piece: &[u8]| {
            if let Some(hasher) = &mut hasher {
                hasher.update(piece);
            }
            out.write_all(piece).map_err(CopyError::Write)
        };
        match self.method {
            Method::Stored => self.stored.chunks(BUFFER).try_for_each(&mut sink)?,
            Method::Zstd => self.frames(&mut sink)?,
            Method::External => {
                return Err(FormatError::External {
                    entry: self.path.to_owned(),
                }
                .into());
            }
        }
        match hasher.map(Digest::finalize) {
            Some(hash) if hash.as_slice() != self.sha256 => Err(self.damaged().into()),
            _ => Ok(self.size),
        }
    }

    /// Decompresses frame by frame; a frame that is too large for one go, or does not tell its size, as a stream.
    fn frames(
        &self,
        sink: &mut impl FnMut(&[u8]) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        let mut rest = self.stored;
        let mut left = self.size;
        let mut content = Vec::new();
        while !rest.is_empty() {
            let Some((frame, size)) = whole_frame(rest) else {
                return self.stream(rest, left, sink);
            };
            left = left
                .checked_sub(size as u64)
                .ok_or_else(|| self.content_error("it is longer than announced"))?;
            self.decompress_into(frame, size, &mut content)?;
            sink(&content)?;
            rest = rest.get(frame.len()..).unwrap_or_default();
        }
        self.nothing_left(left)
    }

    fn stream(
        &self,
        frames: &[u8],
        mut left: u64,
        sink: &mut impl FnMut(&[u8]) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        let not_zstd = |_| self.content_error("it is not valid zstd data");
        let mut decoder = zstd::stream::read::Decoder::with_buffer(frames).map_err(not_zstd)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = decoder.read(&mut buffer).map_err(not_zstd)?;
            if count == 0 {
                break;
            }
            left = left
                .checked_sub(count as u64)
                .ok_or_else(|| self.content_error("it is longer than announced"))?;
            sink(buffer.get(..count).unwrap_or_default())?;
        }
        self.nothing_left(left)
    }

    fn nothing_left(&self, left: u64) -> Result<(), CopyError> {
        if left == 0 {
            Ok(())
        } else {
            Err(self.content_error("it is shorter than announced").into())
        }
    }

    fn decompress(&self) -> Result<Vec<u8>, FormatError> {
        if self.size / MAX_RATIO > self.stored.len() as u64 {
            return Err(self.content_error("its announced size is impossible"));
        }
        let size = usize::try_from(self.size)
            .map_err(|_| self.content_error("it is too large for this machine"))?;
        let mut content = Vec::new();
        self.decompress_into(self.stored, size, &mut content)?;
        Ok(content)
    }

    /// Makes `content` the `size` bytes that `frames` decompress to.
    fn decompress_into(
        &self,
        frames: &[u8],
        size: usize,
        content: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let no_memory = || self.content_error("there is not enough memory for it");
        content.clear();
        content.try_reserve_exact(size).map_err(|_| no_memory())?;
        CONTEXT.with_borrow_mut(|context| {
            if context.is_none() {
                *context = DCtx::try_create();
            }
            context
                .as_mut()
                .ok_or_else(no_memory)?
                .decompress(content, frames)
                .map_err(|code| self.content_error(get_error_name(code)))
        })?;
        if content.len() == size {
            Ok(())
        } else {
            Err(self.content_error("it is shorter than announced"))
        }
    }

    fn content_error(&self, reason: &'static str) -> FormatError {
        FormatError::Content {
            entry: self.path.to_owned(),
            reason,
        }
    }

    fn damaged(&self) -> FormatError {
        FormatError::Damaged {
            entry: self.path.to_owned(),
        }
    }
}
