//! For the fuzz targets and the tests beside it: payloads that no writer would make.

use crate::FormatError;
use crate::codec::Put;
use crate::digest::blake3;
use crate::footer::{self, Footer};
use crate::zip::Directory;

/// A file whose footer is right and whose index is `index`, byte for byte, behind an archive of 64 bytes: what a
/// hostile packer could make, and a mutation of an intact file hardly ever is.
#[must_use]
pub fn with_index(index: &[u8]) -> Vec<u8> {
    let prefix = b"prefix";
    let archive = zstd::bulk::compress(&[7; 64], 1).unwrap_or_default();
    let mut file = prefix.to_vec();
    file.put(&archive);
    file.resize(prefix.len() + 64, 0);
    file.put(index);
    file.put(&end_of_empty_directory());
    let footer = Footer {
        prefix_length: prefix.len() as u64,
        payload_length: (file.len() - prefix.len() + footer::LENGTH) as u64,
        tail_offset: 64,
        index_offset: 64,
        index_length: index.len() as u64,
        prefix_hash: blake3(prefix),
        tail_hash: blake3(file.get(prefix.len() + 64..).unwrap_or_default()),
    };
    file.put(&footer.encode());
    file
}

/// A file that ends with a footer whose fields are the first bytes of `data`, as far as there are any, and whose checksum
/// is right. The rest of `data` lies before it.
#[must_use]
pub fn with_footer(data: &[u8]) -> Vec<u8> {
    const FIELDS: usize = footer::LENGTH - 16 - 32;
    let (fields, before) = data.split_at(data.len().min(FIELDS));
    let mut file = before.to_vec();
    file.put(&end_of_empty_directory());
    // Magic and version are those of a real one.
    let empty = Footer {
        prefix_length: 0,
        payload_length: 0,
        tail_offset: 0,
        index_offset: 0,
        index_length: 0,
        prefix_hash: [0; 32],
        tail_hash: [0; 32],
    };
    let mut checked = empty.encode()[..16].to_vec();
    checked.put(fields);
    checked.resize(16 + FIELDS, 0);
    let checksum = blake3(&checked);
    file.put(&checked);
    file.put(&checksum);
    file
}

/// The packed program `file` with its index changed in place, and every hash right again: what a hostile packer makes of
/// an honest one's work.
///
/// # Errors
/// When `file` is no packed program.
pub fn forged(file: &[u8], change: impl FnOnce(&mut [u8])) -> Result<Vec<u8>, FormatError> {
    let mut footer = Footer::find(file)?;
    let mut file = file.to_vec();
    let place = |offset: u64| usize::try_from(footer.prefix_length + offset).unwrap_or(usize::MAX);
    let index = place(footer.index_offset);
    let (tail, index) = (
        place(footer.tail_offset),
        index..index.saturating_add(usize::try_from(footer.index_length).unwrap_or(0)),
    );
    let end = place(footer.payload_length) - footer::LENGTH;
    let outside = FormatError::Index("it lies outside the file");
    change(file.get_mut(index).ok_or(outside.clone())?);
    footer.tail_hash = blake3(file.get(tail..end).ok_or(outside.clone())?);
    file.get_mut(end..end + footer::LENGTH)
        .ok_or(outside)?
        .copy_from_slice(&footer.encode());
    Ok(file)
}

fn end_of_empty_directory() -> Vec<u8> {
    Directory {
        offset: 0,
        length: 0,
        members: 0,
    }
    .end_records(footer::LENGTH)
}
