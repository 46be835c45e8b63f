//! What the writer refuses, and what the reader finds of what it accepts.
#![allow(clippy::unwrap_used)]

mod common;

use payload::{
    ContentDigest, Method, NewEntry, NewModule, Payload, Placement, Program, WriteError, Writer,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn writer() -> Writer<Vec<u8>> {
    Writer::new(Vec::new(), b"prefix").unwrap()
}

#[test]
fn names_that_climb_are_refused() {
    for name in [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "c:x",
        "a\\b",
        "a\nb",
    ] {
        let error = writer()
            .add(&NewEntry::stored(name, Placement::File, b""), b"")
            .unwrap_err();
        assert!(matches!(error, WriteError::Name(_)), "{name:?}: {error}");
    }
}

#[test]
fn names_of_the_format_are_refused() {
    for name in [".pack/index", ".pack/x", ".PACK/x", ".pack"] {
        let error = writer()
            .add(&NewEntry::stored(name, Placement::File, b""), b"")
            .unwrap_err();
        assert!(
            matches!(error, WriteError::Reserved(_)),
            "{name:?}: {error}"
        );
    }
}

#[test]
fn names_that_collide_are_refused() {
    for (first, second) in [
        ("a", "a"),
        ("a", "a/b"),
        ("x/y/z", "x/y"),
        ("a", "A"),
        ("Lib/x", "lib/X"),
        ("a", "A/b"),
    ] {
        let mut writer = writer();
        common::add_stored(&mut writer, first, Placement::File, b"");
        common::add_stored(&mut writer, second, Placement::File, b"");
        let error = writer.finish(&Program::default()).unwrap_err();
        assert!(
            matches!(error, WriteError::Collision { .. }),
            "{first} {second}: {error}"
        );
    }
}

#[test]
fn names_of_devices_are_refused_for_windows_alone() {
    for name in ["nul", "lib/aux.py", "COM1.log", "a./b", "what?"] {
        for allowed in [false, true] {
            let mut writer = writer();
            if allowed {
                writer.allow_windows_names();
            }
            common::add_stored(&mut writer, name, Placement::File, b"");
            let finished = writer.finish(&Program::default());
            match finished {
                Ok((file, _)) if allowed => Payload::locate(&file).unwrap().verify(1).unwrap(),
                Err(WriteError::Name(_)) if !allowed => {}
                other => panic!("{name}, allowed {allowed}: {other:?}"),
            }
        }
    }
}

#[test]
fn case_collisions_can_be_allowed() {
    let mut writer = writer();
    writer.allow_case_collisions();
    common::add_stored(&mut writer, "a/N", Placement::File, b"1");
    common::add_stored(&mut writer, "a/n", Placement::File, b"2");
    let (file, _) = writer.finish(&Program::default()).unwrap();
    Payload::locate(&file).unwrap().verify(1).unwrap();
}

#[test]
fn what_contradicts_itself_is_refused() {
    let stored = NewEntry::stored("a", Placement::File, b"content");
    assert!(matches!(
        writer().add(&stored, b"other"),
        Err(WriteError::Inconsistent { .. })
    ));
    let external = NewEntry {
        method: Method::External,
        ..stored.clone()
    };
    assert!(matches!(
        writer().add(&external, b"other"),
        Err(WriteError::Inconsistent { .. })
    ));
    let in_memory = NewEntry {
        placement: Placement::Memory,
        ..external
    };
    assert!(matches!(
        writer().add(&in_memory, b"content"),
        Err(WriteError::Inconsistent { .. })
    ));
    let mode = NewEntry {
        mode: 0o4755,
        ..stored
    };
    assert!(matches!(
        writer().add(&mode, b"content"),
        Err(WriteError::Inconsistent { .. })
    ));
    let mut twice = writer();
    twice.add_module(NewModule {
        name: "m".into(),
        ..NewModule::default()
    });
    twice.add_module(NewModule {
        name: "m".into(),
        ..NewModule::default()
    });
    assert!(matches!(
        twice.finish(&Program::default()),
        Err(WriteError::DuplicateModule(_))
    ));
    let mut unknown = writer();
    unknown.add_module(NewModule {
        name: "m".into(),
        code: Some("no".into()),
        ..NewModule::default()
    });
    assert!(matches!(
        unknown.finish(&Program::default()),
        Err(WriteError::UnknownEntry { .. })
    ));
}

#[test]
fn modules_are_found_by_name_and_by_package() {
    let file = common::small(b"prefix");
    let payload = Payload::locate(&file).unwrap();
    let below = |package| -> Vec<&str> {
        payload
            .modules_below(package)
            .map(|module| module.unwrap().name)
            .collect()
    };
    assert_eq!(below(""), ["_x", "a", "ab", "os"]);
    assert_eq!(below("a"), ["a.b", "a.d"]);
    assert_eq!(below("a.b"), ["a.b.c"]);
    assert_eq!(below("os"), [""; 0]);
    let os = payload.module("os").unwrap().unwrap();
    assert_eq!(
        &*payload.entry(os.code.unwrap()).unwrap().verified().unwrap(),
        b"\xe3bytecode"
    );
    assert!(
        payload
            .entry(os.source.unwrap())
            .unwrap()
            .path
            .ends_with("os.py")
    );
    let x = payload.module("_x").unwrap().unwrap();
    assert_eq!(
        x.preload().collect::<Vec<_>>(),
        ["lib/liby.so", "lib/libz.so"]
    );
    assert_eq!(x.needs().collect::<Vec<_>>(), ["lib/libx.so"]);
    assert!(payload.module("no").unwrap().is_none());
    assert!(payload.find("no").unwrap().is_none());
    assert_eq!(payload.program().unwrap().name, "demo");
}

#[test]
fn external_content_is_checked() {
    let file = common::small(b"prefix");
    let payload = Payload::locate(&file).unwrap();
    let library = payload.find("lib/libx.so").unwrap().unwrap();
    library.check(b"\x7fELF").unwrap();
    library.check(b"\x7fELG").unwrap_err();
    library.content().unwrap_err();
}

#[test]
fn an_announced_size_is_not_believed() {
    let stored = zstd::bulk::compress(&[0; 1000], 3).unwrap();
    for size in [0, 999, 1001, 300 << 10, 1 << 40, u64::MAX] {
        let mut writer = writer();
        let digest = ContentDigest {
            size,
            ..ContentDigest::of(&[0; 1000])
        };
        let entry = NewEntry {
            method: Method::Zstd,
            digest,
            ..NewEntry::stored("a", Placement::File, b"")
        };
        writer.add(&entry, &stored).unwrap();
        let (file, _) = writer.finish(&Program::default()).unwrap();
        let payload = Payload::locate(&file).unwrap();
        payload.find("a").unwrap().unwrap().content().unwrap_err();
        payload.verify_contents(1).unwrap_err();
    }
}

fn contents() -> impl Strategy<Value = BTreeMap<String, (Vec<u8>, bool)>> {
    let name = proptest::collection::vec("[a-zé_]{1,6}", 1..4).prop_map(|parts| parts.join("/"));
    let content = (
        proptest::collection::vec(any::<u8>(), 0..4000),
        any::<bool>(),
    );
    proptest::collection::btree_map(name, content, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read(files in contents(), prefix in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut writer = Writer::new(Vec::new(), &prefix).unwrap();
        for (name, (content, compress)) in &files {
            if *compress {
                common::add_zstd(&mut writer, name, Placement::File, content);
            } else {
                common::add_stored(&mut writer, name, Placement::Memory, content);
            }
            writer.add_module(NewModule { name: name.replace('/', "."), code: Some(name.clone()), ..NewModule::default() });
        }
        let program = Program { id: "x".into(), ..Program::default() };
        match writer.finish(&program) {
            // A file that is also a folder.
            Err(error) => {
                let collides = matches!(error, WriteError::Collision { .. });
                prop_assert!(collides);
            },
            Ok((file, _)) => {
                let payload = Payload::locate(&file).unwrap();
                payload.verify(2).unwrap();
                payload.verify_contents(2).unwrap();
                prop_assert_eq!(payload.program().unwrap(), program);
                prop_assert_eq!(payload.len(), files.len());
                for (name, (content, _)) in &files {
                    let entry = payload.find(name).unwrap().unwrap();
                    prop_assert_eq!(&*entry.verified().unwrap(), content.as_slice());
                    let mut copy = Vec::new();
                    entry.copy_to(&mut copy, payload::Check::Hash).unwrap();
                    prop_assert_eq!(&copy, content);
                    let module = payload.module(&name.replace('/', ".")).unwrap().unwrap();
                    prop_assert_eq!(module.code, Some(entry.index));
                }
            }
        }
    }

    #[test]
    fn noise_is_an_error(noise in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Payload::locate(&noise).is_err());
    }
}

#[test]
fn an_entry_that_comes_from_a_reader_is_the_same() {
    let content = b"some content\n".repeat(60_000);
    let entry = NewEntry::stored("a", Placement::File, &content);
    let mut from_memory = writer();
    from_memory.add(&entry, &content).unwrap();
    let mut from_reader = writer();
    let mut digester = payload::Digester::default();
    content
        .chunks(1000)
        .for_each(|piece| digester.update(piece));
    let entry = NewEntry {
        digest: digester.finish(),
        ..entry
    };
    let length = content.len() as u64;
    from_reader
        .add_from(&entry, length, &mut &content[..])
        .unwrap();
    let program = Program::default();
    let (from_memory, from_reader) = (from_memory.finish(&program), from_reader.finish(&program));
    assert!(from_memory.unwrap().0 == from_reader.unwrap().0);

    // A file that shrinks, grows or changes between being hashed and being written.
    let mut changed = content.clone();
    changed[3] ^= 1;
    for stored in [&content[1..], &[&content[..], b"1"].concat(), &changed] {
        let error = writer()
            .add_from(&entry, length, &mut &*stored)
            .unwrap_err();
        assert!(matches!(error, WriteError::Inconsistent { .. }), "{error}");
    }
}
