//! Starts CPython in this process, or becomes the packed interpreter where it has no shared library.

use crate::diagnostics::Failure;
use crate::locate::OwnFile;
use payload::{Program, PythonStart};
use platform::handoff::{Handoff, Start, start_runtime};
use platform::library::{Binding, LoadError, Visibility};
use platform::{Library, process};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use unpack::Ready;

/// Runs the program and returns its exit status.
pub(crate) fn program(own: &OwnFile, program: &Program, ready: Ready) -> Result<i32, Failure> {
    let meipass = &ready.folder;
    let becomes = matches!(program.python.start, PythonStart::Program(_));
    let in_use = ready.in_use.map_or(-1, |lock| lock.keep(becomes));
    match &program.python.start {
        PythonStart::Library(library) => {
            let libpython = meipass.join(library);
            in_process(own, program, meipass, &libpython, in_use)
        }
        PythonStart::Program(interpreter) => {
            let interpreter = meipass.join(interpreter);
            as_program(own, program, meipass, &interpreter, in_use)
        }
    }
}

fn in_process(
    own: &OwnFile,
    program: &Program,
    meipass: &Path,
    libpython: &Path,
    in_use: i32,
) -> Result<i32, Failure> {
    // A library's neighbours are found by their SONAME once they are loaded: no search path is needed.
    let load = |path: &Path, visibility, binding| {
        Library::open_with(path, visibility, binding)
            .map_err(|LoadError(text)| explain(text, program))
    };
    #[cfg(windows)]
    prepare(program, meipass);
    for library in &program.python.preload {
        load(&meipass.join(library), Visibility::Local, Binding::Lazy)?;
    }
    // Global: extension modules leave Python's symbols undefined and expect to find them in the process.
    load(libpython, Visibility::Global, Binding::Lazy)?;
    let runtime = meipass.join(&program.runtime);
    let library = load(&runtime, Visibility::Local, Binding::Now)?;
    let start = Start {
        file: own.bytes.into(),
        executable: own.files.path.clone(),
        meipass: meipass.to_owned(),
        libpython: Some(libpython.to_owned()),
        in_use,
    };
    let handoff = Handoff::new(&start).map_err(|error| Failure::Library(error.to_string()))?;
    start_runtime(library, &handoff)
        .ok_or_else(|| Failure::Library(format!("`{}` is not a runtime", runtime.display())))
}

#[cfg(unix)]
fn explain(complaint: String, program: &Program) -> Failure {
    crate::glibc::explain(complaint, program)
}

#[cfg(windows)]
fn explain(complaint: String, _: &Program) -> Failure {
    Failure::Library(complaint)
}

/// What has to come before the first library that may open a window.
#[cfg(windows)]
fn prepare(program: &Program, meipass: &Path) {
    process::set_application_id(&program.id);
    // `ctypes` and extension modules look there for what they name; unlike `SetDllDirectory` no child inherits it.
    platform::library::search(meipass);
    platform::library::search(&meipass.join("lib"));
}

/// What the interpreter runs first. Loading the runtime as an extension module calls its initialisation function,
/// which runs the whole program and ends the process; it never returns a module.
const LOAD_RUNTIME: &str = "import sys,_imp,_frozen_importlib as i;\
_imp.create_dynamic(i.ModuleSpec('pack_runtime_start',None,origin=sys.argv[3]))";

fn as_program(
    own: &OwnFile,
    program: &Program,
    meipass: &Path,
    interpreter: &Path,
    in_use: i32,
) -> Result<i32, Failure> {
    #[cfg(unix)]
    crate::glibc::suffices(program)?;
    let mut arguments: Vec<OsString> = vec![std::env::args_os().next().unwrap_or_default()];
    arguments.extend(["-I", "-S", "-B", "-c", LOAD_RUNTIME].map(OsString::from));
    arguments.push(own.files.path.clone().into());
    arguments.push(meipass.to_owned().into());
    arguments.push(meipass.join(&program.runtime).into());
    arguments.push(library_path(program, meipass));
    arguments.push(in_use.to_string().into());
    arguments.extend(std::env::args_os().skip(1));
    match process::become_program(interpreter, &arguments) {
        Err(error) => Err(Failure::Program {
            file: interpreter.to_owned(),
            error,
        }),
    }
}

/// The new process loads the interpreter's libraries before any code of ours runs: the dynamic linker must be told
/// where they are. The runtime takes the variable out again before the program sees it. Returns `=` and the value that
/// it had, or nothing when it had none; `.` when it was not touched.
fn library_path(program: &Program, meipass: &Path) -> OsString {
    let folders: BTreeSet<PathBuf> = program
        .python
        .preload
        .iter()
        .filter_map(|library| Some(meipass.join(library).parent()?.to_owned()))
        .collect();
    if folders.is_empty() {
        return ".".into();
    }
    let before = std::env::var_os(LIBRARY_PATH);
    let old = before.iter().flat_map(std::env::split_paths);
    if let Ok(value) = std::env::join_paths(folders.into_iter().chain(old)) {
        process::set_variable(LIBRARY_PATH, &value);
    }
    before.map_or_else(OsString::new, |value| {
        let mut marked = OsString::from("=");
        marked.push(value);
        marked
    })
}

const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";
