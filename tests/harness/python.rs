//! The interpreters of this machine, each with a virtual environment that holds what the samples require.

use super::files::{kept_folder, root};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A CPython of this machine.
#[derive(Debug)]
pub(crate) struct Python {
    /// Major and minor.
    pub(crate) version: (u8, u8),
    /// The interpreter itself.
    pub(crate) base: PathBuf,
    environment: OnceLock<PathBuf>,
}

impl Python {
    /// The interpreter of a virtual environment with samples/guestbook's requirements; made when there is none.
    pub(crate) fn with_flask(&self) -> &Path {
        self.environment
            .get_or_init(|| make_environment(&self.base, self.version))
    }

    /// `3.11`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }
}

/// CPython 3.9 to 3.13, one of each as far as the machine has them with a shared libpython, oldest first.
pub(crate) fn pythons() -> &'static [Python] {
    static FOUND: OnceLock<Vec<Python>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = BTreeMap::new();
        for candidate in candidates() {
            if let Some(version) = shared_version(&candidate) {
                found.entry(version).or_insert(candidate);
            }
        }
        assert!(
            !found.is_empty(),
            "no CPython 3.9 to 3.13 with a shared libpython and `venv` on this machine"
        );
        let environment = OnceLock::new;
        found
            .into_iter()
            .map(|(version, base)| Python {
                version,
                base,
                environment: environment(),
            })
            .collect()
    })
}

/// A free-threaded CPython: what PACK_FREE_THREADED_PYTHON names, or `target/free-threaded/bin/python3.13t`. It need not
/// have `venv`.
pub(crate) fn free_threaded() -> Option<&'static Python> {
    static FOUND: OnceLock<Option<Python>> = OnceLock::new();
    const QUESTION: &str = "import sys, sysconfig\n\
        assert sysconfig.get_config_var('Py_GIL_DISABLED')\n\
        print(*sys.version_info[:2])";
    let find = || {
        let named = std::env::var_os("PACK_FREE_THREADED_PYTHON").map(PathBuf::from);
        let base = named.unwrap_or_else(|| root().join("target/free-threaded/bin/python3.13t"));
        Some(Python {
            version: version(&base, QUESTION)?,
            base,
            environment: OnceLock::new(),
        })
    };
    FOUND.get_or_init(find).as_ref()
}

/// Interpreters that pyenv installed, then those on PATH and in the usual places.
fn candidates() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let installed = std::fs::read_dir(pyenv.join("versions"))
        .into_iter()
        .flatten()
        .flatten();
    let mut candidates: Vec<PathBuf> = installed
        .map(|version| version.path().join("bin/python3"))
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/local/bin".into(), "/usr/bin".into()]);
    for folder in folders {
        candidates.extend((9..=13).map(|minor| folder.join(format!("python3.{minor}"))));
        candidates.push(folder.join("python3"));
    }
    candidates
}

/// The version of an interpreter that the tests can use.
fn shared_version(python: &Path) -> Option<(u8, u8)> {
    const QUESTION: &str = "import sys, sysconfig, venv, ensurepip, ssl, sqlite3, ctypes\n\
        assert sys.implementation.name == 'cpython' and sysconfig.get_config_var('Py_ENABLE_SHARED')\n\
        print(*sys.version_info[:2])";
    let version = version(python, QUESTION)?;
    ((3, 9)..=(3, 13)).contains(&version).then_some(version)
}

/// The version that `python` prints in answer to `question`, if it does.
fn version(python: &Path, question: &str) -> Option<(u8, u8)> {
    let output = Command::new(python)
        .args(["-I", "-c", question])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn make_environment(base: &Path, version: (u8, u8)) -> PathBuf {
    let folder = kept_folder().join(format!("venv-{}.{}", version.0, version.1));
    let requirements = root().join("samples/guestbook/requirements.txt");
    let python = folder.join("bin/python");
    let stamp = folder.join("installed.txt");
    let wanted = format!(
        "{}\n{}",
        base.display(),
        std::fs::read_to_string(&requirements).unwrap()
    );
    if !python.exists() || std::fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
        must_run(
            Command::new(base)
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        );
        must_run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "-r"])
                .arg(&requirements),
        );
        std::fs::write(stamp, wanted).unwrap();
    }
    python
}

fn must_run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("could not start {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{stderr}",
        output.status
    );
}
