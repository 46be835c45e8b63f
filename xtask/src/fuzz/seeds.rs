//! Small files of each format to begin with: `*/fuzz/seeds`.

use crate::setup;
use anyhow::{Context, Result};
use payload::{ContentDigest, Method, NewEntry, NewModule, Placement, Program, Writer};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Bytes of a footer behind those that every footer has, as far as its checksum reaches.
const FOOTER_FIELDS: std::ops::Range<usize> = 16..128;
/// Bytes of a footer.
const FOOTER: usize = 160;

/// Writes all seeds below the workspace `root`. The same sources make the same bytes.
///
/// # Errors
/// When a file cannot be written. Without a C compiler those of ELF stay as they are.
pub(super) fn write(root: &Path) -> Result<()> {
    payloads(&root.join("payload/fuzz/seeds"))?;
    let folder = root.join("packager/fuzz/seeds/elf");
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    for (name, options) in ELF {
        elf(&folder.join(name), options)?;
    }
    Ok(())
}

fn payloads(folder: &Path) -> Result<()> {
    let program = Program {
        name: "seed".to_owned(),
        ..Program::default()
    };
    let (small, large) = (packed(&program, 1)?, packed(&program, 3)?);
    put(folder, "payload/small", &small)?;
    put(folder, "payload/several", &large)?;
    put(
        folder,
        "payload/signed",
        &[&small[..], &[0x30; 40]].concat(),
    )?;
    for (name, file) in [("small", &small), ("several", &large)] {
        let footer = &file[file.len() - FOOTER..];
        let fields = &footer[FOOTER_FIELDS];
        put(folder, &format!("footer/{name}"), fields)?;
        let number = |at: usize| -> Result<usize> {
            let bytes = footer.get(at..at + 8).context("a footer has its fields")?;
            Ok(usize::try_from(u64::from_le_bytes(bytes.try_into()?))?)
        };
        // FORMAT.md, section 2: prefix_length, index_offset, index_length.
        let start = number(16)? + number(40)?;
        let index = &file[start..start + number(48)?];
        put(folder, &format!("index/{name}"), index)?;
    }
    for (name, content) in [
        ("empty", Vec::new()),
        ("text", b"import os\n".repeat(30)),
        ("zeros", vec![0; 300_000]),
    ] {
        let size = u32::try_from(content.len())?.to_le_bytes();
        let frame = zstd::bulk::compress(&content, 3)?;
        put(
            folder,
            &format!("entries/{name}"),
            &[&size[..], &frame].concat(),
        )?;
        let (first, second) = content.split_at(content.len() / 2);
        let frames = [
            zstd::bulk::compress(first, 1)?,
            zstd::stream::encode_all(second, 1)?,
        ];
        let frames = [&size[..], &frames.concat()].concat();
        put(folder, &format!("entries/{name}-in-two"), &frames)?;
    }
    // What the target makes of bytes is no format: any will do.
    put(
        folder,
        "roundtrip/text",
        &b"app.py\0lib/os.py\0print(1)\x02\x01".repeat(6),
    )
}

/// A payload with `count` files of each kind, and modules.
fn packed(program: &Program, count: usize) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new(), b"bootloader")?;
    for number in 0..count {
        let content = format!("print({number})\n").repeat(20).into_bytes();
        let (stored, compressed) = (format!("app{number}.py"), format!("lib/m{number}.py"));
        writer.add(
            &NewEntry::stored(&stored, Placement::Memory, &content),
            &content,
        )?;
        let entry = NewEntry {
            method: Method::Zstd,
            ..NewEntry::stored(&compressed, Placement::File, &content)
        };
        writer.add(&entry, &zstd::bulk::compress(&content, 3)?)?;
        let beside = format!("beside/{number}.so");
        let entry = NewEntry {
            path: &beside,
            mode: 0o755,
            method: Method::External,
            placement: Placement::File,
            digest: ContentDigest::of(b"library"),
        };
        writer.add(&entry, b"library")?;
        writer.add_module(NewModule {
            name: format!("p.m{number}"),
            code: Some(stored),
            source: Some(compressed.clone()),
            file: compressed,
            ..NewModule::default()
        });
        writer.add_module(NewModule {
            name: format!("p.x{number}"),
            extension: true,
            code: Some(beside.clone()),
            file: beside,
            preload: vec!["lib/a.so".to_owned(), "lib/b.so".to_owned()],
            ..NewModule::default()
        });
    }
    Ok(writer.finish(program)?.0)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).with_context(|| format!("could not create {}", parent.display()))?;
    fs::write(&path, bytes).with_context(|| format!("could not write {}", path.display()))
}

/// Native files and what the C compiler makes them with.
const ELF: [(&str, &[&str]); 5] = [
    ("library", &["-shared", "-s"]),
    (
        "library-with-symbols",
        &["-shared", "-g", "-Wl,-soname,libseed.so.1"],
    ),
    (
        "library-with-search-paths",
        &[
            "-shared",
            "-Wl,-rpath,$ORIGIN/lib:/opt/lib",
            "-Wl,--disable-new-dtags",
            "-lc",
        ],
    ),
    (
        "library-from-elsewhere",
        &["-shared", "-s", "-Wl,-rpath,/home/somebody/lib"],
    ),
    (
        "program",
        &["-DPROGRAM", "-pie", "-lc", "-Wl,-rpath,$ORIGIN"],
    ),
];

const SOURCE: &str = "\
int printf(const char *, ...);
int used = 1;
#ifdef PROGRAM
void _start(void) { printf(\"seed\"); }
#else
int seed(void) { return used; }
#endif
";

/// Makes a small native file, unless it is there: compilers differ, and any one's files will do.
fn elf(path: &Path, options: &[&str]) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = setup::target().join("fuzz");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("seed.c"), SOURCE)?;
    setup::run(
        Command::new("cc")
            // Debug symbols name the folder.
            .current_dir(&folder)
            .arg(format!("-ffile-prefix-map={}=/seed", folder.display()))
            .args([
                "-Os",
                "-fPIC",
                "-nostdlib",
                "-fno-asynchronous-unwind-tables",
            ])
            .args([
                "-Wl,-z,noseparate-code",
                "-Wl,-z,max-page-size=4096",
                "-Wl,--build-id=none",
            ])
            .arg("seed.c")
            .args(options)
            .arg("-o")
            .arg(path),
    )
}
