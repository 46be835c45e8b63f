//! The checksum in the optional header, as `CheckSumMappedFile` computes it.

use super::{Headers, PeError, bytes};

/// The checksum of `file`: the sum of its 16-bit words with the carry added back, without the field itself, and its
/// length.
///
/// # Errors
/// When `file` is no Windows executable.
pub fn checksum(file: &[u8]) -> Result<u32, PeError> {
    let field = Headers::parse(file)?.checksum_offset();
    // 2^32 words of 16 bits fit into 64 bits; folding at the end comes to the same as folding each time. A field at
    // an odd offset would share its words with others: what is summed is the file with zeros in its place.
    let mut sum: u64 = 0;
    let byte = |at: usize| match file.get(at) {
        Some(byte) if !(field..field + 4).contains(&at) => u64::from(*byte),
        _ => 0,
    };
    let near = (field & !1)..(field + 5).min(file.len().next_multiple_of(2));
    for at in near.clone().step_by(2) {
        sum += byte(at) | byte(at + 1) << 8;
    }
    let behind = near.start + near.len().next_multiple_of(2);
    for part in [&file[..near.start], file.get(behind..).unwrap_or_default()] {
        let (pairs, rest) = part.as_chunks::<2>();
        sum += pairs
            .iter()
            .map(|pair| u64::from(u16::from_le_bytes(*pair)))
            .sum::<u64>();
        sum += rest.first().map_or(0, |byte| u64::from(*byte));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the format's length has 32 bits"
    )]
    Ok((sum as u32).wrapping_add(file.len() as u32))
}

/// `file` with a right checksum.
///
/// # Errors
/// When `file` is no Windows executable.
pub fn with_checksum(mut file: Vec<u8>) -> Result<Vec<u8>, PeError> {
    let field = Headers::parse(&file)?.checksum_offset();
    let sum = checksum(&file)?;
    bytes::put(&mut file, field, &sum.to_le_bytes());
    Ok(file)
}
