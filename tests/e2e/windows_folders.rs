//! Programs for Windows as a folder.

use crate::harness::{Wine, copy_tree, files_below};
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

#[test]
fn a_windows_folder_starts_from_anywhere_and_stays_as_it_is() {
    let Some(wine) = Wine::find() else { return };
    for (version, _) in &wine.pythons {
        let options = ["--onedir", "--app-id", "com.example.Folder"];
        let packed = wine.packed("in-folder", "probe.py", *version, &options);
        let name = packed.strip_suffix(".exe").unwrap();
        let place = format!("caf\u{e9} to go/{name}");
        copy_tree(&wine.inside(name), &wine.inside(&place));
        let program = format!("{place}/{packed}");
        let before = state(wine, &place);
        let facts = wine.run(&program, &["facts", "two words"]).run();
        facts.success();
        let seen = facts.lines();
        let lines: Vec<&str> = seen.lines().collect();
        let own = wine.outside(&program);
        assert_eq!(lines[0], "['two words']");
        assert_eq!(lines[1], format!("True win32 {own} {own}"));
        let inner = own.replace(&packed, "_internal");
        assert_eq!(lines[2], format!("{inner}\\probe.py {inner}"));
        for what in ["libraries", "workers"] {
            wine.run(&program, &[what]).run().success();
        }
        wine.run(&program, &["exit", "7"]).run().code(7);
        assert_eq!(state(wine, &place), before, "a start writes nothing");
        // It is not unpacked: what the user's folder keeps is a record of what was verified.
        let kept = fs::read_dir(wine.local_data().join("pack")).unwrap();
        let kept = kept.flatten().filter(|kept| kept.path().is_dir());
        let is_of_this = |name: &str| name.starts_with("com.example.Folder");
        let mut names = kept.map(|kept| kept.file_name());
        assert!(!names.any(|name| is_of_this(&name.to_string_lossy())));
        // What is damaged is not run.
        let library = wine.inside(&format!("{place}/_internal/lib/python3.dll"));
        let mut bytes = fs::read(&library).unwrap();
        bytes[1_000] ^= 1;
        fs::write(&library, bytes).unwrap();
        let outcome = wine.run(&program, &["facts"]).run();
        outcome
            .code(101)
            .stderr_has("python3.dll")
            .stderr_has("hint: ");
        fs::remove_dir_all(wine.inside(&place)).unwrap();
    }
}

/// The files of a program, and when they were written.
fn state(wine: &Wine, place: &str) -> Vec<(PathBuf, SystemTime)> {
    let folder = wine.inside(place);
    let files = files_below(&folder).into_iter();
    files
        .map(|file| {
            let written = fs::metadata(folder.join(&file)).unwrap().modified();
            (file, written.unwrap())
        })
        .collect()
}

#[test]
fn a_windowed_windows_folder_keeps_a_log() {
    let Some(wine) = Wine::find() else { return };
    let version = (3, 13);
    let id = "com.example.WindowedFolder";
    let options = ["--onedir", "--windowed", "--app-id", id];
    let packed = wine.packed("windowed-folder", "windowed.py", version, &options);
    let name = packed.strip_suffix(".exe").unwrap();
    let probe = wine.packed("folder-starter", "probe.py", version, &[]);
    let path = wine.outside(&format!("{name}/{packed}"));
    let outcome = wine.run(&probe, &["starts", &path]).run();
    outcome.success();
    assert_eq!(outcome.lines(), "status 0\n");
    let folder = wine.local_data().join(id);
    let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap();
    assert!(log.starts_with("printed"), "{log}");
    fs::remove_dir_all(folder).unwrap();
}
