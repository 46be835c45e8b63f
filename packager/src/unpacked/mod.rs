//! An application as it lies there, in the interpreter of its environment: `pack serve` and `pack run`.
//!
//! This process becomes the interpreter, so that signals, the terminal and the exit status are the application's own. A
//! script, module or function is started as `python` itself does. A WSGI application is served by the runtime of the kit,
//! which `boot.py` loads into the interpreter.

use crate::kit::{self, KitError};
use crate::plan::{BuildPlan, Entry};
use payload::Wsgi;
use platform::process;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// The variable that tells `boot.py` what to serve: arguments would show an admin token to every user of the machine.
pub const VARIABLE: &str = "PACK_SERVE";
const BOOT: &str = include_str!("boot.py");
const PATHS: &str = "PYTHONPATH";

/// Why the application was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no runtime for this system.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// The one inside `pack` cannot be made a file.
    #[error("cannot put the runtime into a file for the interpreter to load")]
    Library(#[source] io::Error),
    /// A path that JSON cannot hold.
    #[error("`{}` is not UTF-8", .0.display())]
    Unspeakable(PathBuf),
    /// The interpreter cannot be started.
    #[error("cannot start the Python interpreter `{}`", path.display())]
    Interpreter {
        /// Its program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Kit(error) => error.hint(),
            Self::Library(_) => Some(format!("name a folder of kits with {}", kit::VARIABLE)),
            Self::Interpreter { .. } => Some("name another one with `--python PATH`".into()),
            Self::Unspeakable(_) => None,
        }
    }
}

/// What `boot.py` is told.
#[derive(serde::Serialize)]
struct Request<'a> {
    library: &'a str,
    modules: &'a str,
    paths: Vec<&'a str>,
    argv: &'a [String],
    wsgi: &'a Wsgi,
}

/// Becomes the interpreter of `plan`, serving `wsgi`; `argv` is the application's `sys.argv`.
///
/// # Errors
/// When that is not possible; on success this does not return.
pub fn serve(plan: &BuildPlan, wsgi: &Wsgi, argv: &[String]) -> Result<(), StartError> {
    start(plan, &serving(plan, wsgi, argv)?)
}

/// What the interpreter is to be given to serve `wsgi`; a variable of this process tells the rest.
fn serving(plan: &BuildPlan, wsgi: &Wsgi, argv: &[String]) -> Result<Vec<OsString>, StartError> {
    let kit = kit::find(&plan.target)?;
    let library = kit.library().map_err(StartError::Library)?;
    let modules = kit.modules().map_err(StartError::Library)?;
    // A relative one is that of a settings file, and its place in the bundle is that in the project.
    let mut wsgi = wsgi.clone();
    for (_, folder) in &mut wsgi.statics {
        *folder = text(&plan.root.join(&*folder))?.to_owned();
    }
    let request = Request {
        library: text(&library)?,
        modules: text(&modules)?,
        paths: plan
            .paths
            .iter()
            .map(|path| text(path))
            .collect::<Result<_, _>>()?,
        argv,
        wsgi: &wsgi,
    };
    // Texts and numbers: nothing that JSON does not have.
    let request = serde_json::to_string(&request).unwrap_or_default();
    process::set_variable(VARIABLE, OsStr::new(&request));
    Ok(interpreter_arguments(plan, &["-c".into(), BOOT.into()]))
}

/// Becomes the interpreter of `plan`, running `entry` with `arguments`.
///
/// # Errors
/// As [`serve`].
pub fn run(plan: &BuildPlan, entry: &Entry, arguments: &[OsString]) -> Result<(), StartError> {
    start(plan, &command(plan, entry, arguments)?)
}

/// What the interpreter of `plan` is to be given to run `entry` with `arguments`; what else it needs to know is in the
/// environment of this process from then on.
///
/// # Errors
/// When a server cannot be prepared.
pub fn command(
    plan: &BuildPlan,
    entry: &Entry,
    arguments: &[OsString],
) -> Result<Vec<OsString>, StartError> {
    let mut command: Vec<OsString> = match entry {
        Entry::Script(script) => vec![script.into()],
        Entry::Module(module) => vec!["-m".into(), module.into()],
        Entry::Function { module, function } => {
            let first = function.split('.').next().unwrap_or_default();
            let text =
                format!("import sys\nfrom {module} import {first}\nsys.exit({function}())\n");
            vec!["-c".into(), text.into()]
        }
        Entry::Wsgi(wsgi) => return serving(plan, wsgi, std::slice::from_ref(&plan.name)),
    };
    command.extend_from_slice(arguments);
    let before = std::env::var_os(PATHS).filter(|paths| !paths.is_empty());
    let before = before.iter().flat_map(std::env::split_paths);
    let paths = std::env::join_paths(plan.paths.iter().cloned().chain(before));
    process::set_variable(PATHS, &paths.unwrap_or_default());
    Ok(interpreter_arguments(plan, &command))
}

fn interpreter_arguments(plan: &BuildPlan, arguments: &[OsString]) -> Vec<OsString> {
    let optimize = match plan.optimize {
        0 => None,
        1 => Some("-O"),
        _ => Some("-OO"),
    };
    let own = optimize.map(OsString::from).into_iter();
    own.chain(arguments.iter().cloned()).collect()
}

fn start(plan: &BuildPlan, arguments: &[OsString]) -> Result<(), StartError> {
    let mut command = vec![plan.python.clone().into_os_string()];
    command.extend_from_slice(arguments);
    process::become_program(&plan.python, &command)
        .map(drop)
        .map_err(|source| StartError::Interpreter {
            path: plan.python.clone(),
            source,
        })
}

fn text(path: &Path) -> Result<&str, StartError> {
    path.to_str()
        .ok_or_else(|| StartError::Unspeakable(path.to_owned()))
}
