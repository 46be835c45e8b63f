//! Small packed programs for tests.
#![allow(clippy::unwrap_used)]

use crate::Executable;
use payload::{NewEntry, Payload, Placement, Program, Writer};
use platform::{FileStamp, MappedFile};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A packed program with two files, one in memory and one for later, as a file of `folder`.
pub(crate) fn program(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let mut writer = Writer::new(Vec::new(), b"bootloader").unwrap();
    for (path, placement, content) in [
        ("lib/a.so", Placement::File, content),
        ("b.txt", Placement::File, b"text".as_slice()),
        ("memory.py", Placement::Memory, b"pass"),
        ("pkg/later.py", Placement::Demand, b"later"),
    ] {
        let entry = NewEntry::stored(path, placement, content);
        writer.add(&entry, content).unwrap();
    }
    let (bytes, _) = writer.finish(&Program::default()).unwrap();
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The packed program at `path`.
pub(crate) fn own(path: &Path) -> Executable {
    let file = File::open(path).unwrap();
    let bytes = MappedFile::of(&file).unwrap().leak();
    Executable {
        path: path.to_owned(),
        stamp: FileStamp::of(&file).unwrap(),
        payload: Payload::locate(bytes).unwrap(),
    }
}
