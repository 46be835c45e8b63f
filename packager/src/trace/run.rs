//! The traced run itself.

use super::Environment;
use platform::opened::Opened;
use platform::signals::{self, Signals};
use platform::{children, path::normal};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

const HOOK: &str = include_str!("sitecustomize.py");
/// Where the hook writes to.
const LOG: &str = "used";
const PATHS: &str = "PYTHONPATH";
/// How often the kernel's queue is emptied.
const TURN: Duration = Duration::from_millis(20);

/// What is run: the interpreter's program, and its arguments.
#[derive(Debug)]
pub struct Program {
    /// The interpreter.
    pub python: PathBuf,
    /// All that follows.
    pub arguments: Vec<OsString>,
}

/// Why nothing was traced.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no place for the notes.
    #[error("cannot prepare the trace in the temporary folder")]
    Prepare(#[source] io::Error),
    /// The interpreter cannot be started.
    #[error("cannot start the Python interpreter `{}`", path.display())]
    Interpreter {
        /// Its program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run cannot be waited for.
    #[error("cannot wait for the traced program")]
    Wait(#[source] io::Error),
    /// Its notes are gone.
    #[error("cannot read what the traced program has noted")]
    Notes(#[source] io::Error),
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ran {
    /// How.
    pub status: ExitStatus,
    /// The files that were opened, imported or loaded.
    pub used: BTreeSet<PathBuf>,
    /// What could not be seen, one line each.
    pub warnings: Vec<String>,
}

/// Runs `program` in this process's environment to its end.
///
/// # Errors
/// When it cannot be started or watched.
pub fn run(program: &Program, environment: &Environment) -> Result<Ran, RunError> {
    let folder = tempfile::Builder::new()
        .prefix("pack-trace-")
        .tempdir()
        .map_err(RunError::Prepare)?;
    let place = folder.path().canonicalize().map_err(RunError::Prepare)?;
    let log = place.join(LOG);
    std::fs::write(place.join("sitecustomize.py"), HOOK).map_err(RunError::Prepare)?;
    std::fs::write(&log, "").map_err(RunError::Prepare)?;
    let mut warnings = Vec::new();
    let mut opened = watch(environment, &mut warnings);
    // Before the start: a child that ends at once is heard of.
    let signals = Signals::watch(&[
        signals::CHILD,
        signals::INTERRUPT,
        signals::TERMINATE,
        signals::HANGUP,
    ])
    .map_err(RunError::Wait)?;
    let child = start(program, &place)?;
    let status = wait(child, &signals, opened.as_mut()).map_err(RunError::Wait)?;
    let mut used = noted(&log).map_err(RunError::Notes)?;
    if let Some(opened) = opened {
        let (seen, lost) = opened.into_seen();
        used.extend(seen);
        if lost {
            warnings.push(format!(
                "more files were opened at a time than could be noted; {NATIVE}"
            ));
        }
    }
    Ok(Ran {
        status,
        used,
        warnings,
    })
}

/// What is not known when the kernel does not tell.
const NATIVE: &str = "data that native code opens by itself may be missing from the trace";

fn watch(environment: &Environment, warnings: &mut Vec<String>) -> Option<Opened> {
    let mut missed = 0;
    let watched = Opened::new().map(|mut opened| {
        for folder in environment.folders() {
            match opened.watch(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => missed += 1,
                _ => {}
            }
        }
        opened
    });
    if missed > 0 {
        warnings.push(format!(
            "{missed} folders could not be watched (fs.inotify.max_user_watches); {NATIVE}"
        ));
    }
    match watched {
        Ok(opened) => Some(opened),
        Err(error) => {
            warnings.push(format!("opened files cannot be watched: {error}; {NATIVE}"));
            None
        }
    }
}

fn start(program: &Program, place: &Path) -> Result<Child, RunError> {
    let before = std::env::var_os(PATHS).filter(|paths| !paths.is_empty());
    let before = before.iter().flat_map(std::env::split_paths);
    let paths = std::env::join_paths(std::iter::once(place.to_owned()).chain(before));
    Command::new(&program.python)
        .args(&program.arguments)
        .env(PATHS, paths.unwrap_or_else(|_| place.into()))
        .spawn()
        .map_err(|source| RunError::Interpreter {
            path: program.python.clone(),
            source,
        })
}

/// Waits for the program. A Ctrl-C reaches it without us; what is sent to this process alone is passed on.
fn wait(
    mut child: Child,
    signals: &Signals,
    mut opened: Option<&mut Opened>,
) -> io::Result<ExitStatus> {
    loop {
        let ended = child.try_wait()?;
        if let Some(opened) = opened.as_deref_mut() {
            opened.collect()?;
        }
        if let Some(status) = ended {
            return Ok(status);
        }
        for signal in signals.wait(Some(TURN))? {
            if [signals::TERMINATE, signals::HANGUP].contains(&signal) {
                children::send(child.id(), signal);
            }
        }
    }
}

/// The paths in the notes; a last one that is cut off is none.
fn noted(log: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let notes = std::fs::read(log)?;
    let whole = notes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    let paths = notes[..whole].split(|byte| *byte == 0);
    Ok(paths
        .filter(|path| !path.is_empty())
        .map(|path| normal(Path::new(OsStr::from_bytes(path))))
        .collect())
}
