//! The WSGI host over real sockets, in every CPython of this machine: `wsgi/cases.py` asks, `wsgi/applications.py`
//! answers, most of it with `wsgiref.validate` in between. `wsgi/traps.py` asks for what other servers got wrong, and
//! `wsgi/corpora.py` sends the requests that gunicorn and llhttp are tested with; pip fetches those when the test runs.
//! `wsgi/files.py` asks for files that the application sends, `wsgi/compress.py` for compressed responses. `wsgi/tls.py` speaks HTTPS,
//! `wsgi/http2.py` HTTP/2, `wsgi/sockets.py` connects to Unix sockets and those that a service manager passes.
//! `wsgi/statics.py` asks for files that are served without the application.
//! `wsgi/forwarded.py` says what proxies say, `wsgi/logs.py` reads the access log. `wsgi/limits.py` breaks the limits that clients have,
//! `wsgi/timeouts.py` those that the application has; `wsgi/holding_up.py` is the short form of `cargo xtask soak`.
//!
//! The library is loaded into a running interpreter (`pack_runtime_serve`), so nothing needs to be packed. Unit tests
//! of this crate need no Python: what refers to it is left out by the linker, as no test calls it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `libpack_runtime.so`, freshly built: cargo builds no `cdylib` for the integration tests of its own package.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        // target/PROFILE/deps/wsgi-HASH
        let program = std::env::current_exe().unwrap();
        let folder = program.parent().and_then(Path::parent).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "runtime", "--lib"]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo
            .arg("--target-dir")
            .arg(folder.parent().unwrap())
            .status()
            .unwrap();
        assert!(status.success(), "the runtime does not build");
        folder.join("libpack_runtime.so")
    })
}

/// The newest CPython 3.MINOR: pyenv's, or what the PATH has.
fn interpreter(minor: u32) -> Option<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")))?;
    let versions = std::fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .flatten();
    let prefix = format!("3.{minor}.");
    let patch = |path: &Path| {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix(&prefix)?.parse::<u32>().ok()
    };
    let newest = versions
        .map(|version| version.path())
        .filter_map(|path| Some((patch(&path)?, path)))
        .max();
    let in_path = || {
        let name = format!("python3.{minor}");
        std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|folder| folder.join(&name))
            .find(|path| path.is_file() && !path.to_string_lossy().contains("shims"))
    };
    newest
        .map(|(_, path)| path.join("bin/python"))
        .or_else(in_path)
}

/// What an application may notice, in every CPython.
const OF_APPLICATIONS: &[&str] = &[
    "cases.py",
    "traps.py",
    "timeouts.py",
    "files.py",
    "compress.py",
];

/// What only clients notice, in the oldest and the newest.
const OF_CLIENTS: &[&str] = &[
    "http2.py",
    "statics.py",
    "forwarded.py",
    "logs.py",
    "sockets.py",
    "tls.py",
];

fn run(minor: u32) {
    let Some(python) = interpreter(minor) else {
        return eprintln!("no CPython 3.{minor} on this machine: not tested");
    };
    let is_end = minor == OLDEST || newest() == Some(minor);
    let groups = [OF_APPLICATIONS, if is_end { OF_CLIENTS } else { &[] }];
    // Most of the time they wait.
    std::thread::scope(|scope| {
        for group in groups {
            let python = &python;
            scope.spawn(move || {
                for name in group {
                    script(python, name, "shared");
                }
            });
        }
    });
}

const OLDEST: u32 = 9;

fn newest() -> Option<u32> {
    (OLDEST..=15)
        .rev()
        .find(|&minor| interpreter(minor).is_some())
}

fn script(python: &Path, name: &str, gil: &str) {
    with(python, name, gil, None);
}

fn with(python: &Path, name: &str, gil: &str, variable: Option<&str>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/wsgi")
        .join(name);
    let output = Command::new(python)
        .env("TEST_GIL", gil)
        .envs(variable.map(|name| (name, "1")))
        .arg("-Wignore")
        .arg(&script)
        .arg(library())
        .env("CORPORA", corpora())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{} {}\n{out}\n{err}",
        python.display(),
        script.display()
    );
    // Faults that are known, and those that are no more.
    for line in err.lines().filter(|line| line.contains(": ")) {
        eprintln!("{line}");
    }
}

// target/corpora, whichever profile is tested.
fn corpora() -> PathBuf {
    let profile = library().parent();
    profile.and_then(Path::parent).unwrap().join("corpora")
}

#[test]
fn cpython_3_9() {
    run(9);
}

#[test]
fn cpython_3_10() {
    run(10);
}

#[test]
fn cpython_3_11() {
    run(11);
}

#[test]
fn cpython_3_12() {
    run(12);
}

#[test]
fn cpython_3_13() {
    run(13);
}

#[test]
fn cpython_3_14() {
    run(14);
}

fn in_newest(name: &str) {
    match newest().and_then(interpreter) {
        Some(python) => script(&python, name, "shared"),
        None => eprintln!("no CPython on this machine: not tested"),
    }
}

#[test]
fn an_interpreter_with_a_gil_of_its_own() {
    match interpreter(13) {
        Some(python) => {
            script(&python, "cases.py", "per-interpreter");
            script(&python, "traps.py", "per-interpreter");
        }
        None => eprintln!("no CPython 3.13 on this machine: not tested"),
    }
}

#[test]
fn the_same_over_tls() {
    let all = |minor: u32, gil: &str| match interpreter(minor) {
        Some(python) => with(&python, "tls.py", gil, Some("TEST_ALL")),
        None => eprintln!("no CPython 3.{minor} on this machine: not tested"),
    };
    all(9, "shared");
    all(13, "per-interpreter");
}

#[test]
fn corpora_of_other_servers() {
    in_newest("corpora.py");
}

#[test]
fn holding_up() {
    in_newest("holding_up.py");
}

#[test]
fn limits() {
    in_newest("limits.py");
}

#[test]
fn a_free_threaded_interpreter() {
    match std::env::var_os("PACK_FREE_THREADED_PYTHON") {
        Some(python) => script(Path::new(&python), "cases.py", "free"),
        None => eprintln!("PACK_FREE_THREADED_PYTHON names none: not tested"),
    }
}
