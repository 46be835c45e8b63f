//! Versions of one app beside each other: old ones go when nobody uses them.

use crate::harness::{Scratch, Shelf};
use std::path::{Path, PathBuf};

/// Says where its files are; told to go on, it asks for one more.
const HOLD: &str = "\
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print(sys._MEIPASS, flush=True)
signal.sigwait({signal.SIGUSR1})
import shelf.parts.p05, shelf.books
print(shelf.parts.p05.number(), open(sys._MEIPASS + '/data/note.txt').read(), shelf.books.part(6)[0])
";

/// Everything that belongs to the directory of a version.
fn belongings(folder: &Path) -> Vec<String> {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let there = std::fs::read_dir(folder.parent().unwrap())
        .unwrap()
        .flatten();
    let mut names: Vec<String> = there
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|other| other.starts_with(name))
        .collect();
    names.sort();
    names
}

fn folder(program: &Shelf, temporary: &Path) -> PathBuf {
    let outcome = program
        .run(temporary, "import sys; print(sys._MEIPASS)")
        .run();
    PathBuf::from(outcome.success().stdout_text().trim_end())
}

#[test]
fn an_old_version_goes_once_it_is_unused() {
    let scratch = Scratch::new();
    let (old, new) = (Shelf::reused(), Shelf::build("newer", "", &[]));
    let mut running = old.run(scratch.path(), HOLD).spawn();
    let used = PathBuf::from(running.line());
    // New starts, the first and later ones, leave it alone.
    let newer = folder(&new, scratch.path());
    assert_eq!(folder(&new, scratch.path()), newer);
    assert_ne!(newer, used);
    running.signal("USR1");
    running
        .finish()
        .success()
        .stdout_is(&format!("{}\n5 reused 6\n", used.display()));
    assert!(used.exists());
    assert_eq!(folder(&new, scratch.path()), newer);
    assert_eq!(belongings(&used), [] as [&str; 0]);
    assert!(newer.exists());
}

/// A version that unpacks for each run removes what one left that did not, and the other way round.
#[test]
fn the_other_policys_files_go_too() {
    let scratch = Scratch::new();
    let used = folder(Shelf::reused(), scratch.path());
    let run = folder(Shelf::each(), scratch.path());
    assert_eq!(belongings(&used), [] as [&str; 0]);
    // What a run leaves that was killed together with its janitor.
    std::fs::create_dir(&run).unwrap();
    std::fs::write(format!("{}.part-0000000000000001", run.display()), "x").unwrap();
    assert_eq!(folder(Shelf::reused(), scratch.path()), used);
    assert_eq!(belongings(&run), [] as [&str; 0]);
}

/// What killed processes were writing, and what an interrupted removal of an old version left.
#[test]
fn unfinished_files_go() {
    let scratch = Scratch::new();
    let used = folder(Shelf::reused(), scratch.path());
    let base = used.parent().unwrap();
    let key = used.file_name().unwrap().to_str().unwrap();
    let (id, hash) = key.rsplit_once('-').unwrap();
    let older = format!("{id}-{}", "0".repeat(hash.len()));
    let left = [
        format!("{key}.part-0000000000000001"),
        format!("{key}.record.0000000000000002"),
        format!("{older}.lock"),
        format!("{older}.journal"),
        format!("{older}.record"),
        format!("{older}.part-0000000000000003"),
    ];
    for name in &left {
        std::fs::write(base.join(name), "x").unwrap();
    }
    // Of another app whose name begins alike.
    let other = format!("{id}-two-{}.lock", "0".repeat(hash.len()));
    std::fs::write(base.join(&other), "x").unwrap();
    // Anything that makes the start look through its files.
    std::fs::remove_file(used.join("data/note.txt")).unwrap();
    assert_eq!(folder(Shelf::reused(), scratch.path()), used);
    for name in &left {
        assert!(!base.join(name).exists(), "{name}");
    }
    assert!(base.join(&other).exists());
}
