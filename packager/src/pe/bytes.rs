//! Little-endian integers at any place of a file, or nothing where it ends before.

/// `length` bytes from `at`.
pub(crate) fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = slice(bytes, at, 2)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = slice(bytes, at, 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Writes over what is at `at`; false where the file ends before.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) -> bool {
    let end = at.checked_add(value.len());
    match end.and_then(|end| bytes.get_mut(at..end)) {
        Some(place) => {
            place.copy_from_slice(value);
            true
        }
        None => false,
    }
}

/// `number` rounded up to a multiple of `step`, a power of two.
pub(crate) fn align(number: u32, step: u32) -> Option<u32> {
    Some(number.checked_add(step - 1)? & !(step - 1))
}
