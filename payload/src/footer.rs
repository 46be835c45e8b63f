//! The footer: closes the payload and says where everything is.

use crate::FormatError;
use crate::codec::{Put, Reader};
use crate::digest::blake3;
use crate::zip;

/// Bytes of a footer.
pub(crate) const LENGTH: usize = 160;
/// Bytes of the footer that its checksum covers.
const CHECKED: usize = LENGTH - 32;
/// First bytes of a footer.
const MAGIC: [u8; 12] = *b"\xB5pack\r\n\x1aend\n";
/// The one version there is.
const VERSION: u32 = 1;
/// A code signature of up to this many bytes may follow the footer.
const SEARCHED: usize = 1 << 20;

/// The last part of a payload, the comment of the ZIP archive. All integers little-endian (FORMAT.md, section 2). Found
/// by its magic, searching back from the end of the file, because a code signature may follow it.
///
/// | offset | size | field          | meaning                                                              |
/// |-------:|-----:|----------------|----------------------------------------------------------------------|
/// |      0 |   12 | magic          | `B5 "pack" 0D 0A 1A "end" 0A`                                          |
/// |     12 |    4 | version        | 1                                                                    |
/// |     16 |    8 | prefix_length  | bytes before the payload: the bootloader                             |
/// |     24 |    8 | payload_length | bytes from the payload's first byte to the footer's last              |
/// |     32 |    8 | tail_offset    | from the payload's first byte: the index's local header               |
/// |     40 |    8 | index_offset   | from the payload's first byte: the index                              |
/// |     48 |    8 | index_length   | bytes                                                                |
/// |     56 |    8 | reserved       | 0                                                                    |
/// |     64 |   32 | prefix_hash    | of the bytes before the payload                                      |
/// |     96 |   32 | tail_hash      | of the bytes from `tail_offset` to the footer                         |
/// |    128 |   32 | checksum       | SHA-256 of the 128 bytes before                                      |
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footer {
    pub(crate) prefix_length: u64,
    pub(crate) payload_length: u64,
    pub(crate) tail_offset: u64,
    pub(crate) index_offset: u64,
    pub(crate) index_length: u64,
    pub(crate) prefix_hash: [u8; 32],
    pub(crate) tail_hash: [u8; 32],
}

impl Footer {
    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        let mut out = Vec::with_capacity(LENGTH);
        out.put(&MAGIC);
        out.put_u32(VERSION);
        out.put_u64(self.prefix_length);
        out.put_u64(self.payload_length);
        out.put_u64(self.tail_offset);
        out.put_u64(self.index_offset);
        out.put_u64(self.index_length);
        out.put_u64(0);
        out.put(&self.prefix_hash);
        out.put(&self.tail_hash);
        let checksum = blake3(&out);
        let mut bytes = [0; LENGTH];
        bytes[..CHECKED].copy_from_slice(&out);
        bytes[CHECKED..].copy_from_slice(&checksum);
        bytes
    }

    /// Finds the footer of the payload that `file` ends with, and checks it against its checksum and its place.
    ///
    /// # Errors
    /// `Absent` when nothing in the searched part looks like one; `Footer` when something does and is damaged, which
    /// includes a footer that is not where it says it is: one of another packed program inside this one.
    pub(crate) fn find(file: &[u8]) -> Result<Self, FormatError> {
        let first = file.len().saturating_sub(SEARCHED + LENGTH);
        let mut end = file.len();
        let mut damage = None;
        while let Some(at) = rfind_magic(file, first, end) {
            match Self::decode_at(file, at) {
                Ok(footer) => return Ok(footer),
                Err(error) => damage = damage.or(error),
            }
            end = at + MAGIC.len() - 1;
        }
        Err(damage.unwrap_or(FormatError::Absent))
    }

    /// The footer at `at`; `Err(None)` when the bytes there only happen to begin like one, as does the constant in the
    /// program that reads this.
    fn decode_at(file: &[u8], at: usize) -> Result<Self, Option<FormatError>> {
        let before = file.get(..at).ok_or(None)?;
        if !zip::is_end_record(before, LENGTH) {
            return Err(None);
        }
        let bytes = file
            .get(at..)
            .and_then(<[u8]>::first_chunk::<LENGTH>)
            .ok_or(FormatError::Footer("it is cut off"))?;
        let (checked, checksum) = bytes.split_at(CHECKED);
        if blake3(checked) != *checksum {
            return Err(Some(FormatError::Footer("its checksum does not match")));
        }
        let footer = Self::decode(checked)?;
        let end = footer.prefix_length.checked_add(footer.payload_length);
        if end != Some((at + LENGTH) as u64) {
            return Err(Some(FormatError::Footer(
                "it belongs to a packed program inside this file",
            )));
        }
        footer.check()?;
        Ok(footer)
    }

    fn decode(checked: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(checked);
        let _magic: &[u8; 12] = reader.array()?;
        let version = reader.u32()?;
        if version != VERSION {
            return Err(FormatError::Version(version));
        }
        let footer = Self {
            prefix_length: reader.u64()?,
            payload_length: reader.u64()?,
            tail_offset: reader.u64()?,
            index_offset: reader.u64()?,
            index_length: reader.u64()?,
            prefix_hash: {
                if reader.u64()? != 0 {
                    return Err(FormatError::Footer("a reserved field is set"));
                }
                *reader.array()?
            },
            tail_hash: *reader.array()?,
        };
        reader.finish()?;
        Ok(footer)
    }

    /// The order of the parts: tail, index in it, footer.
    fn check(&self) -> Result<(), FormatError> {
        let tail_end = self
            .payload_length
            .checked_sub(LENGTH as u64)
            .ok_or(FormatError::Footer("it overlaps the archive"))?;
        let index_end = self.index_offset.checked_add(self.index_length);
        if self.tail_offset <= self.index_offset && index_end.is_some_and(|end| end <= tail_end) {
            Ok(())
        } else {
            Err(FormatError::Footer(
                "it places the index outside the archive",
            ))
        }
    }
}

/// The last place in `file[first..end]` where the magic is.
fn rfind_magic(file: &[u8], first: usize, end: usize) -> Option<usize> {
    // A file without a signature ends with its footer.
    if let Some(at) = file.len().checked_sub(LENGTH)
        && end == file.len()
        && file.get(at..)?.starts_with(&MAGIC)
    {
        return Some(at);
    }
    let searched = file.get(first..end)?;
    searched
        .windows(MAGIC.len())
        .rposition(|window| window == MAGIC)
        .map(|at| first + at)
}
