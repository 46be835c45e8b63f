//! What one interpreter keeps for serving: the application, types, and parts of the environ made once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::environ;
use super::exchange::{Exchange, ReceiveError, Request};
use super::file::{FileWrapper, WrapFile};
use super::input::Input;
use super::log;
use super::telemetry::{self, Telemetry, local};
use crate::embed::{Attached, Capsule, Class, Kept, Owned, PyResult};

/// The types of the objects that requests get.
pub(crate) struct Types {
    /// `wsgi.input`
    pub input: Class<Input>,
    /// What `wsgi.file_wrapper` returns.
    pub file_wrapper: Class<FileWrapper>,
}

/// State of one interpreter; shared by its threads.
pub(crate) struct Host {
    application: Kept,
    template: Kept,
    sys: Kept,
    names: HashMap<String, Kept>,
    facts: [Kept; 2],
    types: Arc<Types>,
}

/// What PEP 3333 wants to be told about the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Concurrency {
    /// `wsgi.multithread`
    pub threads: bool,
    /// `wsgi.multiprocess`
    pub processes: bool,
}

/// Seconds that the request waited for a thread.
const QUEUE_TIME: &str = "pack.queue_time";
/// Seconds that the thread then waited for the GIL.
const GIL_WAIT: &str = "pack.gil_wait";

/// Fields that nearly every request has.
const COMMON_FIELDS: [&str; 33] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-charset",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "cookie",
    "dnt",
    "expect",
    "forwarded",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "transfer-encoding",
    "upgrade-insecure-requests",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-requested-with",
];

impl Host {
    /// Prepares to serve `application` in the present interpreter.
    ///
    /// # Errors
    /// MemoryError, or whatever an interpreter in a bad state raises.
    pub(crate) fn new<'py>(
        py: Attached<'py>,
        application: Owned<'py>,
        runs: Concurrency,
        telemetry: Option<&Arc<Telemetry>>,
    ) -> PyResult<'py, Self> {
        let types = Arc::new(Types {
            input: Class::new(py)?,
            file_wrapper: Class::new(py)?,
        });
        let mut names = HashMap::new();
        for field in COMMON_FIELDS {
            if let Some(variable) = environ::variable(field) {
                names.insert(field.to_owned(), intern(py, &variable)?);
            }
        }
        let sys = py.import(c"sys")?;
        let template = template(py, &types, runs, telemetry)?;
        for variable in [
            "REQUEST_METHOD",
            "SCRIPT_NAME",
            "PATH_INFO",
            "QUERY_STRING",
            "REQUEST_URI",
            "SERVER_PROTOCOL",
            "SERVER_NAME",
            "SERVER_PORT",
            "REMOTE_ADDR",
            "REMOTE_PORT",
            "HTTP_HOST",
            "wsgi.input",
            "wsgi.errors",
        ] {
            names.insert(variable.to_owned(), intern(py, variable)?);
        }
        Ok(Self {
            application: application.keep(),
            template: template.keep(),
            sys: sys.keep(),
            names,
            facts: [intern(py, QUEUE_TIME)?, intern(py, GIL_WAIT)?],
            types,
        })
    }

    /// The application.
    pub(crate) fn application<'py>(&self, py: Attached<'py>) -> Owned<'py> {
        Owned::clone(&self.application.get(py))
    }

    /// The environ of a request.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn environ<'py>(
        &self,
        py: Attached<'py>,
        request: &Request,
        exchange: &Arc<dyn Exchange>,
        failure: &Arc<Mutex<Option<ReceiveError>>>,
    ) -> PyResult<'py, Owned<'py>> {
        let environ = self.template.get(py).dict_copy()?;
        for (name, value) in environ::variables(request) {
            self.set(&environ, name, &py.latin1(&value)?)?;
        }
        for (field, value) in environ::joined(request) {
            let value = py.latin1(&value)?;
            if let Some(name) = self.names.get(field) {
                environ.dict_set(&name.get(py), &value)?;
            } else if let Some(name) = environ::variable(field) {
                environ.dict_set(&py.text(&name)?, &value)?;
            }
        }
        if let Some(host) = &request.target.host {
            self.set(&environ, "HTTP_HOST", &py.latin1(host.as_bytes())?)?;
        }
        let input = Input::new(Arc::clone(exchange), Arc::clone(failure));
        self.set(
            &environ,
            "wsgi.input",
            &self.types.input.instance(py, input)?,
        )?;
        if let Some(errors) = self.stderr(py) {
            self.set(&environ, "wsgi.errors", &errors)?;
        }
        if let Some((queue, gil_wait)) = local::waits() {
            for (name, time) in self.facts.iter().zip([queue, gil_wait]) {
                // Otherwise the template's 0 stays.
                if time >= 1000 {
                    environ.dict_set(&name.get(py), &py.float(telemetry::json::seconds(time))?)?;
                }
            }
        }
        Ok(environ)
    }

    fn set<'py>(&self, environ: &Owned<'py>, name: &str, value: &Owned<'py>) -> PyResult<'py, ()> {
        match self.names.get(name) {
            Some(name) => environ.dict_set(&name.get(environ.py()), value),
            None => environ.dict_set(&environ.py().text(name)?, value),
        }
    }

    // The application may have put something else there since the last request; None is possible.
    fn stderr<'py>(&self, py: Attached<'py>) -> Option<Owned<'py>> {
        self.sys
            .get(py)
            .attr(c"stderr")
            .ok()
            .filter(|stderr| !stderr.is_none())
    }

    /// Writes to the application's `sys.stderr`; to the process's where that does not work.
    pub(crate) fn log(&self, py: Attached<'_>, text: &str) {
        let written = self.stderr(py).is_some_and(|stderr| {
            let text = py
                .text(text)
                .and_then(|text| stderr.call_method(c"write", &[&text]));
            text.and_then(|_| stderr.call_method(c"flush", &[])).is_ok()
        });
        if !written {
            log::write(text);
        }
    }

    /// Gives everything back.
    pub(crate) fn release(self, py: Attached<'_>) {
        drop(self.application.release(py));
        drop(self.template.release(py));
        drop(self.sys.release(py));
        self.names
            .into_values()
            .chain(self.facts)
            .for_each(|name| drop(name.release(py)));
        if let Ok(types) = Arc::try_unwrap(self.types) {
            types.input.release(py);
            types.file_wrapper.release(py);
        }
    }
}

fn intern<'py>(py: Attached<'py>, name: &str) -> PyResult<'py, Kept> {
    let name = py.text(name)?;
    // Interned, so that an application's `environ["PATH_INFO"]` compares pointers.
    py.import(c"sys")?
        .call_method(c"intern", &[&name])
        .map(Owned::keep)
}

fn template<'py>(
    py: Attached<'py>,
    types: &Arc<Types>,
    runs: Concurrency,
    telemetry: Option<&Arc<Telemetry>>,
) -> PyResult<'py, Owned<'py>> {
    let template = py.dict()?;
    let set = |name: &str, value: Owned<'py>| -> PyResult<'py, ()> {
        template.dict_set(&intern(py, name)?.release(py), &value)
    };
    set("SERVER_SOFTWARE", py.text(super::SERVER_SOFTWARE)?)?;
    set("wsgi.version", py.tuple(&[&py.int(1)?, &py.int(0)?])?)?;
    set("wsgi.url_scheme", py.text("http")?)?;
    set("wsgi.multithread", py.bool(runs.threads)?)?;
    set("wsgi.multiprocess", py.bool(runs.processes)?)?;
    set("wsgi.run_once", py.bool(false)?)?;
    set("wsgi.input_terminated", py.bool(true)?)?;
    set(
        "wsgi.file_wrapper",
        Capsule::new(py, Arc::clone(types))?.function::<WrapFile>()?,
    )?;
    if let Some(telemetry) = telemetry {
        let times = Capsule::new(py, Arc::clone(telemetry))?;
        set("pack.times", times.function::<telemetry::Facts>()?)?;
        // Places for what each request sets: the copy of a dict does not grow then.
        set(QUEUE_TIME, py.float(0.0)?)?;
        set(GIL_WAIT, py.float(0.0)?)?;
        telemetry::metrics(py, telemetry)?;
    }
    // For when sys.stderr is None.
    let null = py.import(c"os")?.attr(c"devnull")?;
    let null = py
        .import(c"builtins")?
        .attr(c"open")?
        .call(&[&null, &py.text("w")?])?;
    set("wsgi.errors", null)?;
    Ok(template)
}
