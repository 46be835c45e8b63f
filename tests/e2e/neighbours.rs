//! Surroundings that want a packed program to run something else: the caller's environment where the program has more
//! rights than its caller, other users of the machine, and whoever may write beside the executable.

use crate::harness::{Case, Mode, Outcome, Scratch, arena, pythons};
use serde_json::{Value, json};
use std::fs;

/// A machine of its own: /mnt/edges belongs to root, /tmp and /var/tmp are shared; `neighbour` and `user` are two
/// users. What follows is the test's; the program's output is the script's.
const ARENA: &str = r#"
    set -e
    mount -t tmpfs -o mode=755 none /mnt
    cp "$1" /mnt/edges
    mount -t tmpfs -o mode=1777 none /tmp
    mount -t tmpfs -o mode=1777 none /var/tmp
    as() { uid=$1; shift; setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"; }
    neighbour() { as 54321 "$@"; }
    user() { as 54322 env -i "$@"; }
    cd /
"#;

fn play(script: &str) -> Option<Outcome> {
    let run = arena(&format!("{ARENA}\n{script}"))?;
    Some(run.arg(&Case::any().edges().path).run())
}

/// Where the program's files were, and that they were its user's.
fn used(outcome: &Outcome, user: u32) -> String {
    let facts: Value = outcome.json();
    assert_eq!(facts["owner"], json!(user), "{facts}");
    facts["meipass"].as_str().unwrap().to_owned()
}

/// Another user was there first, in any way that there is: the next place serves.
#[test]
fn a_place_that_another_user_has_prepared() {
    for prepare in [
        "neighbour mkdir -m 700 /tmp/pack-54322",
        "neighbour mkdir -m 777 /tmp/pack-54322",
        "neighbour touch /tmp/pack-54322",
        "neighbour mkfifo /tmp/pack-54322",
        "neighbour mkdir -m 777 /tmp/trap; neighbour ln -s /tmp/trap /tmp/pack-54322",
        "user /bin/mkdir -m 700 /tmp/own; neighbour ln -s /tmp/own /tmp/pack-54322",
        "neighbour ln -s /nowhere /tmp/pack-54322",
        // With everything in it that belongs there, and other code.
        "neighbour env -i /mnt/edges facts >/tmp/theirs; neighbour cp -r /tmp/pack-54321 /tmp/pack-54322; \
         neighbour sh -c 'for file in $(find /tmp/pack-54322 -name \"*.so*\"); do echo evil >$file; done'",
    ] {
        let Some(outcome) = play(&format!("{prepare}\nuser /mnt/edges privileged")) else {
            return;
        };
        let meipass = used(&outcome, 54322);
        assert!(
            meipass.starts_with("/var/tmp/pack-54322/"),
            "{prepare}: {meipass}"
        );
    }
}

/// A folder where anybody may rename anything is no place, though the user's own folder in it is private.
#[test]
fn a_place_where_others_may_rename() {
    let script = "neighbour mkdir -m 777 /tmp/open; neighbour chmod 777 /tmp/open\n\
                  user TMPDIR=/tmp/open /mnt/edges privileged";
    let Some(outcome) = play(script) else { return };
    let meipass = used(&outcome, 54322);
    assert!(meipass.starts_with("/tmp/pack-54322/"), "{meipass}");
}

/// Inherited variables name a folder that another user has filled: it is not used, whatever it holds.
#[test]
fn variables_that_name_the_folder_of_another_user() {
    let script = "neighbour mkdir -m 755 /tmp/theirs\n\
        neighbour env -i PACK_TMPDIR=/tmp/theirs /mnt/edges facts >/dev/null\n\
        neighbour mv /tmp/theirs/pack-54321 /tmp/theirs/pack-54322 2>/dev/null || neighbour mkdir /tmp/theirs/pack-54322\n\
        user PACK_TMPDIR=/tmp/theirs TMPDIR=/tmp/theirs XDG_CACHE_HOME=/tmp/theirs HOME=/tmp/theirs \
            _MEIPASS2=/tmp/theirs _PYI_APPLICATION_HOME_DIR=/tmp/theirs _PYI_ARCHIVE_FILE=/tmp/theirs/x \
            /mnt/edges privileged";
    let Some(outcome) = play(script) else { return };
    let meipass = used(&outcome, 54322);
    assert!(meipass.starts_with("/tmp/pack-54322/"), "{meipass}");
}

/// While another user makes and removes what we want to make, over and over.
#[test]
fn a_race_with_another_user() {
    let script = "\
        neighbour sh -c 'mkdir -m 777 /tmp/trap; while [ ! -e /tmp/over ]; do \
            ln -s /tmp/trap /tmp/pack-54322; rm -f /tmp/pack-54322; \
            mkdir -m 777 /tmp/pack-54322; rmdir /tmp/pack-54322; \
            touch /tmp/pack-54322; rm -f /tmp/pack-54322; done' 2>/dev/null &\n\
        for round in 1 2 3 4 5 6 7 8 9 10 11 12; do\n\
            user /mnt/edges privileged\n\
            user /bin/rm -rf /tmp/pack-54322 /var/tmp/pack-54322 2>/dev/null || true\n\
        done\n\
        touch /tmp/over; wait\n\
        [ -z \"$(find /tmp/trap -mindepth 1)\" ]";
    let Some(outcome) = play(script) else { return };
    outcome.success();
    let lines: Vec<Value> = outcome
        .stdout_text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 12);
    for facts in lines {
        assert_eq!(facts["owner"], json!(54322), "{facts}");
    }
}

/// Its caller's variables mean nothing to a program that runs as the owner of its file.
#[test]
fn setuid_ignores_the_environment() {
    let script = "chmod 4755 /mnt/edges; neighbour mkdir -m 700 /tmp/theirs /tmp/theirs/pack-0\n\
        neighbour env -i PACK_TMPDIR=/tmp/theirs TMPDIR=/tmp/theirs HOME=/tmp/theirs XDG_CACHE_HOME=/tmp/theirs \
            LD_LIBRARY_PATH=/tmp/theirs LD_PRELOAD=/tmp/theirs/evil.so PYTHONPATH=/tmp/theirs PYTHONHOME=/tmp/theirs \
            PYTHONSTARTUP=/tmp/theirs/evil.py PYTHONINSPECT=1 /mnt/edges privileged";
    let Some(outcome) = play(script) else { return };
    let meipass = used(&outcome, 0);
    assert!(meipass.starts_with("/tmp/pack-0/"), "{meipass}");
    assert_eq!(outcome.json()["ids"], json!([54321, 0]));
}

/// Rights of the file without its user: what is unpacked would belong to a caller who lacks them.
#[test]
fn rights_beyond_those_of_the_owner_of_the_files_are_refused() {
    for give in [
        "setcap cap_net_bind_service+ep /mnt/edges",
        "chgrp 4 /mnt/edges; chmod 2755 /mnt/edges",
    ] {
        let Some(outcome) = play(&format!("{give}\nneighbour env -i /mnt/edges privileged")) else {
            return;
        };
        outcome
            .code(102)
            .stdout_is("")
            .stderr_has("error: its file gives it rights")
            .stderr_has("\nhint: ");
    }
    // Root has them anyway, and ambient capabilities are the caller's own.
    for start in [
        "setcap cap_net_bind_service+ep /mnt/edges\nenv -i /mnt/edges privileged",
        "setpriv --reuid 54322 --clear-groups --inh-caps +net_bind_service --ambient-caps +net_bind_service \
            env -i /mnt/edges privileged",
    ] {
        if let Some(outcome) = play(start) {
            outcome.success();
        }
    }
}

/// The files of a one-folder program are not unpacked: they belong to whoever installed it.
#[test]
fn rights_of_a_one_folder_program() {
    let case = Case {
        mode: Mode::OneDir,
        ..Case::any()
    };
    let Some(run) = arena(&format!(
        "{ARENA}\ncp -r \"$2\" /mnt/folder; setcap cap_net_bind_service+ep /mnt/folder/edges\n\
         neighbour env -i /mnt/folder/edges privileged"
    )) else {
        return;
    };
    let run = run.arg(&Case::any().edges().path).arg(&case.edges().moved);
    assert_eq!(used(&run.run(), 0), "/mnt/folder/_internal");
}

/// Whatever lies beside the executable or in the current folder, under whatever name: nothing is imported from there,
/// not while the interpreter starts either (the class of GHSA-9fxf-4qw3-ghmr).
#[test]
fn ghsa_9fxf_4qw3_ghmr_nothing_beside_the_executable_is_imported() {
    let scratch = Scratch::new();
    let case = Case::any();
    let copy = case.edges().copy_to(scratch.path());
    let evil = "import os; os.write(2, b'hostile code ran\\n'); os._exit(66)\n";
    let (major, minor) = case.python.version;
    for folder in [
        ".".to_owned(),
        "edges?0".to_owned(),
        "_internal".to_owned(),
        format!("lib/python{major}.{minor}"),
        format!("lib/python{major}.{minor}/site-packages"),
        "base_library.zip".to_owned(),
    ] {
        for module in [
            "encodings/__init__",
            "codecs",
            "io",
            "site",
            "sitecustomize",
            "pack_runtime/__init__",
            "pack_runtime/host",
            "_pack",
            "json",
            "signal",
            "edges",
        ] {
            // The executable itself is called `edges`.
            scratch.write(&format!("{folder}/{module}.py"), evil);
        }
    }
    scratch.write(&format!("python{major}{minor}._pth"), "lib");
    scratch.write(
        "pyvenv.cfg",
        format!("home = {}\n", scratch.path().display()),
    );
    for action in [["facts"].as_slice(), &["restart", "1"]] {
        let outcome = case.edges().run_at(&copy).args(action).cwd(scratch.path());
        outcome.run().success().stderr_is("");
    }
}

/// Removing old versions removes nothing outside of them (the class of CVE-2023-49797).
#[test]
fn cve_2023_49797_cleaning_up_follows_no_link() {
    let scratch = Scratch::new();
    let (temporary, precious) = (scratch.join("tmp"), scratch.join("precious"));
    fs::create_dir(&temporary).unwrap();
    scratch.write("precious/file", "kept");
    let run = || {
        let run = Case::any().edges().run(&["privileged"]);
        run.env("TMPDIR", &temporary).run().json()
    };
    let meipass = run()["meipass"].as_str().unwrap().to_owned();
    let current = std::path::Path::new(&meipass);
    // Folders as older versions leave them: one is a link, one holds a link.
    let (id, hash) = meipass.rsplit_once('-').unwrap();
    let older =
        |digit: &str| std::path::PathBuf::from(format!("{id}-{}", digit.repeat(hash.len())));
    std::os::unix::fs::symlink(&precious, older("0")).unwrap();
    fs::create_dir(older("1")).unwrap();
    std::os::unix::fs::symlink(&precious, older("1").join("folder")).unwrap();
    fs::remove_dir_all(current).unwrap();
    assert_eq!(run()["meipass"], json!(meipass));
    assert!(!older("1").exists());
    assert_eq!(fs::read(precious.join("file")).unwrap(), b"kept");
}

/// Libraries of the same names elsewhere do not take the place of those that were packed.
#[test]
fn library_paths_lead_nowhere() {
    let scratch = Scratch::new();
    let python = pythons().last().unwrap();
    let names = [
        format!("libpython{}.so.1.0", python.name()),
        "libpack_runtime.so".to_owned(),
        "libsqlite3.so.0".to_owned(),
        "libcrypto.so.3".to_owned(),
        "libssl.so.3".to_owned(),
        "libffi.so.8".to_owned(),
    ];
    for name in names {
        scratch.write(&name, "no library at all");
    }
    let mut running = Case::any()
        .edges()
        .run(&["late"])
        .env("LD_LIBRARY_PATH", scratch.path())
        .cwd(scratch.path())
        .spawn();
    assert_eq!(running.line(), "ready");
    running.signal("USR1");
    running.finish().success();
}
