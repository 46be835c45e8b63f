//! Same inputs, same bytes.

use crate::harness::{Case, Mode, Pack, Run, Scratch, copy_tree, files_below, root, runs_folder};
use std::fs;

on_every_python!(onefile: two_builds);

#[test]
fn two_folders() {
    two_builds(&Case {
        mode: Mode::OneDir,
        ..Case::any()
    });
}

/// In another folder, without the first one's cache, with another umask and at another time.
fn two_builds(case: &Case) {
    let scratch = Scratch::new();
    let build = |name: &str, options: &[&str], umask: &str| {
        let folder = scratch.join(name);
        copy_tree(&root().join("samples/guestbook"), &folder);
        let script = format!("umask {umask} && exec \"$@\"");
        let run = Run::new("/bin/sh")
            .args(&["-c", &script, "sh"])
            .seconds(300);
        let pack = Pack::build(*case).args(options);
        run.command_of(pack)
            .env("HOME", runs_folder())
            .cwd(&folder)
            .run()
            .success();
        folder.join("dist")
    };
    let one = build("one", &[], "022");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let two = build("another folder", &["--no-cache"], "077");
    let files = files_below(&one);
    assert_eq!(files, files_below(&two));
    assert!(!files.is_empty());
    if case.mode == Mode::OneFile {
        assert_eq!(files.len(), 1);
    }
    for file in files {
        let same = fs::read(one.join(&file)).unwrap() == fs::read(two.join(&file)).unwrap();
        assert!(same, "{} differs", file.display());
    }
}
