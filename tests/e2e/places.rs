//! Where a program lies, from where and how it is started, and what its surroundings try to slip it.

use crate::harness::{Case, Program, Run, Scratch, is_root, mount_namespace};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

on_every_python!(both: empty_environment, another_folder, odd_path, symlink_and_path, hostile_environment,
    read_only_folder, machine_without_python);

/// Nothing at all in the environment, as under `env -i`.
fn empty_environment(case: &Case) {
    let facts = case.probe().run(&["facts"]).no_env().run().json();
    assert_eq!(facts["frozen"], json!(true));
    let environment = case.probe().run(&["environment"]).no_env().run().json();
    let names: Vec<&String> = environment["environment"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert!(names.iter().all(|name| *name == "LC_CTYPE"), "{names:?}");
    // This is the one test that leaves something in /tmp.
    remove_unpacked(&facts);
}

fn remove_unpacked(facts: &Value) {
    let bundle = Path::new(facts["meipass"].as_str().unwrap());
    // Not of a one-folder bundle, which may itself lie below /tmp.
    let parent = bundle.parent().and_then(Path::file_name);
    if parent.is_some_and(|name| name.to_string_lossy().starts_with("pack-")) {
        fs::remove_dir_all(bundle).ok();
    }
}

fn another_folder(case: &Case) {
    let scratch = Scratch::new();
    scratch.write(
        "json.py",
        "raise SystemExit('imported from the current folder')",
    );
    scratch.write(
        "probes/__init__.py",
        "raise SystemExit('imported from the current folder')",
    );
    let facts = case
        .probe()
        .run(&["facts"])
        .cwd(scratch.path())
        .run()
        .json();
    assert_eq!(facts["cwd"], json!(scratch.path()));
}

fn odd_path(case: &Case) {
    let scratch = Scratch::new();
    let program = case.probe();
    let copy = program.copy_to(&scratch.join("a folder with é and \"quotes\""));
    let temporary = scratch.join("tmp with ß too");
    fs::create_dir(&temporary).unwrap();
    let facts = Run::new(&copy)
        .arg("facts")
        .env("TMPDIR", &temporary)
        .run()
        .listing(scratch.path())
        .json();
    assert_eq!(facts["executable"], json!(copy));
    assert_eq!(facts["argv0"], json!(copy));
    let by_name = |action: &str| Run::new(&copy).arg(action).env("TMPDIR", &temporary).run();
    by_name("resources").success();
    by_name("sources").success();
    by_name("shell").success();
}

/// However it is started, `sys.executable` starts it again and its files are found.
fn symlink_and_path(case: &Case) {
    let scratch = Scratch::new();
    let program = case.probe();
    let bin = scratch.join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(&program.path, bin.join("linked")).unwrap();
    let linked = program
        .run_at(&bin.join("linked"))
        .arg("facts")
        .run()
        .json();
    check_executable(program, &linked);

    let shell = |script: &str| {
        let folder = program.path.parent().unwrap();
        Run::new("/bin/sh")
            .args(&["-c", script])
            .env("TMPDIR", program.temporary())
            .cwd(folder)
    };
    let by_path = shell("probe facts")
        .env("PATH", program.path.parent().unwrap())
        .run()
        .json();
    check_executable(program, &by_path);
    let by_linked_path = shell("linked facts").env("PATH", &bin).run().json();
    check_executable(program, &by_linked_path);
    let relative = shell("./probe facts").run().json();
    check_executable(program, &relative);
}

fn check_executable(program: &Program, facts: &Value) {
    let executable = Path::new(facts["executable"].as_str().unwrap());
    assert!(executable.is_absolute(), "{executable:?}");
    assert_eq!(
        fs::canonicalize(executable).unwrap(),
        fs::canonicalize(&program.path).unwrap()
    );
    let answer = program.run_at(executable).args(&["exit", "3"]).run();
    answer.code(3);
}

fn hostile_environment(case: &Case) {
    let scratch = Scratch::new();
    let evil = "import os; os.write(2, b'hostile code ran\\n'); os._exit(66)\n";
    for name in [
        "json.py",
        "probes.py",
        "sitecustomize.py",
        "usercustomize.py",
        "startup.py",
        "encodings/__init__.py",
    ] {
        scratch.write(name, evil);
    }
    let (major, minor) = case.python.version;
    scratch.write(
        &format!(".local/lib/python{major}.{minor}/site-packages/usercustomize.py"),
        evil,
    );
    scratch.write(
        &format!(".local/lib/python{major}.{minor}/site-packages/evil.pth"),
        evil,
    );
    let program = case.probe();
    let run = |action: &str| {
        let hostile = program
            .run(&[action])
            .cwd(scratch.path())
            .env("HOME", scratch.path());
        let folders = [
            "PYTHONHOME",
            "PYTHONPATH",
            "PYTHONUSERBASE",
            "PYTHONPYCACHEPREFIX",
            "PYTHONPLATLIBDIR",
        ];
        let hostile = folders
            .iter()
            .fold(hostile, |run, name| run.env(name, scratch.path()));
        let switches = [
            "PYTHONINSPECT",
            "PYTHONVERBOSE",
            "PYTHONDEBUG",
            "PYTHONOPTIMIZE",
            "PYTHONDUMPREFS",
            "PYTHONSAFEPATH",
        ];
        let hostile = switches
            .iter()
            .fold(hostile, |run, name| run.env(name, "1"));
        hostile
            .env("PYTHONSTARTUP", scratch.join("startup.py"))
            .env("PYTHONBREAKPOINT", "startup.main")
            .env("PYTHONWARNINGS", "error")
            .env("PYTHONEXECUTABLE", "/nonexistent")
            .env("PYTHONIOENCODING", "ascii")
            .env("PYTHONUTF8", "0")
            .run()
    };
    let seen = run("facts");
    seen.stderr_is("");
    let mut clean = program.run(&["facts"]).cwd(scratch.path()).run().json();
    let seen = seen.json();
    // The one place they may differ: with no locale named, the C locale's coercion is the same in both.
    clean["cwd"] = seen["cwd"].clone();
    assert_eq!(seen, clean);
    run("names").success().stderr_is("");
    run("exit").code(1);
}

fn read_only_folder(case: &Case) {
    let scratch = Scratch::new();
    let program = case.probe();
    let folder = scratch.join("read-only");
    let copy = program.copy_to(&folder);
    let run = if is_root() {
        // Permissions stop no root: a read-only mount does.
        mount_namespace("mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && ! touch \"$1/x\" 2>/dev/null && shift && exec \"$@\"")
            .arg(&folder)
            .arg(&copy)
    } else {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
        Run::new(&copy)
    };
    let facts = run
        .arg("facts")
        .env("TMPDIR", program.temporary())
        .run()
        .listing(&folder)
        .json();
    assert_eq!(facts["executable"], json!(copy));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every file of every Python of this machine is hidden, the packed interpreter's own sources with them.
fn machine_without_python(case: &Case) {
    if !is_root() {
        eprintln!("skipped: hiding the machine's Pythons needs root");
        return;
    }
    let program = case.probe();
    let base = fs::canonicalize(&case.python.base).unwrap();
    let prefix = base.parent().unwrap().parent().unwrap();
    let environment = case.python.with_flask().parent().unwrap().parent().unwrap();
    // /usr itself cannot be hidden: it has the C library. Its Python can.
    let hide = r#"
        set -e
        hide() { if [ -d "$1" ]; then mount -t tmpfs none "$1"; elif [ -e "$1" ]; then mount --bind /dev/null "$1"; fi; }
        for place in /usr/lib/python3* /usr/local/lib/python3* /usr/bin/python3* /usr/local/bin/python3* \
            /usr/lib/*/libpython3* /usr/local/lib/libpython3*; do hide "$place"; done
        [ "$1" = /usr ] || [ "$1" = /usr/local ] || hide "$1"
        hide "$2"
        shift 2
        exec "$@""#;
    let run = |arguments: &[&str]| {
        let hidden = mount_namespace(hide)
            .arg(prefix)
            .arg(environment)
            .arg(&program.path)
            .args(arguments);
        hidden.env("TMPDIR", program.temporary()).run()
    };
    let facts = run(&["facts"]).json();
    assert_eq!(facts["frozen"], json!(true));
    run(&["sources"]).success();
    run(&["fail-in-stdlib"])
        .code(1)
        .stderr_has("return _default_decoder.decode(s)");
}
