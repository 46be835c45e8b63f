//! A small payload with one of everything.
#![allow(clippy::unwrap_used, dead_code)]

use payload::{
    ContentDigest, Method, NewEntry, NewModule, Placement, Program, REPORT_NAME, Writer,
};

pub(crate) fn small(prefix: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), prefix).unwrap();
    let source = "import sys\n".repeat(20);
    add_zstd(
        &mut writer,
        "lib/python3.11/os.py",
        Placement::Memory,
        source.as_bytes(),
    );
    add_zstd(
        &mut writer,
        "static/style.css",
        Placement::File,
        &b"body {}\n".repeat(9),
    );
    add_stored(&mut writer, "app.py", Placement::File, b"print('hello')\n");
    add_stored(
        &mut writer,
        ".pack/code/os.marshal",
        Placement::Memory,
        b"\xe3bytecode",
    );
    add_stored(&mut writer, REPORT_NAME, Placement::Memory, b"{}");
    add_stored(&mut writer, "empty", Placement::File, b"");
    let library = NewEntry {
        path: "lib/libx.so",
        mode: 0o755,
        method: Method::External,
        placement: Placement::File,
        digest: ContentDigest::of(b"\x7fELF"),
    };
    writer.add(&library, b"\x7fELF").unwrap();
    for (name, package) in [
        ("a", true),
        ("a.b", true),
        ("a.b.c", false),
        ("a.d", false),
        ("ab", false),
    ] {
        writer.add_module(NewModule {
            name: name.into(),
            package,
            file: format!("{}.py", name.replace('.', "/")),
            ..NewModule::default()
        });
    }
    writer.add_module(NewModule {
        name: "os".into(),
        code: Some(".pack/code/os.marshal".into()),
        source: Some("lib/python3.11/os.py".into()),
        file: "lib/python3.11/os.py".into(),
        ..NewModule::default()
    });
    writer.add_module(NewModule {
        name: "_x".into(),
        extension: true,
        code: Some("lib/libx.so".into()),
        file: "lib/libx.so".into(),
        preload: vec!["lib/liby.so".into(), "lib/libz.so".into()],
        needs: vec!["lib/libx.so".into()],
        ..NewModule::default()
    });
    writer.add_module(NewModule {
        name: "[script] app.py".into(),
        file: "app.py".into(),
        ..NewModule::default()
    });
    writer
        .finish(&Program {
            name: "demo".into(),
            ..Program::default()
        })
        .unwrap()
        .0
}

pub(crate) fn add_stored(
    writer: &mut Writer<Vec<u8>>,
    path: &str,
    placement: Placement,
    content: &[u8],
) {
    writer
        .add(&NewEntry::stored(path, placement, content), content)
        .unwrap();
}

pub(crate) fn add_zstd(
    writer: &mut Writer<Vec<u8>>,
    path: &str,
    placement: Placement,
    content: &[u8],
) {
    let entry = NewEntry {
        method: Method::Zstd,
        ..NewEntry::stored(path, placement, content)
    };
    // Two frames, as a large entry has.
    let (first, second) = content.split_at(content.len() / 2);
    let mut stored = zstd::bulk::compress(first, 3).unwrap();
    stored.extend(zstd::bulk::compress(second, 3).unwrap());
    writer.add(&entry, &stored).unwrap();
}
