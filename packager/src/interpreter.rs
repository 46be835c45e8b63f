//! Asks the target interpreter for its facts: one call per build.

use crate::elf::ElfFile;
use crate::facts::InterpreterFacts;
use crate::inputs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Prints the facts as JSON behind [`MARKER`].
const SCRIPT: &str = include_str!("interpreter/facts.py");
const MARKER: &str = "@pack-facts@";
/// The oldest CPython that the runtime serves.
const OLDEST: (u8, u8) = (3, 9);
/// `site` and its `.pth` files may import a lot from a slow disk; more than this is a program that waits for something.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why an interpreter's facts could not be had.
#[derive(Debug, thiserror::Error)]
pub enum InterpreterError {
    /// It cannot be started at all.
    #[error("cannot start the Python interpreter `{}`: {source}", path.display())]
    Start {
        /// The interpreter.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ran and said something else than facts.
    #[error("`{}` does not answer like a Python interpreter ({status}){}", path.display(), shown(stderr))]
    NotPython {
        /// The program.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// It did not end.
    #[error("the Python interpreter `{}` did not answer within {} seconds{}", path.display(), seconds, shown(stderr))]
    Timeout {
        /// The interpreter.
        path: PathBuf,
        /// How long it was given.
        seconds: u64,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// Older than the runtime serves.
    #[error("`{}` is Python {}.{}, and the oldest that can be packed is {}.{}; name a newer one with `--python`",
        path.display(), version.0, version.1, OLDEST.0, OLDEST.1)]
    TooOld {
        /// The interpreter.
        path: PathBuf,
        /// Its major and minor version.
        version: (u8, u8),
    },
    /// Another implementation than CPython.
    #[error("`{}` is {implementation}, and only CPython can be packed; name one with `--python`", path.display())]
    Implementation {
        /// The interpreter.
        path: PathBuf,
        /// `sys.implementation.name`.
        implementation: String,
    },
}

/// What the script prints: the facts, and where a libpython could lie.
#[derive(serde::Deserialize)]
struct Answer {
    #[serde(flatten)]
    facts: InterpreterFacts,
    library_name: String,
    library_folders: Vec<PathBuf>,
    /// Files and folders that decided what it answered, whether they are there or not.
    looked_at: Vec<PathBuf>,
}

/// The part of the answer that any Python gives.
#[derive(serde::Deserialize)]
struct Version {
    version: (u8, u8, u8),
}

impl InterpreterFacts {
    /// Asks `python`. It runs without `PYTHON*` variables and from the root folder, so that nothing but its own
    /// installation is seen; `site` runs, because `.pth` files and the user's site-packages are part of its path.
    ///
    /// # Errors
    /// When `python` cannot be started, is no Python, is older than 3.9 or no CPython, or does not answer in a minute.
    pub fn ask(python: &Path) -> Result<Self, InterpreterError> {
        Self::ask_within(python, TIMEOUT)
    }

    fn ask_within(python: &Path, timeout: Duration) -> Result<Self, InterpreterError> {
        let output = run(python, timeout)?;
        let not_python = || InterpreterError::NotPython {
            path: python.to_owned(),
            status: output.status,
            stderr: tail(&output.stderr),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let json = text
            .rsplit_once(MARKER)
            .map(|(_, json)| json.trim())
            .ok_or_else(not_python)?;
        let Version {
            version: (major, minor, _),
        } = serde_json::from_str(json).map_err(|_| not_python())?;
        if (major, minor) < OLDEST {
            return Err(InterpreterError::TooOld {
                path: python.to_owned(),
                version: (major, minor),
            });
        }
        let Answer {
            mut facts,
            library_name,
            library_folders,
            looked_at,
        } = serde_json::from_str(json).map_err(|_| not_python())?;
        if facts.implementation != "cpython" {
            return Err(InterpreterError::Implementation {
                path: python.to_owned(),
                implementation: facts.implementation,
            });
        }
        for path in [python, &facts.executable, &facts.base_executable] {
            // The environment of a link is that of its folder, the program that of its target.
            let _ = inputs::canonicalize(path);
            inputs::note_path(path);
        }
        for path in &looked_at {
            inputs::note_path(path);
        }
        facts.libpython = find_libpython(&facts, &library_name, &library_folders);
        Ok(facts)
    }
}

/// The libpython that the interpreter itself loads, else the one that its build says it has. Debian's `python3` is
/// linked statically, and its libpython comes in a package of its own: then the name (`INSTSONAME`) leads to it.
fn find_libpython(facts: &InterpreterFacts, name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let loaded = ElfFile::read(&facts.base_executable).ok().flatten();
    let needed = loaded
        .iter()
        .flat_map(|elf| &elf.needed)
        .find(|name| name.starts_with("libpython"));
    let name = match needed {
        Some(name) => name.as_str(),
        None if name.contains(".so") => name,
        None => return None,
    };
    let own = facts.base_executable.parent().unwrap_or(Path::new("/"));
    let from_elf = loaded
        .iter()
        .flat_map(|elf| elf.rpath.iter().chain(&elf.runpath))
        .map(|entry| {
            PathBuf::from(
                entry
                    .replace("${ORIGIN}", "$ORIGIN")
                    .replace("$ORIGIN", &own.to_string_lossy()),
            )
        });
    let prefix = &facts.base_prefix;
    let usual = [
        prefix.join("lib"),
        prefix.join("lib64"),
        own.join("../lib"),
        PathBuf::from("/usr/lib"),
        "/lib".into(),
    ];
    let candidates = from_elf.chain(folders.iter().cloned()).chain(usual);
    let candidates =
        candidates.flat_map(|folder| [folder.join(&facts.multiarch).join(name), folder.join(name)]);
    candidates
        .filter(|path| inputs::is_file(path))
        .find_map(|path| inputs::canonicalize(&path).ok())
}

/// What a finished process left.
struct Finished {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn run(python: &Path, timeout: Duration) -> Result<Finished, InterpreterError> {
    let start = |source| InterpreterError::Start {
        path: python.to_owned(),
        source,
    };
    let mut child = command(python).spawn().map_err(start)?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let deadline = Instant::now() + timeout;
    // The end of its output is the end of a well-behaved process: nothing is polled in the usual case.
    let text = stdout.recv_timeout(timeout);
    let status = wait(&mut child, deadline).map_err(start)?;
    // Both pipes close with the process, unless a grandchild holds them: it is not waited for.
    let rest = |channel: mpsc::Receiver<Vec<u8>>| {
        channel
            .recv_timeout(Duration::from_millis(500))
            .unwrap_or_default()
    };
    let stderr = rest(stderr);
    match status {
        Some(status) => Ok(Finished {
            status,
            stdout: text.unwrap_or_else(|_| rest(stdout)),
            stderr,
        }),
        None => Err(InterpreterError::Timeout {
            path: python.to_owned(),
            seconds: timeout.as_secs(),
            stderr: tail(&stderr),
        }),
    }
}

fn command(python: &Path) -> Command {
    // It runs in another folder: a path with a folder in it is meant from here, a bare name is looked up in PATH.
    let bare = python.components().count() == 1;
    let absolute = std::path::absolute(python).ok().filter(|_| !bare);
    let mut command = Command::new(absolute.as_deref().unwrap_or(python));
    command.args(["-E", "-B", "-c", SCRIPT]).current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// The status, or `None` after the deadline, when the child was killed.
fn wait(child: &mut Child, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The last lines of what a process said: a traceback's message is at its end.
fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

fn shown(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!("; it wrote:\n{stderr}")
    }
}

#[cfg(test)]
mod tests;
