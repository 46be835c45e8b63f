//! Bytecode that is installed beside its source (PEP 3147, PEP 488, PEP 552).

use crate::facts::InterpreterFacts;
use crate::inputs;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Bytes of a `.pyc` before the marshalled code.
pub(super) const HEADER: usize = 16;

/// The code in the `.pyc` installed for `source`, when its header says that it was made from the file as it is now.
/// Those validated by a hash instead of a time are left aside: compiling again is as sure, and they are rare.
pub(super) fn code(facts: &InterpreterFacts, source: &Path, optimize: u8) -> Option<Vec<u8>> {
    let path = path(facts, source, optimize)?;
    // Where there is none, or an old one, the source decides.
    let (mut bytes, metadata) = inputs::read_unnoted(&path).ok()?;
    let header = bytes.first_chunk::<HEADER>()?;
    if !is_current(header, &facts.magic_number, &inputs::metadata(source).ok()?) {
        return None;
    }
    inputs::note_read(&path, &metadata, &bytes);
    bytes.drain(..HEADER);
    Some(bytes)
}

/// `__pycache__/os.cpython-311.opt-1.pyc` for `os.py`.
fn path(facts: &InterpreterFacts, source: &Path, optimize: u8) -> Option<PathBuf> {
    let stem = source.file_stem()?.to_str()?;
    let optimized = if optimize == 0 {
        String::new()
    } else {
        format!(".opt-{optimize}")
    };
    let name = format!("{stem}.{}{optimized}.pyc", facts.cache_tag);
    Some(source.parent()?.join("__pycache__").join(name))
}

/// Magic number, flags 0 (validated by time and size), the low 32 bits of both.
fn is_current(header: &[u8; HEADER], magic: &str, source: &Metadata) -> bool {
    let Some(time) = source
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
    else {
        return false;
    };
    let expected = [
        [0; 4],
        (time.as_secs() as u32).to_le_bytes(),
        (source.len() as u32).to_le_bytes(),
    ]
    .concat();
    has_magic(header, magic) && header[4..] == expected
}

/// Whether `bytes` begin with the interpreter's magic number, given in hexadecimal.
pub(super) fn has_magic(bytes: &[u8], magic: &str) -> bool {
    magic.len() == 8
        && bytes
            .first_chunk::<4>()
            .is_some_and(|head| format!("{:08x}", u32::from_be_bytes(*head)) == magic)
}
