//! inspect, verify and extract on a small packed program.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::record::{Distribution, Record, Site};
use payload::{ContentDigest, Method, NewEntry, NewModule, Placement, Program, Writer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn program(contents: Option<&str>) -> Program {
    Program {
        name: "shop".into(),
        id: "com.example.shop".into(),
        version: "1.2".into(),
        python: payload::Python {
            version: (3, 11, 9),
            free_threaded: false,
            start: payload::PythonStart::Library("lib/libpython3.11.so.1.0".into()),
            preload: vec![],
        },
        runtime: "lib/libpack_runtime.so".into(),
        entries: vec![payload::EntryPoint {
            name: String::new(),
            target: payload::Target::Script("app.py".into()),
        }],
        runtime_hooks: vec![],
        unpack: payload::Unpack::Reuse,
        runtime_tmpdir: None,
        contents_directory: contents.map(Into::into),
        optimize: 0,
        windowed: false,
        refuse_own_gil: None,
        need_gil: None,
        glibc: None,
        facts: BTreeMap::from([("pack".into(), "0.1.0".into())]),
    }
}

fn record() -> Record {
    let site = |importer: &str, line| Site {
        importer: importer.into(),
        line,
        optional: false,
    };
    Record {
        distributions: vec![Distribution {
            name: "markup-safe".into(),
            version: "3.0".into(),
            why: "imported by flask, line 7".into(),
            size: 2345,
        }],
        modules: BTreeMap::from([
            ("flask".into(), vec![site("__main__", 1)]),
            (
                "markupsafe".into(),
                vec![site("flask", 7), site("--hidden-import", 0)],
            ),
        ]),
        files: BTreeMap::from([("data/x.json".into(), "--add-data".into())]),
        missing: BTreeMap::from([("gone".into(), vec![site("flask", 9)])]),
        left_out: BTreeMap::from([(
            crate::collection::Because::Unused.to_string(),
            vec!["flask/idle/__init__.py".into(), "flask/x.txt".into()],
        )]),
    }
}

/// Writes a packed program; with a contents directory, `data/x.json` lies in it.
fn write(folder: &Path, contents: Option<&str>) -> PathBuf {
    let mut writer = Writer::new(Vec::new(), b"bootloader").unwrap();
    let record = record().to_json();
    let entries: [(&str, &[u8], Placement, u32); 4] = [
        ("app.py", b"import flask\n", Placement::File, 0o644),
        ("tool", b"#!/bin/sh\n", Placement::File, 0o755),
        (
            ".pack/code/markupsafe.marshal",
            b"code",
            Placement::Memory,
            0o644,
        ),
        (crate::record::PATH, &record, Placement::Memory, 0o644),
    ];
    for (path, content, placement, mode) in entries {
        let entry = NewEntry {
            mode,
            ..NewEntry::stored(path, placement, content)
        };
        writer.add(&entry, content).unwrap();
    }
    let data = b"{}";
    let method = if contents.is_some() {
        Method::External
    } else {
        Method::Stored
    };
    let digest = ContentDigest::of(data);
    let entry = NewEntry {
        path: "data/x.json",
        mode: 0o644,
        method,
        placement: Placement::File,
        digest,
    };
    writer.add(&entry, data).unwrap();
    if let Some(contents) = contents {
        crate::testing::tree(folder, &[(&format!("{contents}/data/x.json"), "{}")]);
    }
    for name in ["flask", "markupsafe"] {
        writer.add_module(NewModule {
            name: name.into(),
            code: Some(".pack/code/markupsafe.marshal".into()),
            file: format!("{name}.py"),
            ..NewModule::default()
        });
    }
    let (bytes, _) = writer.finish(&program(contents)).unwrap();
    let file = folder.join("shop");
    fs_err::write(&file, bytes).unwrap();
    file
}

/// Runs a command; its failure as the reader sees it, with the folder's name replaced.
fn run(folder: &Path, line: &[&str]) -> Result<(), String> {
    let matches = command()
        .try_get_matches_from(std::iter::once(&"pack").chain(line))
        .unwrap();
    let (name, matches) = matches.subcommand().unwrap();
    let result = dispatch(name, matches, &Printer::new(Level::Quiet));
    result.map(drop).map_err(|failure| {
        assert_eq!(failure.code, FAILED);
        let text = render(failure.error.as_ref(), failure.hint.as_deref(), false);
        text.replace(&folder.display().to_string(), "[folder]")
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_no_packed_program_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    fs_err::write(&file, "text").unwrap();
    let check = |line: &[&str]| run(folder.path(), line).unwrap_err();
    insta::assert_snapshot!(check(&["verify", text(&file)]), @r"
    error: `[folder]/x` is not a packed program
      caused by: no packed program in this file, or its end is missing
    hint: name a file that `pack build` has made
    ");
    let empty = folder.path().join("empty");
    fs_err::write(&empty, "").unwrap();
    insta::assert_snapshot!(check(&["verify", text(&empty)]), @r"
    error: `[folder]/empty` is not a packed program
      caused by: no packed program in this file, or its end is missing
    hint: name a file that `pack build` has made
    ");
    insta::assert_snapshot!(check(&["inspect", text(folder.path())]).replace(folder.path().file_name().unwrap().to_str().unwrap(), "name"), @r"
    error: `[folder]` is a folder
    hint: of a one-folder program name the executable in it: `[folder]/name`
    ");
    insta::assert_snapshot!(check(&["extract", text(&folder.path().join("y"))]), @r"
    error: cannot read the program
      caused by: failed to open file `[folder]/y`: No such file or directory (os error 2)
    ");
}

#[test]
fn damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), None);
    run(folder.path(), &["verify", text(&file)]).unwrap();
    let bytes = fs_err::read(&file).unwrap();
    let at = bytes
        .windows(12)
        .position(|window| window == b"import flask")
        .unwrap();
    let mut changed = bytes.clone();
    changed[at] ^= 1;
    fs_err::write(&file, &changed).unwrap();
    insta::assert_snapshot!(run(folder.path(), &["verify", text(&file)]).unwrap_err(), @r"
    error: `[folder]/shop` is damaged
      caused by: the packed file `app.py` is damaged
    hint: build it again, or copy it again from where it is intact
    ");
    let out = folder.path().join("out");
    run(folder.path(), &["extract", text(&file), text(&out)]).unwrap_err();
    assert_eq!(
        fs_err::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left of a failed extraction"
    );
    fs_err::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    run(folder.path(), &["verify", text(&file)]).unwrap_err();
}

#[test]
fn files_beside_a_one_folder_program_count() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), Some("_internal"));
    run(folder.path(), &["verify", text(&file)]).unwrap();
    let out = folder.path().join("out");
    run(folder.path(), &["extract", text(&file), text(&out)]).unwrap();
    assert_eq!(
        fs_err::read_to_string(out.join("data/x.json")).unwrap(),
        "{}"
    );
    fs_err::write(folder.path().join("_internal/data/x.json"), "[]").unwrap();
    insta::assert_snapshot!(run(folder.path(), &["verify", text(&file)]).unwrap_err(), @"error: the file `[folder]/_internal/data/x.json` beside the program is damaged");
    let again = folder.path().join("again");
    insta::assert_snapshot!(run(folder.path(), &["extract", text(&file), text(&again)]).unwrap_err(), @"error: the file `[folder]/_internal/data/x.json` beside the program is damaged");
    assert!(!again.exists());
    fs_err::remove_file(folder.path().join("_internal/data/x.json")).unwrap();
    assert!(run(folder.path(), &["verify", text(&file)]).is_err());
}

#[cfg(unix)]
#[test]
fn extracts_into_a_new_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), None);
    let out = folder.path().join("a/out");
    run(folder.path(), &["extract", text(&file), text(&out)]).unwrap();
    assert_eq!(
        fs_err::read_to_string(out.join("app.py")).unwrap(),
        "import flask\n"
    );
    assert_eq!(
        fs_err::metadata(out.join("tool"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o755
    );
    assert!(!out.join(".pack").exists());
    insta::assert_snapshot!(run(folder.path(), &["extract", text(&file), text(&out)]).unwrap_err(), @r"
    error: `[folder]/a/out` exists already
    hint: name a folder that does not exist, or remove this one
    ");
    let all = folder.path().join("all");
    run(
        folder.path(),
        &["extract", "--all", text(&file), text(&all)],
    )
    .unwrap();
    assert!(all.join(".pack/code/markupsafe.marshal").exists());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
    assert!(
        run(folder.path(), &["extract", text(&file), text(&link)])
            .unwrap_err()
            .contains("exists already")
    );
}

#[test]
fn shows_what_is_inside() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), None);
    let show = |line: &[&str]| {
        let matches = command()
            .try_get_matches_from(["pack", "inspect", text(&file)].iter().chain(line))
            .unwrap();
        let (_, matches) = matches.subcommand().unwrap();
        let shown = inspect::shown(matches, &Printer::new(level(matches)));
        let text = shown.unwrap_or_else(|failure| {
            render(failure.error.as_ref(), failure.hint.as_deref(), false)
        });
        text.replace(&folder.path().display().to_string(), "[folder]")
    };
    insta::assert_snapshot!(show(&[]), @r"
    shop 1.2 (com.example.shop), [folder]/shop: 2.5 kB
      runs           the script app.py
      Python         3.11.9, lib/libpython3.11.so.1.0
      unpacks        3 files, 25 B, once for all runs
      pack           0.1.0

    Distributions
      markup-safe 3.0     2.3 kB  imported by flask, line 7

    Modules
      2, 2 of them reached by imports

    Files
           13 B  app.py
            2 B  data/ (1 file)
           10 B  tool
           25 B  in 3 files

    Every file and module with -v; who asked for one with --why NAME.
    ");
    insta::assert_snapshot!(show(&["--why", "markupsafe"]), @r"
    module markupsafe: imported by flask, line 7
      flask is imported by __main__, line 1
        __main__ is the entry point
    also wanted by --hidden-import
    ");
    insta::assert_snapshot!(show(&["--why", "Markup_Safe"]), @"distribution markup-safe 3.0: imported by flask, line 7");
    insta::assert_snapshot!(show(&["--why", "data/x.json"]), @"file data/x.json: --add-data");
    insta::assert_snapshot!(show(&["--why", "gone"]), @"module gone was not found: imported by flask, line 9");
    for name in ["flask.idle", "flask/idle/__init__.py"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(show(&["--why", name]), @"file flask/idle/__init__.py was left out by --slim: no trace has used it, and nothing that was kept needs it");
        }
    }
    insta::assert_snapshot!(show(&["--why", "flaks"]), @r"
    error: `flaks` is neither a module nor a distribution nor a file of this program
    hint: did you mean `flask`?
    ");
    let json: serde_json::Value = serde_json::from_str(&show(&["--format", "json"])).unwrap();
    assert_eq!(json["program"]["name"], "shop");
    assert_eq!(json["files"].as_array().unwrap().len(), 5);
    let json: serde_json::Value =
        serde_json::from_str(&show(&["--format", "json", "--why", "flask"])).unwrap();
    assert_eq!(json["module"][0]["by"]["importer"], "__main__");
}
