//! The journal beside an unpacked directory: the stamps of files that were written after the start, when the program
//! asked for them. Any process of the program adds to it, and reads it once.
//!
//! It is a sequence of notes of fixed length, each with a checksum over itself and the boot; what does not check is
//! passed over, and so are all notes of an earlier boot (see `record`). A file without a note is hashed before it is used.

use crate::record::{STAMP_LENGTH, boot, checksum, decode_stamp, encode_stamp};
use platform::{Directory, FileStamp};
use std::collections::HashMap;
use std::io::{self, Read, Write};

/// Entry, stamp, checksum.
const NOTE_LENGTH: usize = 4 + STAMP_LENGTH + 8;
/// A longer journal is begun anew: files are written again only when something changes them.
const MAX_LENGTH: usize = 8 << 20;

/// The journal's name, for a directory of this name.
pub(crate) fn name(key: &str) -> String {
    format!("{key}.journal")
}

/// Stamps by entry of the payload; the last note of an entry counts.
pub(crate) fn read(base: &Directory, name: &str) -> HashMap<u32, FileStamp> {
    let mut bytes = Vec::new();
    let read = base
        .open_file(name)
        .and_then(|file| file.take(MAX_LENGTH as u64 + 1).read_to_end(&mut bytes));
    if read.is_err() {
        return HashMap::new();
    }
    if bytes.len() > MAX_LENGTH {
        let _ = base.remove(name);
        return HashMap::new();
    }
    let boot = boot();
    let (notes, _) = bytes.as_chunks::<NOTE_LENGTH>();
    notes
        .iter()
        .filter_map(|note| decode(note, &boot))
        .collect()
}

/// Adds notes. One call of the system: notes of several processes do not run into each other.
pub(crate) fn add(base: &Directory, name: &str, stamps: &[(u32, FileStamp)]) -> io::Result<()> {
    let boot = boot();
    let notes = stamps
        .iter()
        .flat_map(|(entry, stamp)| encode(*entry, stamp, &boot));
    base.append_file(name)?
        .write_all(&notes.collect::<Vec<_>>())
}

fn encode(entry: u32, stamp: &FileStamp, boot: &[u8]) -> Vec<u8> {
    let mut note = entry.to_le_bytes().to_vec();
    encode_stamp(&mut note, stamp);
    let sum = sum(&note, boot);
    note.extend(sum.to_le_bytes());
    note
}

fn decode(note: &[u8; NOTE_LENGTH], boot: &[u8]) -> Option<(u32, FileStamp)> {
    let (body, written) = note.split_last_chunk::<8>()?;
    if sum(body, boot) != u64::from_le_bytes(*written) {
        return None;
    }
    let (entry, stamp) = body.split_first_chunk::<4>()?;
    Some((
        u32::from_le_bytes(*entry),
        decode_stamp(stamp.first_chunk()?)?,
    ))
}

fn sum(body: &[u8], boot: &[u8]) -> u64 {
    checksum(&[boot, body].concat())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stamp(seed: u64) -> FileStamp {
        FileStamp {
            file: (seed, 2),
            size: 3,
            modified: 4,
            changed: -5,
            mode: 6,
        }
    }

    fn scratch() -> (tempfile::TempDir, Directory) {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        (folder, directory)
    }

    #[test]
    fn the_last_note_of_an_entry_counts() {
        let (_folder, base) = scratch();
        assert!(read(&base, "j").is_empty());
        add(&base, "j", &[(1, stamp(10)), (2, stamp(20))]).unwrap();
        add(&base, "j", &[(1, stamp(11))]).unwrap();
        let notes = read(&base, "j");
        assert_eq!(notes, HashMap::from([(1, stamp(11)), (2, stamp(20))]));
    }

    #[test]
    fn damaged_and_cut_notes_are_passed_over() {
        let (folder, base) = scratch();
        add(&base, "j", &[(1, stamp(1)), (2, stamp(2))]).unwrap();
        let path = folder.path().join("j");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[10] ^= 1;
        bytes.extend([7; 20]);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read(&base, "j"), HashMap::from([(2, stamp(2))]));
    }

    #[test]
    fn notes_of_another_boot_say_nothing() {
        let note = encode(1, &stamp(1), &boot());
        let note = note.as_slice().try_into().unwrap();
        assert!(decode(note, &boot()).is_some());
        assert!(decode(note, &[b'x'; 36]).is_none());
    }
}
