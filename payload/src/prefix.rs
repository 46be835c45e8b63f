//! The bytes before the payload: their hash, and checking them and nothing else.

use crate::FormatError;
use crate::footer::Footer;
use std::ops::Range;

/// Checks the bytes before the payload, which are the bootloader that runs. Of all the rest of `file` it reads the
/// footer alone, and it allocates nothing: it may be called where nothing else can be relied on.
///
/// # Errors
/// When there is no intact footer, or these bytes are not those that were written.
pub fn check_prefix(file: &[u8]) -> Result<(), FormatError> {
    let footer = Footer::find(file)?;
    let prefix = usize::try_from(footer.prefix_length)
        .ok()
        .and_then(|length| file.get(..length))
        .ok_or(FormatError::Prefix)?;
    if hash(prefix) == footer.prefix_hash {
        Ok(())
    } else {
        Err(FormatError::Prefix)
    }
}

/// The hash of the bytes before a payload. What a signature changes in a Windows executable counts as zeros.
pub(crate) fn hash(prefix: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    for field in signature_fields(prefix).into_iter().flatten() {
        // The fields lie in `prefix`, one behind the other.
        hasher.update(prefix.get(at..field.start).unwrap_or_default());
        hasher.update([0; 8].get(..field.len()).unwrap_or_default());
        at = field.end;
    }
    hasher.update(prefix.get(at..).unwrap_or_default());
    hasher.finalize().into()
}

/// What signing changes in a Windows executable of the bytes that were there before: the checksum, and where the
/// signature is. Authenticode leaves the same out of what it signs. `None` for any other file.
#[must_use]
pub fn signature_fields(file: &[u8]) -> Option<[Range<usize>; 2]> {
    let long = |at: usize| {
        let bytes = file.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    if !file.starts_with(b"MZ") {
        return None;
    }
    let header = usize::try_from(long(0x3c)?).ok()?;
    if !file.get(header..)?.starts_with(b"PE\0\0") {
        return None;
    }
    let optional = header.checked_add(24)?;
    let kind = *file.get(optional..)?.first_chunk()?;
    let directories = optional
        + match u16::from_le_bytes(kind) {
            0x10b => 96,
            0x20b => 112,
            _ => return None,
        };
    // The fifth directory, if there are so many.
    if long(directories - 4)? < 5 {
        return None;
    }
    let (sum, signature) = (optional + 64, directories + 32);
    long(signature + 4)?;
    Some([sum..sum + 4, signature..signature + 8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Program, Writer};

    #[test]
    fn only_the_prefix_counts() {
        let writer = Writer::new(Vec::new(), b"bootloader").unwrap();
        let (file, _) = writer.finish(&Program::default()).unwrap();
        assert!(check_prefix(&file).is_ok());
        for position in 0..file.len() {
            let mut damaged = file.clone();
            damaged[position] ^= 1;
            let in_footer = position + crate::footer::LENGTH >= file.len();
            let result = check_prefix(&damaged);
            if position < b"bootloader".len() {
                assert!(matches!(result, Err(FormatError::Prefix)), "{position}");
            } else if in_footer {
                assert!(result.is_err(), "{position}");
            }
        }
        assert!(check_prefix(b"bootloader").is_err());
    }

    /// The smallest headers of a 64-bit Windows executable.
    fn executable() -> Vec<u8> {
        let mut file = vec![7; 0x200];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c..0x40].copy_from_slice(&0x80_u32.to_le_bytes());
        file[0x80..0x84].copy_from_slice(b"PE\0\0");
        file[0x98..0x9a].copy_from_slice(&0x20b_u16.to_le_bytes());
        file[0x98 + 108..0x98 + 112].copy_from_slice(&16_u32.to_le_bytes());
        file
    }

    #[test]
    fn a_signature_leaves_a_windows_executable_intact() {
        let fields = signature_fields(&executable()).unwrap();
        assert_eq!(fields, [0xd8..0xdc, 0x128..0x130]);
        let writer = Writer::new(Vec::new(), &executable()).unwrap();
        let (file, _) = writer.finish(&Program::default()).unwrap();
        for position in 0..0x200 {
            let mut signed = file.clone();
            signed[position] ^= 1;
            signed.extend([0; 3]);
            signed.extend([0x30; 5000]);
            let changed = fields.iter().any(|field| field.contains(&position));
            assert_eq!(check_prefix(&signed).is_ok(), changed, "{position}");
            let payload = crate::Payload::locate(&signed).unwrap();
            assert_eq!(payload.verify(1).is_ok(), changed, "{position}");
        }
    }

    #[test]
    fn other_files_have_no_such_fields() {
        let whole = executable();
        for length in 0..0x130 {
            assert_eq!(signature_fields(&whole[..length]), None, "{length}");
        }
        let with = |at: usize, value: &[u8]| {
            let mut file = whole.clone();
            file[at..at + value.len()].copy_from_slice(value);
            signature_fields(&file)
        };
        assert_eq!(with(0, b"\x7fELF"), None);
        assert_eq!(with(0x3c, &u32::MAX.to_le_bytes()), None);
        assert_eq!(with(0x98, &[0; 2]), None);
        assert_eq!(with(0x98 + 108, &4_u32.to_le_bytes()), None);
        let narrow = with(0x98, &0x10b_u16.to_le_bytes());
        assert_eq!(narrow, Some([0xd8..0xdc, 0x118..0x120]));
    }
}
