//! Every damage to a packed program is an error, and never a panic.
#![allow(clippy::unwrap_used)]

mod common;

use payload::{Check, FormatError, Payload};

/// Everything there is to call, with a damaged payload.
fn call_everything(payload: &Payload<'_>) {
    let _ = payload.program();
    for entry in payload.entries().flatten() {
        let _ = entry.verified();
        let _ = entry.copy_to(&mut std::io::sink(), Check::Size);
        let _ = payload.find(entry.path);
    }
    for number in 0..payload.module_count() {
        if let Ok(module) = payload.module_at(number) {
            let _ = payload.module(module.name);
            let _ = payload.modules_below(module.parent()).count();
            let _ = module.preload().count();
        }
    }
    let _ = payload.verify_structure();
    let _ = payload.verify_contents(1);
}

fn check(file: &[u8]) -> Result<(), FormatError> {
    let payload = Payload::locate(file)?;
    call_everything(&payload);
    payload.verify(1)
}

#[test]
fn an_intact_payload_passes() {
    let file = common::small(b"prefix");
    let payload = Payload::locate(&file).unwrap();
    payload.verify(2).unwrap();
    payload.verify_contents(2).unwrap();
    check(&file).unwrap();
}

#[test]
fn every_truncation_is_an_error() {
    let file = common::small(b"prefix");
    for length in 0..file.len() {
        assert!(
            check(&file[..length]).is_err(),
            "cut to {length} of {}",
            file.len()
        );
        assert!(
            check(&file[file.len() - length..]).is_err(),
            "{length} bytes left of {}",
            file.len()
        );
    }
}

#[test]
fn every_flipped_byte_is_an_error() {
    let mut file = common::small(b"prefix");
    for at in 0..file.len() {
        for flip in [0xff, 0x01, 0x80] {
            file[at] ^= flip;
            assert!(check(&file).is_err(), "byte {at} of {}", file.len());
            file[at] ^= flip;
        }
    }
}

#[test]
fn a_damaged_entry_is_named() {
    let mut file = common::small(b"prefix");
    let at = file
        .windows(6)
        .position(|window| window == b"print(")
        .unwrap();
    file[at] ^= 0xff;
    let error = Payload::locate(&file).unwrap().verify(1).unwrap_err();
    assert_eq!(
        error,
        FormatError::Damaged {
            entry: "app.py".into()
        }
    );
    file[at] ^= 0xff;
    file[2] ^= 0xff;
    assert_eq!(
        Payload::locate(&file).unwrap().verify(1).unwrap_err(),
        FormatError::Prefix
    );
}

#[test]
fn a_signature_may_follow() {
    let file = common::small(b"prefix");
    for length in [1, 7, 160, 10_000, 900_000] {
        let mut signed = file.clone();
        signed.resize(file.len() + length, 0x5a);
        Payload::locate(&signed).unwrap().verify(1).unwrap();
    }
}

#[test]
fn a_packed_program_inside_another_is_not_taken_for_it() {
    let inner = common::small(b"inner prefix");
    let mut writer = payload::Writer::new(Vec::new(), b"outer prefix").unwrap();
    common::add_stored(&mut writer, "tool", payload::Placement::File, &inner);
    let (mut file, summary) = writer.finish(&payload::Program::default()).unwrap();
    assert_eq!(
        Payload::locate(&file).unwrap().content_hash(),
        summary.content_hash
    );
    // Without its own footer the outer file must not pass for the inner program.
    let last = file.len() - 1;
    file[last] ^= 1;
    assert!(matches!(
        Payload::locate(&file),
        Err(FormatError::Footer(_))
    ));
    file.truncate(last);
    assert!(matches!(
        Payload::locate(&file),
        Err(FormatError::Footer(_))
    ));
}

#[test]
fn a_bare_bootloader_has_no_payload() {
    // It holds the magic, as the program that looks for it must.
    let mut file = b"\x7fELF".repeat(100);
    file.extend(b"\xB5pack\r\n\x1aend\n");
    file.extend([0; 500]);
    assert_eq!(Payload::locate(&file).unwrap_err(), FormatError::Absent);
    assert_eq!(Payload::locate(b"").unwrap_err(), FormatError::Absent);
}

/// The index of an intact payload, for [`payload::fuzzing::with_index`].
fn index_of(file: &[u8]) -> Vec<u8> {
    let start = file
        .windows(8)
        .position(|window| window == b"packidx1")
        .unwrap();
    let end = file
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    file[start..end].to_vec()
}

#[test]
fn an_index_that_a_hostile_packer_made_never_panics() {
    let index = index_of(&common::small(b"prefix"));
    let _ = check(&payload::fuzzing::with_index(&index));
    for at in 0..index.len() {
        for value in [0, 1, 2, 0x40, 0x7f, 0x80, 0xff] {
            let mut index = index.clone();
            index[at] = value;
            let _ = check(&payload::fuzzing::with_index(&index));
        }
        let _ = check(&payload::fuzzing::with_index(&index[..at]));
    }
}

/// What the reader says of a payload with these files, after `change` was made to its index.
fn reader_on(names: &[&str], change: impl Fn(&mut Vec<u8>)) -> Result<(), FormatError> {
    let mut writer = payload::Writer::new(Vec::new(), b"prefix").unwrap();
    writer.allow_case_collisions();
    writer.allow_windows_names();
    common::add_stored(&mut writer, "z", payload::Placement::File, b"1");
    for name in names {
        let entry = payload::NewEntry {
            method: payload::Method::External,
            ..payload::NewEntry::stored(name, payload::Placement::File, b"")
        };
        writer.add(&entry, b"").unwrap();
    }
    let (file, _) = writer.finish(&payload::Program::default()).unwrap();
    let mut index = index_of(&file);
    change(&mut index);
    Payload::locate(&payload::fuzzing::with_index(&index))
        .unwrap()
        .verify_structure()
}

#[test]
fn the_reader_refuses_names_that_climb_or_collide() {
    reader_on(&["a/b", "a/B"], |_| ()).unwrap();
    let folded = reader_on(&["a/b", "a/B"], |index| index[8] = 1);
    assert!(matches!(folded, Err(FormatError::Collision { .. })));
    for climbing in [
        "../b", "/a/b", "a//b", "./ab", "a/..", "a\\bc", "c:ab", "a\nbc", "\0abc", "a\u{85}b",
    ] {
        let name = "x".repeat(climbing.len());
        let error = reader_on(&[&name], |index| *index = replaced(index, &name, climbing));
        assert!(
            matches!(error, Err(FormatError::Name(_))),
            "{climbing}: {error:?}"
        );
    }
    // Names that are right everywhere but on Windows.
    for device in ["a/nul", "con.txt", "a/b.", "a?"] {
        reader_on(&[device], |_| ()).unwrap();
        let error = reader_on(&[device], |index| index[8] = 2);
        assert!(
            matches!(error, Err(FormatError::Name(_))),
            "{device}: {error:?}"
        );
    }
    let twice = reader_on(&["aa", "ab"], |index| *index = replaced(index, "ab", "aa"));
    assert!(matches!(twice, Err(FormatError::Index(_))));
    let folder = reader_on(&["aa", "ab/c"], |index| {
        *index = replaced(index, "ab/c", "aa/c");
    });
    assert!(matches!(folder, Err(FormatError::Collision { .. })));
}

/// What a module or the settings lead to is loaded: it cannot lie elsewhere.
#[test]
fn the_reader_refuses_paths_that_lead_out() {
    let verdict = |module: payload::NewModule, program: &payload::Program| {
        let mut writer = payload::Writer::new(Vec::new(), b"prefix").unwrap();
        writer.add_module(module);
        let (file, _) = writer.finish(program).unwrap();
        Payload::locate(&file).unwrap().verify(1)
    };
    let plain = payload::Program::default;
    let none = payload::NewModule::default;
    verdict(none(), &plain()).unwrap();
    let outside = || vec!["lib/a.so".to_owned(), "../../tmp/evil.so".to_owned()];
    let modules = [
        payload::NewModule {
            preload: outside(),
            ..none()
        },
        payload::NewModule {
            needs: outside(),
            ..none()
        },
    ];
    for module in modules {
        let error = verdict(module, &plain()).unwrap_err();
        assert!(matches!(error, FormatError::Name(_)), "{error}");
    }
    let mut started = plain();
    started.python.start = payload::PythonStart::Library("/tmp/evil.so".into());
    let mut preloads = plain();
    preloads.python.preload = outside();
    let programs = [
        started,
        preloads,
        payload::Program {
            runtime: "../evil.so".into(),
            ..plain()
        },
        payload::Program {
            runtime_hooks: outside(),
            ..plain()
        },
        payload::Program {
            contents_directory: Some("../elsewhere".into()),
            ..plain()
        },
        payload::Program {
            entries: vec![payload::EntryPoint {
                name: String::new(),
                target: payload::Target::Script("/tmp/evil.py".into()),
            }],
            ..plain()
        },
    ];
    for program in programs {
        let error = verdict(none(), &program).unwrap_err();
        assert!(matches!(error, FormatError::Name(_)), "{error}");
    }
}

/// Many entries of the same few bytes would decompress to any size.
#[test]
fn the_reader_refuses_entries_that_share_their_bytes() {
    let mut writer = payload::Writer::new(Vec::new(), b"prefix").unwrap();
    for name in ["a", "b"] {
        common::add_stored(&mut writer, name, payload::Placement::File, b"the same");
    }
    let (file, _) = writer.finish(&payload::Program::default()).unwrap();
    Payload::locate(&file).unwrap().verify(1).unwrap();
    // FORMAT.md, section 3.2: the data_offset of both records, behind the header.
    let (first, second) = (32 + 16..32 + 24, 32 + 72 + 16);
    let forged = payload::fuzzing::forged(&file, |index| index.copy_within(first, second));
    let forged = forged.unwrap();
    let error = Payload::locate(&forged).unwrap().verify(1).unwrap_err();
    assert_eq!(
        error,
        FormatError::Index("two entries share bytes of the archive")
    );
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}
