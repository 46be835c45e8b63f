//! What we write is a ZIP file to others.
#![allow(clippy::unwrap_used)]

mod common;

use payload::{INDEX_NAME, Method, Payload};
use std::io::Read;

#[test]
fn the_zip_crate_reads_every_entry() {
    let file = common::small(b"a bootloader, of some length");
    let payload = Payload::locate(&file).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&file)).unwrap();
    let mut listed: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    listed.sort();
    let mut expected: Vec<String> = payload
        .entries()
        .map(Result::unwrap)
        .filter(|entry| entry.method != Method::External)
        .map(|entry| entry.path.to_owned())
        .collect();
    expected.push(INDEX_NAME.to_owned());
    expected.sort();
    assert_eq!(listed, expected);

    for name in listed {
        let mut member = archive.by_name(&name).unwrap();
        let mut content = Vec::new();
        // Checks the CRC-32 at the end.
        member.read_to_end(&mut content).unwrap();
        assert_eq!(member.data_start().unwrap() % 16, 0, "{name}");
        if let Some(entry) = payload.find(&name).unwrap() {
            assert_eq!(content, *entry.verified().unwrap(), "{name}");
            assert_eq!(member.unix_mode().unwrap() & 0o7777, entry.mode, "{name}");
        }
    }
}

#[test]
fn more_than_65535_entries_need_zip64() {
    let names: Vec<String> = (0..70_000)
        .map(|number| format!("data/{number}.txt"))
        .collect();
    let mut writer = payload::Writer::new(Vec::new(), b"bootloader").unwrap();
    for name in &names {
        let entry = payload::NewEntry::stored(name, payload::Placement::File, name.as_bytes());
        writer.add(&entry, name.as_bytes()).unwrap();
    }
    let (file, _) = writer.finish(&payload::Program::default()).unwrap();
    let payload = Payload::locate(&file).unwrap();
    payload.verify(2).unwrap();
    assert_eq!(payload.len(), 70_000);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&file)).unwrap();
    assert_eq!(archive.len(), 70_001);
    let mut text = String::new();
    archive
        .by_name("data/69999.txt")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "data/69999.txt");
}
