//! The ZIP container around the entries (PKWARE APPNOTE 6.3.10), as far as we write it: no encryption, no data
//! descriptors, sizes known before the data.

use crate::codec::Put;
use crate::entry::Method;

/// Entries' data begins at a multiple of this many bytes from the file's first byte, so that what is used from mapped
/// memory is aligned for any type.
pub(crate) const ALIGNMENT: u64 = 16;

/// 1980-01-01 00:00, the first time ZIP can express: same inputs, same bytes.
const DOS_TIME: u16 = 0;
const DOS_DATE: u16 = 1 << 5 | 1;
/// The name is UTF-8 (APPNOTE 4.4.4, bit 11).
const UTF8_NAME: u16 = 1 << 11;
/// Version 6.3, where zstd was added, on Unix: the attributes' upper half is a mode.
const MADE_BY: u16 = 3 << 8 | 63;
/// Extra field that only takes up room: that of Android's zipalign, two bytes of alignment and zeros.
const PADDING_ID: u16 = 0xD935;
const ZIP64_ID: u16 = 0x0001;
const END_LENGTH: usize = 22;

/// One file in the container.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) mode: u32,
    pub(crate) crc32: u32,
    pub(crate) stored_length: u64,
    pub(crate) size: u64,
    /// Of the local header, from the file's first byte.
    pub(crate) header_offset: u64,
}

impl Member {
    /// The local header, as long as is needed for the data after it to be aligned.
    pub(crate) fn local_header(&self) -> Vec<u8> {
        let zip64 = self.sizes_need_zip64();
        let mut extra = Vec::new();
        if zip64 {
            // Both sizes must be there, whatever they are (APPNOTE 4.5.3).
            extra.put_u16(ZIP64_ID);
            extra.put_u16(16);
            extra.put_u64(self.size);
            extra.put_u64(self.stored_length);
        }
        let unpadded = self.header_offset + (30 + self.name.len() + extra.len()) as u64;
        put_padding(&mut extra, unpadded);

        let mut out = Vec::with_capacity(30 + self.name.len() + extra.len());
        out.put_u32(0x0403_4b50);
        self.put_common(&mut out, zip64, zip64);
        out.put_u16(extra.len() as u16);
        out.put(self.name.as_bytes());
        out.put(&extra);
        out
    }

    /// The record in the central directory.
    pub(crate) fn central_header(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        for value in [self.size, self.stored_length, self.header_offset] {
            if needs_zip64(value) {
                extra.put_u64(value);
            }
        }
        if !extra.is_empty() {
            let mut headed = Vec::new();
            headed.put_u16(ZIP64_ID);
            headed.put_u16(extra.len() as u16);
            headed.append(&mut extra);
            extra = headed;
        }

        let mut out = Vec::with_capacity(46 + self.name.len() + extra.len());
        out.put_u32(0x0201_4b50);
        out.put_u16(MADE_BY);
        self.put_common(&mut out, !extra.is_empty(), false);
        out.put_u16(extra.len() as u16);
        out.put_u16(0); // comment
        out.put_u16(0); // disk
        out.put_u16(0); // internal attributes
        out.put_u32((0o100_000 | self.mode) << 16);
        out.put_u32(clamp32(self.header_offset));
        out.put(self.name.as_bytes());
        out.put(&extra);
        out
    }

    /// What both headers have, from the version needed to the length of the name. `both` sizes go to the extra field
    /// when one has to, in a local header.
    fn put_common(&self, out: &mut Vec<u8>, zip64: bool, both: bool) {
        out.put_u16(match self.method {
            Method::Zstd => 63,
            _ if zip64 => 45,
            _ => 20,
        });
        out.put_u16(UTF8_NAME);
        out.put_u16(if self.method == Method::Zstd { 93 } else { 0 });
        out.put_u16(DOS_TIME);
        out.put_u16(DOS_DATE);
        out.put_u32(self.crc32);
        out.put_u32(if both {
            u32::MAX
        } else {
            clamp32(self.stored_length)
        });
        out.put_u32(if both { u32::MAX } else { clamp32(self.size) });
        out.put_u16(self.name.len() as u16);
    }

    fn sizes_need_zip64(&self) -> bool {
        needs_zip64(self.size) || needs_zip64(self.stored_length)
    }
}

/// Fills `extra` so that what follows `unpadded` bytes of the file and the padding is aligned.
fn put_padding(extra: &mut Vec<u8>, unpadded: u64) {
    if unpadded.is_multiple_of(ALIGNMENT) {
        return;
    }
    let mut room = ALIGNMENT - unpadded % ALIGNMENT;
    // The field's own header and its two bytes of alignment.
    if room < 6 {
        room += ALIGNMENT;
    }
    extra.put_u16(PADDING_ID);
    extra.put_u16(room as u16 - 4);
    extra.put_u16(ALIGNMENT as u16);
    extra.resize(extra.len() + room as usize - 6, 0);
}

/// Where the central directory is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directory {
    /// From the file's first byte.
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) members: u64,
}

impl Directory {
    /// What follows the central directory, up to the comment, which has `comment_length` bytes.
    pub(crate) fn end_records(&self, comment_length: usize) -> Vec<u8> {
        let many = self.members >= u64::from(u16::MAX);
        let zip64 = many || needs_zip64(self.offset) || needs_zip64(self.length);
        let mut out = Vec::new();
        if zip64 {
            self.put_zip64(&mut out);
        }
        let members = if many { u16::MAX } else { self.members as u16 };
        out.put_u32(0x0605_4b50);
        out.put_u16(0);
        out.put_u16(0);
        out.put_u16(members);
        out.put_u16(members);
        out.put_u32(clamp32(self.length));
        out.put_u32(clamp32(self.offset));
        out.put_u16(comment_length as u16);
        out
    }

    fn put_zip64(&self, out: &mut Vec<u8>) {
        out.put_u32(0x0606_4b50);
        out.put_u64(44); // bytes of this record after this field
        out.put_u16(MADE_BY);
        out.put_u16(63);
        out.put_u32(0);
        out.put_u32(0);
        out.put_u64(self.members);
        out.put_u64(self.members);
        out.put_u64(self.length);
        out.put_u64(self.offset);
        // The locator.
        out.put_u32(0x0706_4b50);
        out.put_u32(0);
        out.put_u64(self.offset + self.length);
        out.put_u32(1);
    }
}

/// Whether `before` ends with an end-of-central-directory record that announces a comment of `comment_length` bytes.
pub(crate) fn is_end_record(before: &[u8], comment_length: usize) -> bool {
    let Some(record) = before.last_chunk::<END_LENGTH>() else {
        return false;
    };
    record.starts_with(b"PK\x05\x06")
        && record[END_LENGTH - 2..] == (comment_length as u16).to_le_bytes()
}

fn needs_zip64(value: u64) -> bool {
    value >= u64::from(u32::MAX)
}

fn clamp32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(size: u64, header_offset: u64, name: &str) -> Member {
        Member {
            name: name.into(),
            method: Method::Stored,
            mode: 0o644,
            crc32: 1,
            stored_length: size,
            size,
            header_offset,
        }
    }

    #[test]
    fn data_is_aligned_wherever_the_header_is() {
        for offset in 0..64 {
            for name in ["a", "ab", "abcdefghijklmnop", "lib/python3.11/os.py"] {
                let header = member(5, offset, name).local_header();
                assert_eq!(
                    (offset + header.len() as u64) % ALIGNMENT,
                    0,
                    "{offset} {name}"
                );
                let large = member(1 << 33, offset, name).local_header();
                assert_eq!(
                    (offset + large.len() as u64) % ALIGNMENT,
                    0,
                    "{offset} {name}"
                );
            }
        }
    }

    #[test]
    fn what_is_beyond_32_bits_goes_to_the_zip64_extra() {
        let header = member(7, 5 << 32, "a").central_header();
        assert_eq!(header[42..46], [0xff; 4]);
        assert_eq!(header[47..51], [1, 0, 8, 0]);
        assert_eq!(header[51..59], (5_u64 << 32).to_le_bytes());
        let header = member(1 << 33, 0, "a").local_header();
        assert_eq!(header[18..26], [0xff; 8]);
        assert_eq!(header[31..35], [1, 0, 16, 0]);
    }

    #[test]
    fn many_members_need_the_zip64_records() {
        let few = Directory {
            offset: 10,
            length: 20,
            members: 65_534,
        }
        .end_records(160);
        assert_eq!(few.len(), END_LENGTH);
        let many = Directory {
            offset: 10,
            length: 20,
            members: 65_535,
        }
        .end_records(160);
        assert_eq!(many.len(), 56 + 20 + END_LENGTH);
        assert!(is_end_record(&many, 160));
        assert!(!is_end_record(&many, 161));
    }
}
