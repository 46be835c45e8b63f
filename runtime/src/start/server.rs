//! What a server asks for before Python is started.

use std::ffi::OsString;

use payload::{Target, Wsgi};

use super::App;
use crate::embed::config::Gil;
use crate::script;

/// The exit status of a supervisor that has come to its end; `None` in a process that runs the program: a worker, or the
/// only one.
#[cfg(unix)]
pub(super) fn supervise(
    app: &App,
    fork: &dyn Fn() -> std::io::Result<platform::children::Forked>,
) -> Option<i32> {
    use crate::wsgi::supervise::{self, Role};
    let (settings, arguments) = server(app)?;
    let settings = crate::wsgi::supervised(settings, arguments)?;
    // A connection under the number of a missing stream would be sent what is logged.
    platform::streams::Placeholders::take().keep();
    match supervise::begin(&settings, fork) {
        Role::Worker => None,
        Role::Ended(status) => {
            app.leave();
            Some(status)
        }
    }
}

/// As above, where no process can be divided: a worker is the program, started again.
///
/// # Errors
/// When this is a worker that does not get to know what it is for.
#[cfg(windows)]
pub(super) fn supervise(app: &App, maker: &()) -> Result<Option<i32>, super::StartFailure> {
    use crate::wsgi::supervise::{self, Role};
    let settings = server(app);
    let settings =
        settings.and_then(|(settings, arguments)| crate::wsgi::supervised(settings, arguments));
    let Some(settings) = settings else {
        return Ok(None);
    };
    let is_worker = supervise::join(&settings).map_err(|error| {
        super::StartFailure::text(format!("this worker was not told what to do: {error}"))
    })?;
    if is_worker {
        return Ok(None);
    }
    match supervise::begin(&settings, maker) {
        Role::Worker => Ok(None),
        Role::Ended(status) => {
            app.leave();
            Ok(Some(status))
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
