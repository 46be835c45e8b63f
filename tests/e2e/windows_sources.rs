//! Programs for Windows packed where nothing compiles for them: they compile themselves, at their first start.

use crate::harness::{Wine, copy_tree, pythons};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

const NO_PYTHON: &str = "of this machine compiles for the target, so the program holds";

/// Its own code and that of the libraries is compiled by the first start, and taken by later ones where it is whole.
#[test]
fn a_windows_program_packed_as_sources_compiles_itself_once() {
    let Some(wine) = Wine::find() else { return };
    for version in [(3, 12), (3, 13)] {
        let name = format!("sources-3{}", version.1);
        let (tour, built) = wine.packed_alone(&name, "tour", wine.python(version), &[]);
        built.stderr_has(NO_PYTHON);
        let (folder, place) = wine.on_c(&name);
        let start = |arguments: &[&str]| {
            let run = wine.run(&tour, arguments).env("PACK_TMPDIR", &place);
            run.run()
        };
        let shown =
            "__main__ tour tour.__main__ 0\nTrue True\nraise ValueError(\"no such place\")\n";
        let first = start(&[]);
        first.success();
        assert_eq!(first.lines(), shown);
        let made = made(&folder);
        assert!(made.len() > 3, "{made:?}");
        start(&[]).success();
        assert!(made == self::made(&folder), "a later start makes nothing");
        // What is damaged is made again.
        for path in made.keys() {
            let mut content = fs::read(path).unwrap();
            *content.last_mut().unwrap() ^= 1;
            fs::write(path, content).unwrap();
        }
        assert_eq!(start(&[]).lines(), shown);
        let again = self::made(&folder);
        let contents = |of: &BTreeMap<_, (Vec<u8>, _)>| -> Vec<Vec<u8>> {
            of.values().map(|(content, _)| content.clone()).collect()
        };
        assert!(contents(&made) == contents(&again));
        start(&["fail"])
            .code(1)
            .stderr_has("tour\\place.py\", line 5, in fail")
            .stderr_has("    raise ValueError(\"no such place\")");
        let seen = start(&["probe", "workers"]);
        seen.success();
        assert!(seen.lines().starts_with("[0, 1, 4, 9, 16]\nTrue\n0\n"));
        start(&["probe", "raise"])
            .code(1)
            .stderr_has("probe.py\", line 12, in fail");
        fs::remove_dir_all(folder).unwrap();
    }
}

/// An installation has its standard library as sources, and what Python needs to come up is among them.
#[test]
fn a_windows_program_with_a_standard_library_of_sources() {
    let Some(wine) = Wine::find() else { return };
    let version = (3, 12);
    let Some(host) = pythons().iter().find(|python| python.version == version) else {
        eprintln!("skipped: no CPython 3.12 on this machine, whose standard library is taken");
        return;
    };
    let installation = wine.inside("installation");
    let stdlib = host.base.parent().unwrap().join("../lib/python3.12");
    install(wine.python(version), &stdlib, &installation);
    let (tour, built) = wine.packed_alone("installed", "tour", &installation, &[]);
    built.stderr_has(NO_PYTHON);
    let (folder, place) = wine.on_c("installed");
    let start = || wine.run(&tour, &["probe"]).env("PACK_TMPDIR", &place).run();
    let first = start();
    first.success();
    let made = made(&folder);
    // The codecs that CPython asks for before there is an importer are taken from there, too.
    assert!(made.len() > 20, "{made:?}");
    let second = start();
    second.success();
    assert_eq!(first.lines(), second.lines());
    assert!(made == self::made(&folder), "a later start makes nothing");
    fs::remove_dir_all(folder).unwrap();
}

/// A folder keeps nothing beside its files, which others may have the right to change.
#[test]
fn a_windows_folder_of_sources() {
    let Some(wine) = Wine::find() else { return };
    let version = (3, 12);
    let (_, built) = wine.packed_alone("folder", "tour", wine.python(version), &["--onedir"]);
    built.stderr_has(NO_PYTHON);
    for _ in 0..2 {
        let outcome = wine.run("folder/folder.exe", &[]).run();
        outcome.success();
        assert!(
            outcome
                .lines()
                .starts_with("__main__ tour tour.__main__ 0\nTrue True\n")
        );
    }
    assert!(!wine.inside("folder/_internal/.pack").exists());
    // A source that is not what was packed is not run.
    let place = wine.inside("folder/_internal/tour/place.py");
    fs::write(place, "print('somebody else')\n").unwrap();
    let outcome = wine.run("folder/folder.exe", &[]).run();
    assert!(
        !outcome.lines().contains("somebody else"),
        "{}",
        outcome.lines()
    );
    outcome.code(101);
}

/// The files that a program has made below `folder`: what is in them, and when they were written.
fn made(folder: &Path) -> BTreeMap<std::path::PathBuf, (Vec<u8>, SystemTime)> {
    let bundles = fs::read_dir(folder.join("pack")).unwrap().flatten();
    let made = bundles.map(|entry| entry.path().join(".pack/made"));
    let files = made.filter_map(|made| fs::read_dir(made).ok()).flatten();
    files
        .flatten()
        .map(|entry| {
            let written = entry.metadata().unwrap().modified().unwrap();
            (entry.path(), (fs::read(entry.path()).unwrap(), written))
        })
        .collect()
}

/// What an installer makes of an embeddable package's files and the sources of a standard library.
fn install(embeddable: &Path, stdlib: &Path, to: &Path) {
    fs::create_dir_all(to.join("DLLs")).unwrap();
    for entry in fs::read_dir(embeddable).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let is_library = name.starts_with("python3") || name.starts_with("vcruntime");
        let dest = match name.rsplit_once('.') {
            Some((_, "dll")) if is_library => to.join(&name),
            Some((_, "dll" | "pyd")) => to.join("DLLs").join(&name),
            _ => continue,
        };
        fs::copy(entry.path(), dest).unwrap();
    }
    for entry in fs::read_dir(stdlib).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let there = entry.path();
        let dest = to.join("Lib").join(&name);
        let of_unix = ["lib-dynload", "site-packages", "test", "__pycache__"];
        if there.is_dir() && !of_unix.contains(&name.as_str()) && !name.starts_with("config-") {
            copy_tree(&there, &dest);
        } else if name.ends_with(".py") {
            fs::create_dir_all(to.join("Lib")).unwrap();
            fs::copy(there, dest).unwrap();
        }
    }
}
