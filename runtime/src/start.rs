//! From what the bootloader found to a running program: starts CPython, installs the importer, runs the entry point,
//! ends CPython.

use std::borrow::Cow;
use std::ffi::{CString, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use payload::{FormatError, Payload, Program, PythonStart, Unpack};
use platform::MappedBytes;
use platform::directory::Lock;
use platform::handoff::Start;
use platform::locale::Charset;
use platform::path::native;
use platform::process;
use unpack::{Demand, Derived};

use crate::compile;
use crate::demand;
use crate::embed::config::{self, Settings, StartError};
use crate::embed::{Attached, Raised};
use crate::importer::{self, Bundle};
use crate::script::{self, Ended};

mod arguments;
#[cfg(unix)]
pub(crate) mod interpreter;
#[cfg(feature = "server")]
pub(crate) mod server;
#[cfg(not(feature = "server"))]
#[path = "start/serverless.rs"]
pub(crate) mod server;

/// What makes a process: where one can be divided it takes care of what is in it.
#[cfg(unix)]
pub(crate) type Maker<'a> = &'a dyn Fn() -> std::io::Result<platform::children::Forked>;
/// What makes a process: the program is started again.
#[cfg(windows)]
pub(crate) type Maker<'a> = &'a ();

/// Exit status when Python could not be started.
const CANNOT_START: i32 = 103;
/// Exit status when the runtime itself failed.
pub(crate) const INTERNAL_ERROR: i32 = 104;
/// What CPython exits with when flushing the standard streams failed (`Py_RunMain`).
const FLUSH_FAILED: i32 = 120;

/// Why the program was not run.
#[derive(Debug)]
pub(crate) struct StartFailure {
    pub(crate) message: String,
    pub(crate) status: i32,
}

impl StartFailure {
    pub(crate) fn text(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: INTERNAL_ERROR,
        }
    }

    fn raised(raised: &Raised<'_>) -> Self {
        Self::text(format!("the runtime did not start:\n{}", raised.render()))
    }
}

impl From<FormatError> for StartFailure {
    fn from(error: FormatError) -> Self {
        Self::text(error.to_string())
    }
}

impl From<StartError> for StartFailure {
    fn from(error: StartError) -> Self {
        Self {
            message: error.to_string(),
            status: CANNOT_START,
        }
    }
}

/// Tells the user, on stderr.
pub(crate) fn report(failure: &StartFailure) {
    let text = format!("pack runtime: error: {}\n", failure.message);
    #[cfg(windows)]
    platform::streams::last_words(&text);
    #[cfg(unix)]
    {
        use std::io::Write as _;
        // Nowhere to go when stderr is closed.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A program about to run.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) program: Program,
    pub(crate) bundle: Bundle,
    /// The packed executable, as it is mapped.
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "only a server gives its memory back")
    )]
    pub(crate) file: MappedBytes,
    /// Its path.
    pub(crate) executable: PathBuf,
    /// The interpreter's own program, where one runs.
    pub(crate) interpreter: Option<PathBuf>,
    /// What the user gave, without the program's name.
    pub(crate) arguments: Vec<OsString>,
    /// The lock on the bundle, see [`Start::in_use`].
    in_use: i32,
    /// The process that the bootloader started in; forked children are others.
    process: u32,
}

impl App {
    fn new(start: &Start, arguments: Vec<OsString>) -> Result<Self, FormatError> {
        let payload = Payload::locate(start.file.bytes())?;
        let program = payload.program()?;
        let (major, minor, _) = program.python.version;
        let flavour = if program.python.free_threaded {
            "t"
        } else {
            ""
        };
        let interpreter = match &program.python.start {
            PythonStart::Program(program) => Some(start.meipass.join(program)),
            PythonStart::Library(_) => None,
        };
        let demand = Demand::new(payload, &program, &start.meipass);
        let bundle = Bundle {
            payload,
            meipass: start.meipass.clone(),
            demand: Arc::new(demand),
            derived: Arc::new(Derived::new(&program, &start.meipass)),
            roots: vec![format!("lib/python{major}.{minor}{flavour}")],
            need_gil: program.need_gil.clone().unwrap_or_default(),
        };
        Ok(Self {
            program,
            bundle,
            file: start.file,
            executable: start.executable.clone(),
            interpreter,
            arguments,
            in_use: start.in_use,
            process: std::process::id(),
        })
    }

    /// Removes the files of a run that had its own, as its end has come.
    fn leave(&self) {
        let own = self.program.unpack == Unpack::Each && self.in_use >= 0;
        if own
            && self.process == std::process::id()
            && let Ok(lock) = Lock::inherited(self.in_use)
        {
            unpack::leave(&self.bundle.meipass, lock);
        }
    }

    /// The standard library's folder in the bundle.
    fn stdlib(&self) -> &str {
        self.bundle.roots.first().map_or("", String::as_str)
    }

    /// `sys.path`
    pub(crate) fn search_paths(&self) -> Vec<PathBuf> {
        let meipass = &self.bundle.meipass;
        let stdlib = native(&meipass.join(self.stdlib()));
        let dynload = stdlib.join("lib-dynload");
        vec![meipass.clone(), stdlib, dynload]
    }
}

/// Runs the program in the bootloader's process, where no interpreter is started yet.
pub(crate) fn in_bootloader(start: &Start) -> Result<i32, StartFailure> {
    let app = App::new(
        start,
        arguments::own(&start.executable, std::env::args_os()),
    )?;
    #[cfg(unix)]
    let maker = platform::children::fork;
    #[cfg(windows)]
    let maker = ();
    if let Some(status) = server::supervise(&app, &maker)? {
        return Ok(status);
    }
    #[cfg(windows)]
    platform::icon::give_to_windows();
    let charset = platform::locale::charset();
    let names = bootstrap_names(&app.bundle.payload, charset)?;
    let modules = bootstrap(&app.bundle, &names)?;
    let py = config::start(&Settings {
        start,
        stdlib: app.stdlib(),
        search_paths: &app.search_paths(),
        optimize: app.program.optimize,
        utf8_mode: charset == Charset::Unset,
        bootstrap: modules.as_deref().unwrap_or_default(),
        gil: server::gil(&app),
    })?;
    finish(py, &app, if modules.is_none() { &names } else { &[] })
}

/// From a started interpreter to the program's end; code of the modules in `keep` is kept for later starts.
fn finish(py: Attached<'_>, app: &App, keep: &[String]) -> Result<i32, StartFailure> {
    demand::watch(py, &app.bundle.demand, &app.bundle.meipass);
    importer::install(py, &app.bundle, &[])
        .and_then(|()| importer::keep(py, &app.bundle, keep))
        .and_then(|()| script::set_up(py, app, &app.search_paths()))
        .map_err(|raised| StartFailure::raised(&raised))?;
    let ended = script::run(py, app);
    let flushed = config::finalize(py);
    app.leave();
    Ok(match ended {
        Ended::Interrupted => process::die_of_interrupt(),
        Ended::Status(_) if !flushed => FLUSH_FAILED,
        Ended::Status(status) => status,
    })
}

/// Modules that CPython imports while it starts: the codecs of the user's locale, and what text streams need.
fn bootstrap_names(
    payload: &Payload<'static>,
    charset: Charset,
) -> Result<Vec<String>, FormatError> {
    const ALWAYS: [&str; 8] = [
        "abc",
        "codecs",
        "encodings",
        "encodings.aliases",
        "encodings.ascii",
        "encodings.latin_1",
        "encodings.utf_8",
        "io",
    ];
    let mut names: Vec<String> = ALWAYS.map(String::from).into();
    #[cfg(windows)]
    if let Charset::CodePage(page) = charset {
        let name = format!("encodings.cp{page}");
        if payload.module(&name)?.is_some() {
            names.push(name);
        }
    }
    if charset == Charset::Other {
        for module in payload.modules_below("encodings") {
            names.push(module?.name.to_owned());
        }
        names.sort();
        names.dedup();
    }
    Ok(names)
}

/// The code of all of them; `None` where one was packed as a source that no earlier start has compiled: then all are files.
fn bootstrap(
    bundle: &Bundle,
    names: &[String],
) -> Result<Option<Vec<config::FrozenModule>>, StartFailure> {
    let mut modules = Vec::with_capacity(names.len());
    for name in names {
        let module = bundle.payload.module(name)?;
        let module = module
            .ok_or_else(|| StartFailure::text(format!("the program holds no module `{name}`")))?;
        let code = match module.code {
            Some(entry) => bundle.payload.entry(entry)?.content()?,
            None => match compile::kept(bundle, &module)? {
                Some(code) => Cow::Owned(code),
                None => return Ok(None),
            },
        };
        let code = match code {
            Cow::Borrowed(code) => code,
            // Kept for good: the interpreter's table points at it.
            Cow::Owned(code) => code.leak(),
        };
        let name =
            CString::new(name.as_str()).map_err(|error| StartFailure::text(error.to_string()))?;
        modules.push((name, code, module.package));
    }
    Ok(Some(modules))
}

/// Whether a process of this same program started this one.
pub(crate) fn is_started_by_itself(app: &App) -> bool {
    process::is_started_by(&app.executable, app.interpreter.as_deref().map(Path::new))
}
