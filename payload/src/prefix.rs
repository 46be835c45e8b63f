//! Checking what stands before the payload, and nothing else.

use crate::FormatError;
use crate::digest::blake3;
use crate::footer::Footer;

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
    if blake3(prefix) == footer.prefix_hash {
        Ok(())
    } else {
        Err(FormatError::Prefix)
    }
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
}
