//! The WSGI host: HTTP/1.1 in Rust, the application on Python threads, PEP 3333 between them.
//!
//! - `worker` threads, each with a thread state of its own, wait for news of connections and follow them up.
//! - `transport` (no Python) turns bytes into requests and responses into bytes, on whichever thread had the news.
//! - `call` runs one request through the application, by the rules in `response`, with the objects of `input`, `file`
//!   and `host`. It sees the transport only through [`exchange::Exchange`].
//! - `compress` stands between the two where responses are compressed.
//! - `statics` answers for files; such requests never reach `call`.
//! - the main thread waits for signals.
//!
//! **Invariant**: a thread that holds the GIL waits for nothing but Python; every wait is in [`Attached::detach`].
//! **Invariant**: whatever an application returns or raises, the server goes on.

mod admin;
mod asgi;
mod background;
mod browser;
mod call;
mod codings;
mod compress;
mod engine;
mod environ;
mod exchange;
mod file;
mod forwarded;
mod gate;
mod heading;
mod host;
mod input;
mod lines;
mod log;
mod names;
mod observe;
mod options;
mod response;
mod statics;
mod stop;
pub(crate) mod supervise;
mod target;
mod telemetry;
mod timeout;
mod transport;
mod worker;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use background::Background;
use compress::Compression;
use engine::{Engine, Source};
use forwarded::Trusted;
use observe::Observer;
use payload::{Gil, Wsgi};
use platform::signals::{INTERRUPT, QUIT, Signals, TERMINATE, USER1, is_unhandled};
use statics::Statics;
use stop::Server;
use supervise::Worker;
use transport::access::{Form, Log};
use transport::tls::Tls;
use transport::{Bound, Limits, Shared};
use worker::{Plan, Workers};

use crate::embed::{Attached, Owned, PyResult, Raised};

pub(crate) use engine::Prepare;
pub(crate) use log::line as say;

/// `SERVER_SOFTWARE`
pub(crate) const SERVER_SOFTWARE: &str = concat!("pack/", env!("CARGO_PKG_VERSION"));

/// Why serving did not begin.
pub(crate) enum StartError<'py> {
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

/// Serves an application until a signal says stop; the process's exit status. Called in the main thread.
///
/// 0 after SIGTERM or SIGINT when all requests under way could be finished, 1 when the server did not start or
/// requests had to be given up, 128 and the signal's number when a second signal forced the end. When it returns,
/// no thread of the server is left; if one is stuck in the application, it does not return but ends the process.
fn serve<'py>(
    py: Attached<'py>,
    source: Source<'py>,
    settings: &Wsgi,
    observer: Observer,
    imported: &dyn Fn(),
) -> i32 {
    match start(py, source, settings, observer, imported) {
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

/// Serves in a running interpreter: `application`, or, where each interpreter has to import its own, what `settings` name.
pub(crate) fn serve_here<'py>(
    py: Attached<'py>,
    application: Owned<'py>,
    settings: &Wsgi,
) -> PyResult<'py, i32> {
    let source = match settings.gil {
        Gil::PerInterpreter => Source::Imported(engine::same_path(py)?),
        Gil::Shared | Gil::Free => Source::Here(application),
    };
    let Some(observer) = observe(settings) else {
        return Ok(1);
    };
    Ok(serve(py, source, settings, observer, &|| {}))
}

/// Begins to observe; where that fails, it has been told why.
fn observe(settings: &Wsgi) -> Option<Observer> {
    Observer::start(settings)
        .map_err(|error| log::line(&format!("error: {error}")))
        .ok()
}

fn start<'py>(
    py: Attached<'py>,
    source: Source<'py>,
    settings: &Wsgi,
    observer: Observer,
    imported: &dyn Fn(),
) -> Result<Server, StartError<'py>> {
    let supervised = Worker::current();
    if supervised.is_none() && settings.is_supervised() {
        log::line("warning: there is no supervisor here; serving with one process");
    }
    let bound = match supervised {
        Some(worker) => Bound::on(worker.listeners()),
        None => transport::listeners(settings)
            .map(Bound::on)
            .map_err(|error| StartError::Message(error.to_string()))?,
    };
    let tls = match supervised {
        Some(worker) => worker.tls(),
        None => Tls::new(settings).map_err(|error| StartError::Message(error.to_string()))?,
    };
    let addresses = bound.addresses(scheme(settings));
    let url = bound.url(scheme(settings));
    let version = version(py)?;
    let engine = Engine::start(py, source, settings, observer.telemetry())?;
    imported();
    platform::resident::release_code();
    let threads = usize::try_from(settings.threads.max(1)).unwrap_or(1);
    let (name, how) = (engine::name(settings), engine.describe(py, threads));
    // Threads that have begun when another cannot need the GIL to end.
    let accepted = py.detach(|| accept((bound, tls), engine, settings, observer));
    let server = accepted.map_err(|(error, engine)| {
        engine.end_or_exit(py, 1);
        StartError::Message(error)
    })?;
    match supervised {
        Some(worker) => {
            let (number, process) = (worker.number(), std::process::id());
            log::line(&format!(
                "worker {number} (process {process}) is ready (CPython {version}, {how})"
            ));
            worker.ready();
            // Who asked before that asked the workers that were ready.
            server.reopen_log();
        }
        None => {
            platform::service::notify("READY=1");
            log::line(&format!(
                "serving {name} on {addresses} (CPython {version}, {how})"
            ));
            if settings.open {
                browser::show(url.as_deref(), true);
            }
        }
    }
    Ok(server)
}

/// Starts all threads; gives the interpreters back when the system has no room for them.
fn accept(
    (bound, tls): (Bound, Option<Tls>),
    engine: Engine,
    settings: &Wsgi,
    observer: Observer,
) -> Result<Server, (String, Engine)> {
    let threads = usize::try_from(settings.threads.max(1)).unwrap_or(1);
    let mut watched = vec![INTERRUPT, TERMINATE];
    let is_worker = Worker::current().is_some();
    if is_worker {
        watched.push(QUIT);
    }
    // One to all processes of a service must not end those that have no log to open; an application may have a use for it.
    if settings.access_log_file.is_some() || (is_worker && is_unhandled(USER1)) {
        watched.push(USER1);
    }
    let watched = Signals::watch(&watched).and_then(|signals| Ok((signals.waker()?, signals)));
    let (waker, signals) = match watched {
        Ok(watched) => watched,
        Err(error) => return Err((format!("cannot catch signals: {error}"), engine)),
    };
    let sides = Statics::new(&settings.statics, settings.static_max_age)
        .map_err(|error| error.to_string())
        .and_then(|statics| Ok((statics, Trusted::new(settings)?, access_log(settings)?)));
    let (statics, trusted, log) = match sides {
        Ok(sides) => sides,
        Err(error) => return Err((error, engine)),
    };
    let all = threads * engine.members().len();
    let tls = tls.map(Arc::new);
    // There may be several for a moment where there is to be one.
    let share = Worker::current().map(Worker::share);
    let shared = match Shared::new(
        Limits::from(settings),
        all,
        (share, settings.http2),
        log,
        observer.telemetry().map(Arc::clone),
        (statics, trusted, tls.clone()),
    ) {
        Ok(shared) => Arc::new(shared),
        Err(error) => return Err((format!("cannot wait for connections: {error}"), engine)),
    };
    let plan = Plan {
        count: threads,
        timed: timeout::Timeouts::of(settings).is_some(),
        compression: Compression::of(settings),
    };
    let started = Workers::start(plan, &engine, &shared);
    let workers = match started {
        Ok(workers) => workers,
        Err(error) => return Err((format!("cannot start a thread: {error}"), engine)),
    };
    let mut background = Background::default();
    let started = supervise::watch(settings, &engine, workers.seats(), &mut background)
        .and_then(|()| timeout::watch(settings, &engine, workers.watched(), &mut background))
        .and_then(|()| observer.serving(&engine, &mut background))
        .and_then(|()| match tls {
            Some(tls) => background.spawn("tls", move |stop| tls.watch(stop)),
            None => Ok(()),
        })
        .and_then(|()| bound.start(&shared, move || waker.wake()));
    match started {
        Ok(io) => Ok(Server {
            signals,
            engine,
            shared,
            workers,
            background,
            observer,
            io,
            graceful: settings.graceful_timeout,
        }),
        Err(error) => {
            shared.stop();
            workers.join(Duration::MAX);
            background.stop(STARTED);
            Err((format!("cannot start a thread: {error}"), engine))
        }
    }
}

/// How long threads that have just begun may take to end.
const STARTED: Duration = Duration::from_secs(10);

fn access_log(settings: &Wsgi) -> Result<Option<Log>, String> {
    if !settings.access_log {
        return Ok(None);
    }
    let form = Form::named(settings.access_log_format.as_deref());
    let file = settings.access_log_file.as_deref();
    let log = Log::new(form, file.map(Path::new));
    log.map(Some).map_err(|error| {
        let file = file.unwrap_or_default();
        format!("cannot open the access log `{file}`: {error}")
    })
}

/// What the addresses of the server begin with.
fn scheme(settings: &Wsgi) -> &'static str {
    match settings.tls_certificate {
        Some(_) => "https",
        None => "http",
    }
}

fn version(py: Attached<'_>) -> PyResult<'_, String> {
    // The first word, as `platform.python_version` has it, which takes a dozen modules for that.
    let version = py.import(c"sys")?.attr(c"version")?.to_text()?;
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

/// Exit status for a command line that makes no sense.
const USAGE: i32 = 2;

/// Imports the application that `settings`, changed by what the user gave in `sys.argv`, name, and serves it; the
/// process's exit status. `imported` is called once, when all interpreters
/// have it, before any request.
///
/// # Errors
/// What importing it, or calling its factory, raised.
pub(crate) fn run<'py>(
    py: Attached<'py>,
    settings: &Wsgi,
    prepare: impl FnOnce(Attached<'py>) -> PyResult<'py, Prepare>,
    imported: &dyn Fn(),
) -> PyResult<'py, i32> {
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
    if let Err(message) = engine::check_build(py, &settings) {
        log::line(&format!("error: {message}"));
        return Ok(1);
    }
    if !settings.statics.is_empty() {
        let bundle = py.import(c"sys")?.attr(c"_MEIPASS")?.to_text()?;
        for (_, folder) in &mut settings.statics {
            *folder = format!("{bundle}/{folder}");
        }
    }
    // Before the application is imported, which may take long: until then the server is not ready, and says so.
    let Some(observer) = observe(&settings) else {
        return Ok(1);
    };
    let source = match settings.gil {
        Gil::PerInterpreter => Source::Imported(prepare(py)?),
        Gil::Shared | Gil::Free => Source::Here(engine::application(py, &settings)?),
    };
    Ok(serve(py, source, &settings, observer, imported))
}

/// Whether a server with `settings`, changed by what the user gave, is to have a GIL where the build can do without.
pub(crate) fn wants_gil(settings: &Wsgi, arguments: &[OsString]) -> bool {
    changed(settings, arguments).map_or(settings.gil, |changed| changed.gil) == Gil::Shared
}

/// What a start with `arguments` is to be supervised by, if at all.
pub(crate) fn supervised(settings: &Wsgi, arguments: &[OsString]) -> Option<Wsgi> {
    changed(settings, arguments).filter(Wsgi::is_supervised)
}

/// `settings` with what the user gave, before there is an interpreter. Of a command line that makes no sense, or asks for
/// help, the server itself tells when it starts.
fn changed(settings: &Wsgi, arguments: &[OsString]) -> Option<Wsgi> {
    let arguments: Option<Vec<String>> = arguments
        .iter()
        .map(|argument| argument.to_str().map(str::to_owned))
        .collect();
    let mut settings = settings.clone();
    options::apply(&arguments?, &mut settings).ok()?;
    Some(settings)
}

fn arguments(py: Attached<'_>) -> PyResult<'_, Vec<String>> {
    let argv = py.import(c"sys")?.attr(c"argv")?;
    let arguments = argv.list_items().into_iter().flatten().skip(1);
    arguments.map(|argument| argument.to_text()).collect()
}
