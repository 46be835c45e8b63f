//! The record beside an unpacked directory: which executables were verified whole, and the stamps of the files that
//! were written from them. While the stamps hold, nothing was changed, and nothing needs to be hashed again.
//!
//! A stamp holds the time of the last change of content or metadata, which no program can set back. It guards against
//! damage, tmp cleaners and programs that write into their own directory; against other users the directory's owner and
//! mode guard. After a restart of the system the record counts for nothing, because a crash may have lost what files
//! hold but not what they are called: everything is hashed once.

use payload::Payload;
use platform::{Directory, FileStamp};
use std::io::{self, Read, Write};

const MAGIC: &[u8; 8] = b"PACKREC2";
/// The boot of a system without `/proc`.
const UNKNOWN: [u8; 36] = [0; 36];
/// Executables remembered: copies of one program in different places share an unpacked directory.
const MAX_EXECUTABLES: usize = 16;
/// Bytes of a stamp.
pub(crate) const STAMP_LENGTH: usize = 60;

/// What is known of an unpacked directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The boot in which it was written.
    boot: [u8; 36],
    /// Executables whose every byte was verified.
    executables: Vec<FileStamp>,
    /// Files, by entry of the payload, in the order of the entries.
    pub(crate) files: Vec<(u32, FileStamp)>,
    /// Whether `files` are all that there are. A record of executables alone says nothing about files.
    pub(crate) is_complete: bool,
}

impl Record {
    /// A record of this boot that knows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            boot: boot(),
            executables: Vec::new(),
            files: Vec::new(),
            is_complete: false,
        }
    }

    /// Notes that these are all files, and that they are right.
    pub(crate) fn complete(&mut self, files: Vec<(u32, FileStamp)>) {
        self.files = files;
        self.is_complete = true;
    }

    /// Reads `directory/name`. A record of another boot, a damaged one, and none are all the same: nothing is known.
    pub(crate) fn read(directory: &Directory, name: &str) -> Option<Self> {
        let mut bytes = Vec::new();
        directory
            .open_file(name)
            .ok()?
            .read_to_end(&mut bytes)
            .ok()?;
        let boot = boot();
        // Where the system does not tell which boot it is, it may be another one each time.
        Self::decode(&bytes).filter(|record| boot != UNKNOWN && record.boot == boot)
    }

    /// Puts this record in the place of the one before, in one step.
    pub(crate) fn write(&self, directory: &Directory, name: &str) -> io::Result<()> {
        let partial = format!("{name}.{:016x}", crate::random());
        let result = directory
            .create_file(&partial, 0o600)
            .and_then(|mut file| file.write_all(&self.encode()))
            .and_then(|()| directory.rename(&partial, name));
        if result.is_err() {
            let _ = directory.remove(&partial);
        }
        result
    }

    /// Whether the executable with this stamp was verified.
    pub(crate) fn knows(&self, executable: &FileStamp) -> bool {
        self.executables.contains(executable)
    }

    /// Remembers a verified executable, and forgets the oldest when there are too many.
    pub(crate) fn add(&mut self, executable: FileStamp) {
        if self.executables.len() == MAX_EXECUTABLES {
            self.executables.remove(0);
        }
        self.executables.push(executable);
    }

    /// Whether every file in `directory` has the stamp that it was recorded with. A record is of one payload, by its name,
    /// and complete when all files were there: the index need not be gone through again.
    pub(crate) fn holds(&self, directory: &Directory, payload: &Payload<'_>) -> bool {
        let is_same = |(index, stamp): &(u32, FileStamp)| {
            let entry = payload.entry(*index);
            entry.is_ok_and(|entry| directory.stamp(entry.path).is_ok_and(|now| now == *stamp))
        };
        self.is_complete && self.files.iter().all(is_same)
    }

    /// The stamp that the file of an entry had.
    pub(crate) fn file(&self, entry: u32) -> Option<&FileStamp> {
        let position = self
            .files
            .binary_search_by_key(&entry, |(entry, _)| *entry)
            .ok()?;
        self.files.get(position).map(|(_, stamp)| stamp)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.boot);
        bytes.extend((self.executables.len() as u32).to_le_bytes());
        self.executables
            .iter()
            .for_each(|stamp| encode_stamp(&mut bytes, stamp));
        bytes.push(u8::from(self.is_complete));
        bytes.extend((self.files.len() as u32).to_le_bytes());
        for (entry, stamp) in &self.files {
            bytes.extend(entry.to_le_bytes());
            encode_stamp(&mut bytes, stamp);
        }
        let sum = checksum(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        if checksum(body) != u64::from_le_bytes(*sum) {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?;
        let boot = *take::<36>(&mut rest)?;
        let mut executables = Vec::new();
        for _ in 0..u32::from_le_bytes(*take(&mut rest)?) {
            executables.push(decode_stamp(take(&mut rest)?)?);
        }
        let [is_complete] = *take::<1>(&mut rest)?;
        let mut files = Vec::new();
        for _ in 0..u32::from_le_bytes(*take(&mut rest)?) {
            files.push((
                u32::from_le_bytes(*take(&mut rest)?),
                decode_stamp(take(&mut rest)?)?,
            ));
        }
        rest.is_empty().then_some(Self {
            boot,
            executables,
            files,
            is_complete: is_complete != 0,
        })
    }
}

pub(crate) fn boot() -> [u8; 36] {
    platform::process::boot_id().unwrap_or(UNKNOWN)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(head)
}

pub(crate) fn encode_stamp(bytes: &mut Vec<u8>, stamp: &FileStamp) {
    bytes.extend(stamp.file.0.to_le_bytes());
    bytes.extend(stamp.file.1.to_le_bytes());
    bytes.extend(stamp.size.to_le_bytes());
    bytes.extend(stamp.modified.to_le_bytes());
    bytes.extend(stamp.changed.to_le_bytes());
    bytes.extend(stamp.mode.to_le_bytes());
}

pub(crate) fn decode_stamp(bytes: &[u8; STAMP_LENGTH]) -> Option<FileStamp> {
    let mut rest = bytes.as_slice();
    Some(FileStamp {
        file: (
            u64::from_le_bytes(*take(&mut rest)?),
            u64::from_le_bytes(*take(&mut rest)?),
        ),
        size: u64::from_le_bytes(*take(&mut rest)?),
        modified: i128::from_le_bytes(*take(&mut rest)?),
        changed: i128::from_le_bytes(*take(&mut rest)?),
        mode: u32::from_le_bytes(*take(&mut rest)?),
    })
}

/// FNV-1a over 64-bit words: finds a record that a crash left half-written. It keeps nobody out; the directory does.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum, chunk| {
        let mut word = [0; 8];
        word.iter_mut()
            .zip(chunk)
            .for_each(|(to, from)| *to = *from);
        (sum ^ u64::from_le_bytes(word))
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seed: u64) -> FileStamp {
        FileStamp {
            file: (seed, seed + 1),
            size: seed + 2,
            modified: -3,
            changed: i128::from(seed) << 70,
            mode: 0o100_644,
        }
    }

    fn record() -> Record {
        let mut record = Record::new();
        record.add(stamp(1));
        record.complete(vec![(3, stamp(10)), (7, stamp(20))]);
        record
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(Record::decode(&record().encode()), Some(record()));
        assert_eq!(record().file(7), Some(&stamp(20)));
        assert_eq!(record().file(4), None);
    }

    #[test]
    fn a_damaged_record_says_nothing() {
        let bytes = record().encode();
        for length in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..length]), None, "cut to {length}");
        }
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x40;
            assert_eq!(Record::decode(&damaged), None, "flipped at {position}");
        }
    }

    #[test]
    fn the_oldest_executable_is_forgotten() {
        let mut record = Record::new();
        (0..=MAX_EXECUTABLES as u64).for_each(|seed| record.add(stamp(seed)));
        assert!(!record.knows(&stamp(0)));
        assert!(record.knows(&stamp(MAX_EXECUTABLES as u64)));
    }

    #[test]
    fn a_record_of_another_boot_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        record().write(&directory, "r").unwrap();
        assert!(Record::read(&directory, "r").is_some());
        Record {
            boot: [b'x'; 36],
            ..record()
        }
        .write(&directory, "r")
        .unwrap();
        assert!(Record::read(&directory, "r").is_none());
    }
}
