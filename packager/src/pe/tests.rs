#![allow(clippy::unwrap_used)]
use super::bytes::{align, put, slice, u16_at, u32_at};
use super::*;

/// A 64-bit executable of sections `(name, address, bytes)`, with directories `(index, address, size)`.
pub(crate) fn executable(
    sections: &[(&str, u32, usize)],
    directories: &[(usize, u32, u32)],
) -> Vec<u8> {
    let mut file = vec![0; 0x400];
    let mut set = |at: usize, bytes: &[u8]| assert!(put(&mut file, at, bytes));
    set(0, b"MZ");
    set(0x3c, &0x80_u32.to_le_bytes());
    set(0x80, b"PE\0\0\x64\x86");
    set(0x86, &u16::try_from(sections.len()).unwrap().to_le_bytes());
    set(0x94, &240_u16.to_le_bytes());
    set(0x98, &0x20b_u16.to_le_bytes());
    for (at, value) in [(32, 0x1000), (36, 0x200), (60, 0x400), (108, 16_u32)] {
        set(0x98 + at, &value.to_le_bytes());
    }
    set(0x98 + 68, &3_u16.to_le_bytes());
    for (index, address, size) in directories {
        set(0x98 + 112 + 8 * index, &address.to_le_bytes());
        set(0x98 + 116 + 8 * index, &size.to_le_bytes());
    }
    for (index, (name, address, length)) in sections.iter().enumerate() {
        let at = 0x188 + 40 * index;
        let offset = u32::try_from(file.len()).unwrap();
        let length = u32::try_from(*length).unwrap();
        put(&mut file, at, name.as_bytes());
        for (word, value) in [length, *address, length, offset].iter().enumerate() {
            put(&mut file, at + 8 + 4 * word, &value.to_le_bytes());
        }
        put(&mut file, at + 36, &0x4000_0040_u32.to_le_bytes());
        file.extend(vec![u8::try_from(index).unwrap() + 1; length as usize]);
    }
    file
}

fn resources() -> Resources {
    let mut resources = Resources::default();
    resources.insert(kind::VERSION, Id::Number(1), 1033, vec![1; 37]);
    resources.insert(kind::RCDATA, Id::name("data"), 0, vec![2; 5000]);
    resources.insert(kind::RCDATA, Id::Number(7), 0, Vec::new());
    resources.insert(kind::RCDATA, Id::Number(7), 1031, vec![3]);
    let own = (Id::name("own"), Id::name("data"), 0);
    resources.0.insert(
        own,
        Resource {
            data: vec![4; 8],
            code_page: 65001,
        },
    );
    resources
}

fn contents<'a>(file: &'a [u8], name: &str) -> &'a [u8] {
    let headers = Headers::parse(file).unwrap();
    let section = headers.sections.iter().find(|s| s.name == name).unwrap();
    slice(file, section.offset as usize, section.size as usize).unwrap()
}

#[test]
fn a_section_is_added_where_there_was_none() {
    let bare = executable(&[(".text", 0x1000, 0x200), (".data", 0x2000, 0x400)], &[]);
    let edited = with_resources(&bare, &resources(), Some(2)).unwrap();
    assert!(!edited.unsigned);
    assert_eq!(Resources::parse(&edited.file).unwrap(), resources());
    assert_eq!(contents(&edited.file, ".text"), [1; 0x200]);
    assert_eq!(contents(&edited.file, ".data"), [2; 0x400]);
    let headers = Headers::parse(&edited.file).unwrap();
    assert_eq!(
        (headers.subsystem, headers.sections[2].address),
        (2, 0x3000)
    );
    // The size of the whole in memory.
    let end = align(headers.sections[2].end(), 0x1000);
    assert_eq!(u32_at(&edited.file, 0x98 + 56), end);
}

#[test]
fn resources_grow_and_shrink_before_the_relocations() {
    let file = executable(
        &[
            (".text", 0x1000, 0x200),
            (".rsrc", 0x2000, 0x200),
            (".reloc", 0x3000, 0x200),
        ],
        &[(2, 0x2000, 0x200), (5, 0x3000, 0x10)],
    );
    let large = with_resources(&file, &resources(), None).unwrap().file;
    let headers = Headers::parse(&large).unwrap();
    assert_eq!(headers.sections.len(), 3);
    assert_eq!(headers.sections[2].address, 0x4000);
    assert_eq!(headers.directory(5), Some((0x4000, 0x10)));
    assert_eq!(contents(&large, ".reloc"), [3; 0x200]);
    assert_eq!(Resources::parse(&large).unwrap(), resources());
    let mut few = Resources::default();
    few.insert(kind::RCDATA, Id::Number(1), 0, vec![9]);
    let small = with_resources(&large, &few, None).unwrap().file;
    assert_eq!(Headers::parse(&small).unwrap().sections[2].address, 0x3000);
    assert_eq!(Resources::parse(&small).unwrap(), few);
    assert_eq!(
        with_resources(&small, &resources(), None).unwrap().file,
        large
    );
}

#[test]
fn a_section_with_data_behind_it_stays_and_another_is_added() {
    let file = executable(
        &[(".rsrc", 0x1000, 0x200), (".data", 0x2000, 0x200)],
        &[(2, 0x1000, 0x200)],
    );
    let edited = with_resources(&file, &resources(), None).unwrap().file;
    let headers = Headers::parse(&edited).unwrap();
    assert_eq!(headers.sections[1].address, 0x2000);
    assert_eq!(headers.directory(2).unwrap().0, 0x3000);
    assert_eq!(Resources::parse(&edited).unwrap(), resources());
}

#[test]
fn a_signature_goes_and_what_else_is_behind_stays() {
    let mut file = executable(&[(".text", 0x1000, 0x200)], &[]);
    file.extend(b"overlay behind");
    let offset = u32::try_from(file.len()).unwrap();
    file.extend(b"signature");
    put(&mut file, 0x98 + 112 + 32, &offset.to_le_bytes());
    put(&mut file, 0x98 + 112 + 36, &9_u32.to_le_bytes());
    let edited = with_resources(&file, &resources(), None).unwrap();
    assert!(edited.unsigned && edited.file.ends_with(b"overlay behind"));
    assert_eq!(u32_at(&edited.file, 0x98 + 112 + 32), Some(0));
}

#[test]
fn the_checksum_is_the_sum_of_words_and_the_length() {
    let file = executable(&[(".text", 0x1000, 0x201)], &[]);
    let mut sum: u64 = 0;
    for at in (0..file.len()).step_by(2) {
        sum += u64::from(u16_at(&file, at).unwrap_or_else(|| file[at].into()));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    assert_eq!(u64::from(checksum(&file).unwrap()), sum + file.len() as u64);
    // It does not depend on what is in its field.
    let summed = with_checksum(file.clone()).unwrap();
    assert_eq!(checksum(&summed), checksum(&file));
    let fields = payload::signature_fields(&file).unwrap();
    assert_eq!(fields, [0xd8..0xdc, 0x128..0x130]);
}

#[test]
fn names_stand_before_numbers() {
    let all = resources();
    let names: Vec<String> = all
        .0
        .keys()
        .map(|(kind, name, _)| format!("{kind}/{name}"))
        .collect();
    assert_eq!(names, ["OWN/DATA", "10/DATA", "10/7", "10/7", "16/1"]);
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let bare = executable(&[(".text", 0x1000, 0x200)], &[]);
    let file = with_resources(&bare, &resources(), None).unwrap().file;
    for length in 0..file.len() {
        if let Ok(found) = Resources::parse(&file[..length]) {
            assert_eq!(found, resources(), "cut to {length}");
        }
        let _ = with_resources(&file[..length], &resources(), None);
    }
    let tree = Headers::parse(&file).unwrap().sections[1].offset as usize;
    for at in (0x3c..0x200).chain(tree..tree + 0x180) {
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[at] = value;
            let _ = Resources::parse(&damaged);
            let _ = with_resources(&damaged, &resources(), None);
        }
    }
    assert_eq!(
        Resources::parse(b"\x7fELF").unwrap_err().to_string(),
        "it is no Windows executable: it does not begin with `MZ`"
    );
}
