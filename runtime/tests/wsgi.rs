//! The WSGI host over real sockets, in every CPython of this machine: `wsgi/cases.py` asks, `wsgi/applications.py`
//! answers, most of it with `wsgiref.validate` in between.
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

fn run(minor: u32) {
    match interpreter(minor) {
        Some(python) => run_in(&python, "shared"),
        None => eprintln!("no CPython 3.{minor} on this machine: not tested"),
    }
}

fn run_in(python: &Path, gil: &str) {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wsgi/cases.py");
    let output = Command::new(python)
        .env("TEST_GIL", gil)
        .arg("-Wignore")
        .arg(&cases)
        .arg(library())
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
        cases.display()
    );
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

#[test]
fn an_interpreter_with_a_gil_of_its_own() {
    match interpreter(13) {
        Some(python) => run_in(&python, "per-interpreter"),
        None => eprintln!("no CPython 3.13 on this machine: not tested"),
    }
}

#[test]
fn a_free_threaded_interpreter() {
    match std::env::var_os("PACK_FREE_THREADED_PYTHON") {
        Some(python) => run_in(Path::new(&python), "free"),
        None => eprintln!("PACK_FREE_THREADED_PYTHON names none: not tested"),
    }
}
