//! What can be wrong with the settings.

use super::value::{Origin, Place};
use crate::look::{Found, Kind};
use crate::report::path as show;
use std::path::{Path, PathBuf};

/// Settings that make no plan. `pack` ends with status 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value does not fit its setting.
    #[error("{origin} is {got}, but must be {expected}")]
    Invalid {
        /// Where.
        origin: Origin,
        /// What is there, quoted, or its type.
        got: String,
        /// What would have been right.
        expected: String,
    },
    /// A file names a setting that there is none of.
    #[error("{place}: there is no setting `{}`", place.key)]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
        /// The keys that can stand there.
        known: Vec<&'static str>,
    },
    /// A file is no TOML.
    #[error("{place}: {message}")]
    Syntax {
        /// Where; its key is empty.
        place: Place,
        /// What the parser says.
        message: String,
    },
    /// A settings file cannot be read.
    #[error("cannot read the settings")]
    Read(#[source] std::io::Error),
    /// A value that is known, and that this version cannot fulfil.
    #[error("{origin}: {what} is not supported yet")]
    Unsupported {
        /// Where.
        origin: Origin,
        /// What is not there.
        what: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A program for Windows needs an interpreter for Windows.
    #[error("no Python for Windows is named: those of this system do not run there")]
    NoWindowsPython,
    /// A version that `pack python` has none of.
    #[error(
        "{origin} names version {version}, and there is no Python {version} for Windows in pack's cache"
    )]
    NotKept {
        /// Where.
        origin: Origin,
        /// As given.
        version: String,
    },
    /// A file or folder that a setting names is not there.
    #[error("{origin} names `{}`, which does not exist", show(path))]
    Missing {
        /// Where.
        origin: Origin,
        /// The path, absolute.
        path: PathBuf,
    },
    /// The script is not there.
    #[error("there is no script `{}`", show(path))]
    NoScript {
        /// The path, absolute.
        path: PathBuf,
        /// A file with a similar name beside it.
        nearest: Option<PathBuf>,
    },
    /// The script is none.
    #[error("`{}` is not a Python script", show(path))]
    NotAScript {
        /// The path.
        path: PathBuf,
        /// What to do.
        instead: &'static str,
    },
    /// Nothing says what to pack.
    #[error("nothing in `{}` says what to pack", show(folder))]
    NoEntry {
        /// The project's folder.
        folder: PathBuf,
        /// Its settings file, if it has one.
        file: Option<PathBuf>,
        /// The file has settings of a WSGI application.
        has_wsgi: bool,
        /// What looks like it.
        found: Option<Box<Found>>,
    },
    /// Script and WSGI application at once.
    #[error(
        "both a script (`{}`) and {wsgi} say what the program runs",
        show(script)
    )]
    TwoEntries {
        /// The script.
        script: PathBuf,
        /// The other one.
        wsgi: Origin,
    },
    /// No Python.
    #[error("{reason} `{python}`, which is not there")]
    NoSuchPython {
        /// Who names it.
        reason: String,
        /// As given.
        python: String,
    },
    /// A virtual environment, or the program that is named, has lost its Python.
    #[error("`{}` has no working Python: {}", show(path), broken(link.as_ref()))]
    BrokenPython {
        /// The environment, or the program.
        path: PathBuf,
        /// A link, and what it names.
        link: Option<(PathBuf, PathBuf)>,
    },
    /// No Python anywhere.
    #[error("no Python interpreter was found (looked for {})", tried.join(", "))]
    NoPython {
        /// Where it was looked for.
        tried: Vec<String>,
    },
    /// A wrapper such as a pyenv shim does not lead to a Python.
    #[error("`{}` does not say which Python it starts: {message}", show(python))]
    Wrapper {
        /// The wrapper.
        python: PathBuf,
        /// Its stderr, or why it did not start.
        message: String,
    },
}

impl ConfigError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::UnknownKey { known, .. } => Some(format!("known there: {}", known.join(", "))),
            Self::Unsupported { instead, .. } | Self::NotAScript { instead, .. } => Some((*instead).to_owned()),
            Self::NoScript { nearest: Some(nearest), .. } => Some(format!("did you mean `{}`?", show(nearest))),
            Self::NoEntry { file, has_wsgi, found, .. } => {
                Some(no_entry(file.as_deref(), *has_wsgi, found.as_deref()))
            }
            Self::TwoEntries { .. } => Some("leave one of them out".into()),
            Self::NoSuchPython { .. } | Self::NoPython { .. } | Self::Wrapper { .. } => {
                Some("name the interpreter or virtual environment of the application with `--python PATH`".into())
            }
            Self::BrokenPython { .. } => {
                Some("make the environment anew, or name another interpreter or virtual environment with `--python PATH`".into())
            }
            Self::NotKept { version, .. } => Some(format!(
                "`pack python add {version}` has uv fetch it, `pack python add FILE` takes an archive of it, and `pack python list` \
                 shows what is there"
            )),
            Self::NoWindowsPython => Some(crate::windows::HOW.to_owned()),
            _ => None,
        }
    }
}

/// What is wrong with an environment, or with the program of one.
fn broken(link: Option<&(PathBuf, PathBuf)>) -> String {
    match link {
        Some((link, target)) => format!(
            "`{}` is a link to `{}`, which is not there",
            show(link),
            show(target)
        ),
        None => "it has a pyvenv.cfg, and no `bin/python`".into(),
    }
}

/// How to say what to pack: in the settings file where there is one.
fn no_entry(file: Option<&Path>, has_wsgi: bool, found: Option<&Found>) -> String {
    match (file, found) {
        (Some(file), _) if has_wsgi => {
            let file = show(file);
            let app = found.filter(|found| found.kind == Kind::Wsgi);
            let app = app.map_or("module:callable", |found| &found.entry);
            format!("[wsgi] lacks the application: add `app = \"{app}\"` to it in {file}")
        }
        (Some(file), Some(found)) if found.kind == Kind::Wsgi => {
            let (file, entry) = (show(file), &found.entry);
            format!("add `app = \"{entry}\"` to [wsgi] in {file}, or whatever else runs")
        }
        (Some(file), found) => {
            let entry = found.map_or("app.py", |found| &found.entry);
            let file = show(file);
            format!("add `entry = \"{entry}\"` to [app] in {file}, or whatever else runs")
        }
        (None, Some(found)) => found.suggestion(),
        (None, None) => "name a script (`pack build app.py`) or an application (`pack build --wsgi module:app`), or \
             write a pack.toml with `pack init`"
            .into(),
    }
}
