//! Small packed programs for tests.
#![allow(clippy::unwrap_used)]

use crate::Executable;
use payload::{Method, NewEntry, Payload, Placement, Program, Writer};
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

/// A packed program as a file of `folder`, whose two files lie in its contents directory there, one of them for later.
pub(crate) fn beside(folder: &Path, program: &Program) -> PathBuf {
    let contents = folder.join(program.contents_directory.as_ref().unwrap());
    let mut writer = Writer::new(Vec::new(), b"bootloader").unwrap();
    for (path, placement, content) in [
        ("lib/a.so", Placement::File, b"library".as_slice()),
        ("pkg/later.py", Placement::Demand, b"later"),
    ] {
        let entry = NewEntry {
            method: Method::External,
            ..NewEntry::stored(path, placement, content)
        };
        writer.add(&entry, content).unwrap();
        fs::create_dir_all(contents.join(path).parent().unwrap()).unwrap();
        fs::write(contents.join(path), content).unwrap();
    }
    let (bytes, _) = writer.finish(program).unwrap();
    let path = folder.join("app");
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
