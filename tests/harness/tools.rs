//! Tools of others that judge what we make. `cargo xtask test` installs them where it may.

use super::{kept_folder, pythons};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where each of `names` is. Without one of them the test is skipped, which is said; where `PACK_REQUIRE_TOOLS` is set, it fails.
pub(crate) fn tools<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |name: &str| {
        let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
        files.find(|file| file.is_file())
    };
    let missing: Vec<&str> = names
        .into_iter()
        .filter(|name| find(name).is_none())
        .collect();
    if missing.is_empty() {
        return Some(names.map(|name| find(name).unwrap()));
    }
    let missing = missing.join(", ");
    assert!(
        std::env::var_os("PACK_REQUIRE_TOOLS").is_none(),
        "not on this machine: {missing}"
    );
    eprintln!(
        "skipped: not on this machine: {missing} (`cargo xtask test` installs them for root)"
    );
    None
}

/// Runs a tool; what it prints.
pub(crate) fn tool<S: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A Python with `pefile`.
pub(crate) fn python_with_pefile() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| environment_with("pefile").join("python"))
}

/// uv.
pub(crate) fn uv() -> &'static Path {
    static UV: OnceLock<PathBuf> = OnceLock::new();
    UV.get_or_init(|| environment_with("uv").join("uv"))
}

/// virtualenv.
pub(crate) fn virtualenv() -> &'static Path {
    static VIRTUALENV: OnceLock<PathBuf> = OnceLock::new();
    VIRTUALENV.get_or_init(|| environment_with("virtualenv").join("virtualenv"))
}

/// The programs of a virtual environment that has `package`.
fn environment_with(package: &str) -> PathBuf {
    let folder = kept_folder().join(format!("venv-{package}"));
    let stamp = folder.join("installed.txt");
    if !stamp.exists() {
        let base = &pythons().last().unwrap().base;
        let make = ["-m", "venv", "--clear"].map(OsStr::new);
        tool(base, make.into_iter().chain([folder.as_os_str()]));
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            package,
        ];
        tool(&folder.join("bin/python"), install);
        std::fs::write(stamp, package).unwrap();
    }
    folder.join("bin")
}

/// The words of a command line.
pub(crate) fn words<'a>(words: &'a [&'a (dyn AsRef<OsStr> + 'a)]) -> Vec<&'a OsStr> {
    words.iter().map(AsRef::as_ref).collect()
}

/// Has `compiler` make a shared library of `source`.
pub(crate) fn shared_library(compiler: &Path, source: &Path, library: &Path) {
    let arguments: [&OsStr; 5] = [
        "-shared".as_ref(),
        "-fPIC".as_ref(),
        source.as_ref(),
        "-o".as_ref(),
        library.as_ref(),
    ];
    tool(compiler, arguments);
}
