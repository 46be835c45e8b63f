//! A program that is a server: what it asks for before Python is started, and how it serves.

use std::ffi::OsString;

use payload::{EntryPoint, Target, Wsgi};

use super::{App, Maker, StartFailure};
use crate::embed::config::Gil;
use crate::embed::{Attached, PyResult};
use crate::script;
use crate::wsgi::supervise::{self, Role};

/// The exit status of a supervisor that has come to its end; `None` in a process that runs the program: a worker, or the
/// only one.
///
/// # Errors
/// Never: a worker is a fork, which needs not be told anything.
#[cfg(unix)]
pub(super) fn supervise(app: &App, maker: Maker<'_>) -> Result<Option<i32>, StartFailure> {
    let Some(settings) = supervised(app) else {
        return Ok(None);
    };
    // A connection under the number of a missing stream would be sent what is logged.
    platform::streams::Placeholders::take().keep();
    Ok(ended(app, supervise::begin(&settings, maker)))
}

/// As above, where no process can be divided: a worker is the program, started again.
///
/// # Errors
/// When this is a worker that does not get to know what it is for.
#[cfg(windows)]
pub(super) fn supervise(app: &App, maker: Maker<'_>) -> Result<Option<i32>, StartFailure> {
    let Some(settings) = supervised(app) else {
        return Ok(None);
    };
    let is_worker = supervise::join(&settings).map_err(|error| {
        StartFailure::text(format!("this worker was not told what to do: {error}"))
    })?;
    if is_worker {
        return Ok(None);
    }
    Ok(ended(app, supervise::begin(&settings, maker)))
}

/// What the server is to do, where it has workers.
fn supervised(app: &App) -> Option<Wsgi> {
    let (settings, arguments) = server(app)?;
    crate::wsgi::supervised(settings, arguments)
}

/// The supervisor's exit status.
fn ended(app: &App, role: Role) -> Option<i32> {
    match role {
        Role::Worker => None,
        Role::Ended(status) => {
            app.leave();
            Some(status)
        }
    }
}

/// The server that the program is to be, if it is one, and the arguments that are for it.
fn server(app: &App) -> Option<(&Wsgi, &[OsString])> {
    let entry = script::chosen(app)?;
    let command = usize::from(!entry.name.is_empty());
    match &entry.target {
        Target::Wsgi(settings) => Some((settings, &app.arguments[command..])),
        _ => None,
    }
}

/// The GIL that a server asked for; a script gets what `python app.py` would give it.
pub(super) fn gil(app: &App) -> Gil {
    match server(app) {
        Some((settings, arguments)) if crate::wsgi::wants_gil(settings, arguments) => Gil::On,
        _ => Gil::WhenNeeded,
    }
}

/// Serves the application of `entry` until the server ends; returns the exit status.
///
/// # Errors
/// What Python raised before anything was served.
pub(crate) fn serve<'py>(
    py: Attached<'py>,
    app: &App,
    entry: &EntryPoint,
    settings: &Wsgi,
) -> PyResult<'py, i32> {
    // A connection under the number of a missing stderr would be sent what is logged.
    platform::streams::Placeholders::take().keep();
    crate::wsgi::run(
        py,
        settings,
        |py| crate::interpreters::prepare(py, app, entry),
        // What was read of it to start and to import the application is not needed to serve.
        &|| app.file.release(),
    )
}
