//! What the libraries are installed in: one virtual environment for many, made by pip, and linked out of it one for each
//! library, which holds what `pip install LIBRARY` alone would have given.

use super::library::Library;
use crate::setup;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Links an environment together.
const SCRIPT: &str = include_str!("environment.py");

/// The virtual environments of the libraries that are wanted.
#[derive(Debug)]
pub(super) struct Environments {
    /// What they were made with.
    pub(super) python: PathBuf,
    pub(super) folder: PathBuf,
    /// The interpreter of each.
    shared: BTreeMap<String, PathBuf>,
}

/// An environment for one library.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) python: PathBuf,
    /// Of the library.
    pub(super) version: String,
}

impl Environments {
    /// Installs all libraries of every environment that one of `wanted` is in, and `others`: which are wanted changes from
    /// run to run.
    pub(super) fn make(all: &[Library], wanted: &[Library], others: &[&str]) -> Result<Self> {
        let python = newest_python()?;
        let folder = setup::target().join("libraries");
        let mut shared = BTreeMap::new();
        for library in wanted {
            let name = &library.environment;
            if shared.contains_key(name) {
                continue;
            }
            let members = all.iter().filter(|other| other.environment == *name);
            let mut requirements: BTreeSet<&str> = members
                .flat_map(|member| member.requirements.iter().map(String::as_str))
                .collect();
            requirements.extend(others);
            let folder = folder.join(format!("env-{name}"));
            let made = installed(&folder, &python, name, &requirements)?;
            shared.insert(name.clone(), made);
        }
        Ok(Self {
            python,
            folder,
            shared,
        })
    }

    /// The interpreter of any of them.
    pub(super) fn any(&self) -> Option<&Path> {
        self.shared.values().next().map(PathBuf::as_path)
    }

    /// Makes the environment of `library` alone, with what `extra` requires, in `folder`.
    pub(super) fn alone(
        &self,
        library: &Library,
        extra: &[&str],
        folder: &Path,
    ) -> Result<Environment> {
        let shared = self.shared.get(&library.environment);
        let shared = shared.context("its environment was not made")?;
        let mut command = Command::new(shared);
        command.args(["-I", "-c", SCRIPT]).arg(folder);
        let printed = setup::read(command.args(&library.requirements).args(extra))?;
        let first = printed.lines().next().unwrap_or_default();
        let version = first.split_once(' ').map_or("", |(_, version)| version);
        Ok(Environment {
            python: folder.join("bin/python"),
            version: version.to_owned(),
        })
    }
}

/// An environment in `folder` that holds `requirements`, and perhaps what earlier runs wanted.
fn installed(
    folder: &Path,
    python: &Path,
    name: &str,
    requirements: &BTreeSet<&str>,
) -> Result<PathBuf> {
    let interpreter = folder.join("bin/python");
    let stamp = folder.join("libraries.txt");
    let made_with = format!("# {}", python.display());
    let text = std::fs::read_to_string(&stamp).unwrap_or_default();
    let mut lines: BTreeSet<&str> = text.lines().collect();
    if !interpreter.exists() || !lines.contains(made_with.as_str()) {
        setup::run(
            Command::new(python)
                .args(["-m", "venv", "--clear"])
                .arg(folder),
        )?;
        lines = BTreeSet::from([made_with.as_str()]);
    }
    if requirements.is_subset(&lines) {
        return Ok(interpreter);
    }
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
    pip.arg("--disable-pip-version-check").args(requirements);
    if let Some(versions) = fixed_versions(&interpreter, name)? {
        pip.arg("--constraint").arg(versions);
    }
    setup::run(&mut pip)?;
    lines.extend(requirements);
    let text: Vec<&str> = lines.into_iter().collect();
    std::fs::write(&stamp, text.join("\n"))
        .with_context(|| format!("could not write {}", stamp.display()))?;
    Ok(interpreter)
}

/// The versions that are installed at every change, so that a change is judged and not what others released since. They
/// are those of one version of Python.
fn fixed_versions(python: &Path, name: &str) -> Result<Option<PathBuf>> {
    let path = setup::root().join(format!("tests/libraries/{name}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let question = "import sys; print('# CPython %d.%d' % sys.version_info[:2])";
    let own = setup::read(Command::new(python).args(["-I", "-c", question]))?;
    Ok((text.lines().next() == Some(own.as_str())).then_some(path))
}

/// The newest CPython that pyenv installed and that can be packed, or the one that all else uses.
fn newest_python() -> Result<PathBuf> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let pyenv = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let installed = std::fs::read_dir(pyenv.join("versions"))
        .into_iter()
        .flatten()
        .flatten();
    let version = |path: &Path| -> Option<(u32, u32)> {
        let name = path.file_name()?.to_str()?;
        let (major, rest) = name.split_once('.')?;
        Some((major.parse().ok()?, rest.split('.').next()?.parse().ok()?))
    };
    let found = installed
        .filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin/python3"))))
        .filter(|(version, python)| ((3, 9)..=(3, 13)).contains(version) && python.exists())
        .max();
    match (std::env::var_os("PACK_PYTHON"), found) {
        (None, Some((_, python))) => Ok(python),
        _ => setup::python(),
    }
}
