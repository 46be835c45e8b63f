//! The WSGI host: HTTP/1.1 in Rust, the application on Python threads, PEP 3333 between them.
//!
//! - `worker` threads, each with a thread state of its own, wait for news of connections and follow them up.
//! - `transport` (no Python) turns bytes into requests and responses into bytes, on whichever thread had the news.
//! - `call` runs one request through the application, by the rules in `response`, with the objects of `input`, `file`
//!   and `host`. It sees the transport only through [`exchange::Exchange`].
//! - `statics` answers for files; such requests never reach `call`.
//! - the main thread waits for signals.
//!
//! **Invariant**: a thread that holds the GIL waits for nothing but Python; every wait is in [`Attached::detach`].
//! **Invariant**: whatever an application returns or raises, the server goes on.

mod asgi;
mod call;
mod environ;
mod exchange;
mod file;
mod forwarded;
mod host;
mod input;
mod lines;
mod log;
mod names;
mod options;
mod response;
mod statics;
mod stop;
mod target;
mod transport;
mod worker;

use std::path::Path;
use std::sync::Arc;

use forwarded::Trusted;
use host::{Concurrency, Host};
use payload::{SwitchInterval, Wsgi};
use platform::signals::{INTERRUPT, Signals, TERMINATE};
use statics::Statics;
use stop::Server;
use transport::access::{Form, Log};
use transport::{Bound, Limits, Shared};
use worker::Workers;

use crate::embed::{Attached, Interpreter, Owned, PyResult, Raised};

/// `SERVER_SOFTWARE`
pub(crate) const SERVER_SOFTWARE: &str = concat!("pack/", env!("CARGO_PKG_VERSION"));

/// Why serving did not begin.
enum StartError<'py> {
    /// Python refused something.
    Raised(Raised<'py>),
    /// Something else, in words.
    Message(String),
}

impl<'py> From<Raised<'py>> for StartError<'py> {
    fn from(raised: Raised<'py>) -> Self {
        Self::Raised(raised)
    }
}

/// Serves `application` until a signal says stop; the process's exit status. Called in the main thread.
///
/// 0 after SIGTERM or SIGINT when all requests under way could be finished, 1 when the server did not start or
/// requests had to be given up, 128 and the signal's number when a second signal forced the end. When it returns,
/// no thread of the server is left; if one is stuck in the application, it does not return but ends the process.
pub(crate) fn serve<'py>(py: Attached<'py>, application: Owned<'py>, settings: &Wsgi) -> i32 {
    match start(py, application, settings) {
        Ok(server) => server.run(py),
        Err(StartError::Raised(raised)) => {
            log::write(&raised.render());
            1
        }
        Err(StartError::Message(message)) => {
            log::line(&format!("error: {message}"));
            1
        }
    }
}

fn start<'py>(
    py: Attached<'py>,
    application: Owned<'py>,
    settings: &Wsgi,
) -> Result<Server, StartError<'py>> {
    let name = format!("{}:{}", settings.module, settings.callable);
    if !application.is_callable() {
        let kind = application.type_name();
        return Err(StartError::Message(format!(
            "`{name}` is not a WSGI application: a {kind} cannot be called"
        )));
    }
    if asgi::is_asgi(py, &application)? {
        return Err(StartError::Message(format!(
            "cannot serve `{name}`: {}",
            asgi::MESSAGE
        )));
    }
    let threads = usize::try_from(settings.threads.max(1)).unwrap_or(1);
    if settings.processes > 1 {
        log::line("warning: `processes` is not supported yet; serving with one process");
    }
    if let Some(SwitchInterval::Fixed(interval)) = settings.switch_interval {
        set_switch_interval(py, interval)?;
    }
    let limits = Limits::from(settings);
    let bound =
        Bound::new(&settings.bind).map_err(|error| StartError::Message(error.to_string()))?;
    let version = version(py)?;
    let addresses: Vec<String> = bound
        .addresses()
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    let signals =
        Signals::watch(&[INTERRUPT, TERMINATE]).map_err(|error| cannot("catch signals", &error))?;
    let waker = signals
        .waker()
        .map_err(|error| cannot("catch signals", &error))?;
    let host = Arc::new(Host::new(
        py,
        application,
        Concurrency {
            threads: threads > 1,
            processes: false,
        },
    )?);
    let statics = Statics::new(&settings.statics, settings.static_max_age)
        .map_err(|error| StartError::Message(error.to_string()))?;
    let log = access_log(settings)?;
    let trusted = Trusted::new(settings).map_err(StartError::Message)?;
    let shared = Shared::new(limits, threads, log, (statics, trusted));
    let shared = Arc::new(shared.map_err(|error| cannot("wait for connections", &error))?);
    let workers = Workers::start(threads, Interpreter::current(py), &host, &shared);
    let started =
        workers.and_then(|workers| Ok((workers, bound.start(&shared, move || waker.wake())?)));
    let (workers, io) = started.map_err(|error| {
        shared.stop();
        cannot("start a thread", &error)
    })?;
    let threads = if threads == 1 {
        "1 thread".to_owned()
    } else {
        format!("{threads} threads")
    };
    log::line(&format!(
        "serving {name} on {} (CPython {version}, {threads})",
        addresses.join(", ")
    ));
    Ok(Server {
        signals,
        host,
        shared,
        workers,
        io,
        graceful: settings.graceful_timeout,
    })
}

fn access_log<'py>(settings: &Wsgi) -> Result<Option<Log>, StartError<'py>> {
    if !settings.access_log {
        return Ok(None);
    }
    let form = Form::named(settings.access_log_format.as_deref());
    let file = settings.access_log_file.as_deref();
    let log = Log::new(form, file.map(Path::new));
    let what = || format!("open the access log `{}`", file.unwrap_or_default());
    log.map(Some).map_err(|error| cannot(&what(), &error))
}

fn cannot<'py>(what: &str, error: &std::io::Error) -> StartError<'py> {
    StartError::Message(format!("cannot {what}: {error}"))
}

fn set_switch_interval<'py>(py: Attached<'py>, microseconds: u32) -> PyResult<'py, ()> {
    let seconds = py.float(f64::from(microseconds) / 1e6)?;
    py.import(c"sys")?
        .call_method(c"setswitchinterval", &[&seconds])
        .map(drop)
}

fn version(py: Attached<'_>) -> PyResult<'_, String> {
    py.import(c"platform")?
        .call_method(c"python_version", &[])?
        .to_text()
}

/// Exit status for a command line that makes no sense.
const USAGE: i32 = 2;

/// Imports the application that `settings`, changed by what the user gave in `sys.argv`, name, and serves it; the
/// process's exit status.
///
/// # Errors
/// What importing it, or calling its factory, raised.
pub(crate) fn run<'py>(py: Attached<'py>, settings: &Wsgi) -> PyResult<'py, i32> {
    let mut settings = settings.clone();
    match options::apply(&arguments(py)?, &mut settings) {
        Ok(()) => {}
        Err(options::Ended::Help(help)) => {
            let stdout = py.import(c"sys")?.attr(c"stdout")?;
            stdout.call_method(c"write", &[&py.text(&help)?])?;
            return Ok(0);
        }
        Err(options::Ended::Wrong(message)) => {
            log::line(&format!("error: {message}"));
            return Ok(USAGE);
        }
    }
    if !settings.statics.is_empty() {
        let bundle = py.import(c"sys")?.attr(c"_MEIPASS")?.to_text()?;
        for (_, folder) in &mut settings.statics {
            *folder = format!("{bundle}/{folder}");
        }
    }
    let application = load(py, &settings)?;
    Ok(serve(py, application, &settings))
}

fn arguments(py: Attached<'_>) -> PyResult<'_, Vec<String>> {
    let argv = py.import(c"sys")?.attr(c"argv")?;
    (1..)
        .map_while(|index| argv.list_item(index))
        .map(|argument| argument.to_text())
        .collect()
}

fn load<'py>(py: Attached<'py>, settings: &Wsgi) -> PyResult<'py, Owned<'py>> {
    let (path, factory) = match settings.callable.strip_suffix("()") {
        Some(path) => (path, true),
        None => (settings.callable.as_str(), false),
    };
    let mut object = py.import_named(&settings.module)?;
    for name in path.split('.') {
        object = object.attr_object(&py.text(name)?)?;
    }
    if factory {
        object.call(&[])
    } else {
        Ok(object)
    }
}
