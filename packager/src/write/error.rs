//! Why there is no output.

use super::code::place;
use crate::bytecode::CompileError;
use crate::layout::LayoutError;
use crate::sign::SignError;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Files collide.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Bytecode could not be made.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A module of the application does not compile.
    #[error("{}: {message}", place(path, *line))]
    Syntax {
        /// The source file.
        path: PathBuf,
        /// 1-based, 0 when none is known.
        line: u32,
        /// CPython's words.
        message: String,
    },
    /// The collection holds no interpreter.
    #[error("the interpreter has neither a shared libpython nor a program that could be packed")]
    NoInterpreter,
    /// The collection does not hold an entry script.
    #[error("the script `{}` was not collected", path.display())]
    NoScript {
        /// The script.
        path: PathBuf,
    },
    /// A file to be packed cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be compressed.
    #[error("could not compress `{entry}`")]
    Compress {
        /// Its path in the bundle.
        entry: String,
        /// Why not.
        source: io::Error,
    },
    /// The folder for the output cannot be created.
    #[error("could not create the folder `{}`", path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The output cannot be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The output is made and cannot be put in its place.
    #[error("could not put the new output in the place of `{}`", path.display())]
    Replace {
        /// The place.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Something that no earlier build made is where the output goes.
    #[error("`{}` is in the way: {reason}", path.display())]
    InTheWay {
        /// The place.
        path: PathBuf,
        /// What it is.
        reason: &'static str,
        /// Whether `--noconfirm` would replace it.
        replaceable: bool,
    },
    /// The executable of a one-folder bundle and something beside it have the same name.
    #[error("the executable `{name}` and a file or folder beside it have the same name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The executable cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The entries do not fit together.
    #[error("could not make the archive of `{}`", path.display())]
    Archive {
        /// The output.
        path: PathBuf,
        /// Why not.
        source: payload::WriteError,
    },
}

impl WriteError {
    /// A failure to write the archive in `path`.
    pub(super) fn archive(path: &Path, error: payload::WriteError) -> Self {
        let path = path.to_owned();
        match error {
            payload::WriteError::Io(source) => Self::Write { path, source },
            source => Self::Archive { path, source },
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::CreateFolder { source, .. }
            | Self::Write { source, .. }
            | Self::Replace { source, .. } => io_hint(source),
            Self::Sign(error) => error.hint(),
            Self::InTheWay {
                replaceable: true, ..
            } => Some(
                "`--noconfirm` (`-y`) replaces it; `--distpath` or `--name` goes somewhere else"
                    .to_owned(),
            ),
            Self::InTheWay { .. } => {
                Some("`--distpath` or `--name` goes somewhere else".to_owned())
            }
            Self::NameTaken { .. } => Some(
                "`--name` names the executable, `--contents-directory` the folder of its files"
                    .to_owned(),
            ),
            Self::Layout(LayoutError::Collision { .. }) => Some(
                "give one of them another destination, or leave it out with `--exclude-module`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

fn io_hint(error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("`--distpath DIR` writes to another folder".to_owned())
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room, or write to another disk with `--distpath DIR`; the previous output is untouched".to_owned())
        }
        _ => None,
    }
}
