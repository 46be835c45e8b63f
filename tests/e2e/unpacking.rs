//! What is unpacked, when, where, by whom, and what a killed or hindered start leaves.

use crate::harness::{Case, Pack, Program, Run, Scratch, files_below, is_root, mount_namespace};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

on_every_python!(onefile: twenty_first_starts, second_start_unpacks_nothing);

/// Prints what every unpacked file is (inode, times) as this process sees it.
const STAMPS: &str = r#"
import json, os, sys
stamps = {}
for folder, _, names in os.walk(sys._MEIPASS):
    for name in names:
        path = os.path.join(folder, name)
        status = os.stat(path)
        stamps[path] = [status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size]
print(json.dumps(stamps, sort_keys=True))
"#;

fn stamps_program(scratch: &Scratch, case: &Case) -> Program {
    Pack::script(&scratch.write("stamps.py", STAMPS), &[], *case)
}

fn temporary(scratch: &Scratch, name: &str) -> PathBuf {
    let folder = scratch.join(name);
    fs::create_dir(&folder).unwrap();
    folder
}

/// All see the same files: what one unpacked, no other wrote again.
fn twenty_first_starts(case: &Case) {
    let scratch = Scratch::new();
    let program = stamps_program(&scratch, case);
    let folder = temporary(&scratch, "tmp");
    let starts: Vec<_> = (0..20)
        .map(|_| Run::new(&program.path).env("TMPDIR", &folder).spawn())
        .collect();
    let seen: Vec<String> = starts
        .into_iter()
        .map(|start| {
            let outcome = start.finish().listing(&folder);
            outcome.success().stderr_is("");
            outcome.stdout_text()
        })
        .collect();
    assert!(seen[0].len() > 100, "{}", seen[0]);
    assert!(
        seen.iter().all(|text| *text == seen[0]),
        "the starts saw different files"
    );
    assert_eq!(
        Run::new(&program.path)
            .env("TMPDIR", &folder)
            .run()
            .stdout_text(),
        seen[0]
    );
}

fn tree(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64, i64)> {
    let entries = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap);
    let stamp = |path: &Path| {
        let status = fs::symlink_metadata(path).unwrap();
        (
            status.ino(),
            status.mtime_nsec(),
            status.ctime(),
            status.ctime_nsec(),
        )
    };
    entries
        .map(|entry| (entry.path().to_path_buf(), stamp(entry.path())))
        .collect()
}

fn second_start_unpacks_nothing(case: &Case) {
    let probe = case.probe();
    let scratch = Scratch::new();
    let folder = temporary(&scratch, "tmp");
    let run = |action: &str| {
        Run::new(&probe.path)
            .arg(action)
            .env("TMPDIR", &folder)
            .run()
            .listing(&folder)
            .success()
            .stdout_text()
    };
    let first = run("facts");
    let before = tree(&folder);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(run("facts"), first);
    run("sources");
    assert!(
        tree(&folder) == before,
        "a later start changed {}",
        folder.display()
    );
    // What lies there is for its owner alone.
    let top = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    assert_eq!(top.metadata().unwrap().permissions().mode() & 0o077, 0);
}

/// However early it is killed, the next start completes what is missing.
#[test]
fn killed_first_starts() {
    let case = Case::any();
    let probe = case.probe();
    let scratch = Scratch::new();
    for milliseconds in [1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60] {
        let folder = temporary(&scratch, &format!("after {milliseconds} ms"));
        let killed = Run::new(&probe.path)
            .arg("facts")
            .env("TMPDIR", &folder)
            .spawn();
        std::thread::sleep(Duration::from_millis(milliseconds));
        killed.signal("KILL");
        killed.finish();
        for _ in 0..2 {
            Run::new(&probe.path)
                .arg("sources")
                .env("TMPDIR", &folder)
                .run()
                .listing(&folder)
                .success()
                .stderr_is("");
        }
        let partial = files_below(&folder)
            .into_iter()
            .filter(|path| path.to_string_lossy().contains("partial"));
        assert_eq!(partial.count(), 0, "{:?}", files_below(&folder));
    }
}

/// A new version takes the place of the old one, which is removed.
#[test]
fn old_versions_go() {
    let case = Case::any();
    let scratch = Scratch::new();
    let folder = temporary(&scratch, "tmp");
    let run = |version: &str| {
        let script = scratch.write(
            &format!("{version}/app.py"),
            format!("import sys; print(sys._MEIPASS, '{version}')"),
        );
        scratch.write(
            &format!("{version}/pack.toml"),
            "[app]\nid = \"org.example.versions\"\n",
        );
        let program = Pack::script(&script, &[], case);
        let text = Run::new(&program.path)
            .env("TMPDIR", &folder)
            .run()
            .success()
            .stdout_text();
        PathBuf::from(text.split(' ').next().unwrap())
    };
    let one = run("1");
    assert!(one.is_dir());
    let two = run("2");
    assert!(two.is_dir() && one != two);
    assert!(!one.exists(), "{} is still there", one.display());
}

/// A folder that somebody else could have prepared is not used.
#[test]
fn links_and_foreign_folders_are_not_followed() {
    let case = Case::any();
    let probe = case.probe();
    let scratch = Scratch::new();
    let used = temporary(&scratch, "used");
    let facts = Run::new(&probe.path)
        .arg("facts")
        .env("TMPDIR", &used)
        .run()
        .json();
    let meipass = PathBuf::from(facts["meipass"].as_str().unwrap());
    let name = meipass
        .strip_prefix(&used)
        .unwrap()
        .iter()
        .next()
        .unwrap()
        .to_owned();

    let elsewhere = temporary(&scratch, "elsewhere");
    let linked = temporary(&scratch, "linked");
    symlink(&elsewhere, linked.join(&name)).unwrap();
    let open = temporary(&scratch, "open");
    fs::create_dir(open.join(&name)).unwrap();
    fs::set_permissions(open.join(&name), fs::Permissions::from_mode(0o777)).unwrap();
    for prepared in [&linked, &open] {
        let cache = temporary(
            &scratch,
            &format!("cache for {}", prepared.file_name().unwrap().display()),
        );
        let outcome = Run::new(&probe.path)
            .arg("facts")
            .env("TMPDIR", prepared)
            .env("XDG_CACHE_HOME", &cache)
            .run();
        let facts = outcome.json();
        let chosen = PathBuf::from(facts["meipass"].as_str().unwrap());
        assert!(
            !chosen.starts_with(prepared),
            "{} was used",
            prepared.display()
        );
        fs::remove_dir_all(&chosen).ok();
    }
    assert!(files_below(&elsewhere).is_empty());
}

/// No room, no exec, read-only: the next place serves; when there is none, the error names those that were tried.
#[test]
fn unusable_places() {
    if !is_root() {
        eprintln!("skipped: mounting file systems needs root");
        return;
    }
    let probe = Case::any().probe();
    // On a file system of their own: what is below /tmp is out of sight then, this checkout perhaps among it.
    let (folder, home) = (Path::new("/mnt/full"), Path::new("/mnt/home"));
    for options in ["size=1m", "noexec", "ro"] {
        let script = format!(
            "mount -t tmpfs none /mnt && mkdir /mnt/full /mnt/home && cp \"$1\" /mnt/program && \
             mount -t tmpfs -o {options} none /mnt/full && mount --bind /mnt/full /var/tmp && \
             mount --bind /mnt/full /tmp && shift && cd / && exec /mnt/program \"$@\""
        );
        let run = |home: Option<&Path>| {
            let run = mount_namespace(&script)
                .arg(&probe.path)
                .arg("facts")
                .env("TMPDIR", folder);
            match home {
                Some(home) => run.env("HOME", home),
                None => run,
            }
        };
        let facts = run(Some(home)).run().json();
        let meipass = facts["meipass"].as_str().unwrap();
        assert!(
            meipass.starts_with(home.to_str().unwrap()) || meipass.contains("/proc/"),
            "{options}: {meipass}"
        );
        let outcome = run(None).run();
        // Where memory can serve instead, no place is needed.
        if outcome.status.code() != Some(0) {
            outcome
                .code(102)
                .stdout_is("")
                .stderr_has("error: ")
                .stderr_has("/var/tmp")
                .stderr_has(folder.to_str().unwrap());
        }
    }
}
