//! The interpreters that run the application: one, or several that each have a GIL of their own.
//!
//! An [`Engine`] is what a transport's threads serve: each [`Member`] is an interpreter with a [`Host`], and any number
//! of threads may enter it with a thread state of their own.

mod extensions;
mod keeper;
mod load;

use std::sync::Arc;

use payload::{Gil, Wsgi};

use super::StartError;
use super::host::{Concurrency, Host};
use super::log;
use super::supervise::Worker;
use super::telemetry::{Interval, Telemetry};
use crate::embed::subinterpreter::{self, End};
use crate::embed::{Attached, Interpreter, Owned, PyResult};
use keeper::Keeper;

pub(crate) use load::application;

/// Makes an interpreter that has just begun ready to import the application, as the main one was made.
pub(crate) type Prepare = Arc<dyn for<'py> Fn(Attached<'py>) -> PyResult<'py, ()> + Send + Sync>;

/// Where the application comes from.
pub(crate) enum Source<'py> {
    /// It is here, in the main interpreter.
    Here(Owned<'py>),
    /// Each interpreter imports its own.
    Imported(Prepare),
}

/// One interpreter that serves.
pub(crate) struct Member {
    /// From 1 on.
    pub number: u32,
    /// Where its threads go.
    pub interpreter: Interpreter,
    /// What they serve.
    pub host: Arc<Host>,
    /// Whether its switch interval can be set.
    pub interval: Interval,
    /// Who ends it; nobody for the main interpreter, whose end is the program's.
    keeper: Option<Keeper>,
}

/// The interpreters that serve.
pub(crate) struct Engine {
    members: Vec<Member>,
    gil: Gil,
}

impl Engine {
    /// Starts what `settings` ask for.
    ///
    /// # Errors
    /// When this CPython cannot do it, or an interpreter does not import the application.
    pub(crate) fn start<'py>(
        py: Attached<'py>,
        source: Source<'py>,
        settings: &Wsgi,
        telemetry: Option<&Arc<Telemetry>>,
    ) -> Result<Self, StartError<'py>> {
        let members = match source {
            Source::Here(application) => {
                vec![Member::main(py, application, settings, telemetry)?]
            }
            Source::Imported(prepare) => {
                keeper::start_all(py, settings, &prepare, telemetry).map_err(StartError::Message)?
            }
        };
        Ok(Self {
            members,
            gil: settings.gil,
        })
    }

    /// The interpreters.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// For the line that says that the server serves: how its threads share the processor.
    pub(crate) fn describe(&self, py: Attached<'_>, threads: usize) -> String {
        let threads = match threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        match self.gil {
            Gil::PerInterpreter if self.members.len() == 1 => {
                format!("1 interpreter with {threads} and a GIL of its own")
            }
            Gil::PerInterpreter => {
                let count = self.members.len();
                format!("{count} interpreters with {threads} and a GIL each")
            }
            _ if !subinterpreter::free_threaded(py) => threads,
            _ if subinterpreter::gil_enabled(py) => format!("{threads}, GIL on"),
            _ => format!("{threads}, GIL off"),
        }
    }

    /// Ends the interpreters, one after the other, once no thread serves them any more. False when one of them cannot be
    /// ended: then the process must not finalize Python either.
    fn end(self, py: Attached<'_>) -> bool {
        end_all(py, self.members)
    }

    /// As [`Engine::end`]; ends the process with `status` where that is all that can be done.
    pub(crate) fn end_or_exit(self, py: Attached<'_>, status: i32) {
        if !self.end(py) {
            log::line("stopping: threads of the application do not end; the process does");
            super::stop::flush(py);
            platform::process::exit_now(status);
        }
    }
}

/// All of them, whatever becomes of one.
fn end_all(py: Attached<'_>, members: Vec<Member>) -> bool {
    let ended = members.into_iter().map(|member| member.end(py));
    ended.filter(|ended| !ended).count() == 0
}

impl Member {
    fn main<'py>(
        py: Attached<'py>,
        application: Owned<'py>,
        settings: &Wsgi,
        telemetry: Option<&Arc<Telemetry>>,
    ) -> Result<Self, StartError<'py>> {
        load::check(py, &application, settings)?;
        if settings.gil == Gil::Free && subinterpreter::gil_enabled(py) {
            warn_of_gil(py);
        }
        let interval = set_interval(py, settings, telemetry, 0)?;
        Ok(Self {
            number: 1,
            interpreter: Interpreter::current(py),
            host: Arc::new(Host::new(
                py,
                application,
                concurrency(settings),
                telemetry,
            )?),
            interval,
            keeper: None,
        })
    }

    fn end(self, py: Attached<'_>) -> bool {
        let Self { host, keeper, .. } = self;
        match keeper {
            None => {
                if let Ok(host) = Arc::try_unwrap(host) {
                    host.release(py);
                }
                true
            }
            Some(keeper) => {
                drop(host);
                py.detach(|| keeper.end()) != End::ThreadsLeft
            }
        }
    }
}

/// Whether the GIL, where the build can do without one, is as `settings` want it; called in the main interpreter.
///
/// # Errors
/// `free` on a build with a GIL.
pub(crate) fn check_build(py: Attached<'_>, settings: &Wsgi) -> Result<(), String> {
    let free_threaded = subinterpreter::free_threaded(py);
    match settings.gil {
        Gil::Free if !free_threaded => Err(
            "`gil = \"free\"` needs a free-threaded CPython (3.13t or later, named with `--python` when the program is \
             packed), and this one has a GIL; use `gil = \"shared\"`, or `gil = \"per-interpreter\"`"
                .into(),
        ),
        Gil::Shared if free_threaded && !subinterpreter::gil_enabled(py) => {
            log::line(
                "warning: `gil = \"shared\"`, and this CPython has been started without a GIL: threads run in parallel",
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

fn warn_of_gil(py: Attached<'_>) {
    let names = extensions::in_need_of_gil(py);
    let who = match names[..] {
        [] => "an extension module that does not say that it works without".to_owned(),
        _ => names.join(", "),
    };
    log::line(&format!(
        "warning: `gil = \"free\"`, and the GIL has been turned on by {who}: threads do not run in parallel"
    ));
}

/// `module:callable`
pub(crate) fn name(settings: &Wsgi) -> String {
    format!("{}:{}", settings.module, settings.callable)
}

fn concurrency(settings: &Wsgi) -> Concurrency {
    Concurrency {
        threads: settings.threads > 1,
        // Applications in other interpreters share as little with this one as those of other processes. Of a supervised
        // worker there may be two while it is replaced.
        processes: settings.gil == Gil::PerInterpreter && settings.interpreters > 1
            || Worker::current().is_some(),
        tls: settings.tls_certificate.is_some(),
    }
}

/// Sets the switch interval of the GIL that this interpreter has, number `index` of those that serve.
fn set_interval<'py>(
    py: Attached<'py>,
    settings: &Wsgi,
    telemetry: Option<&Arc<Telemetry>>,
    index: usize,
) -> PyResult<'py, Interval> {
    let interval = Interval::of(py, false);
    let block = telemetry.map(|telemetry| telemetry.block(index));
    if let Some(warning) = interval.apply(py, settings.switch_interval, block.as_ref())? {
        log::line(&format!("warning: {warning}"));
    }
    Ok(interval)
}

/// Prepares an interpreter by giving it the search path of this one.
///
/// # Errors
/// When `sys.path` is no list of texts.
pub(crate) fn same_path(py: Attached<'_>) -> PyResult<'_, Prepare> {
    let path = py.import(c"sys")?.attr(c"path")?.texts()?;
    Ok(Arc::new(move |py| {
        let own = py.import(c"sys")?.attr(c"path")?;
        own.call_method(c"clear", &[])?;
        path.iter()
            .try_for_each(|entry| own.append(&py.text(entry)?))
    }))
}
