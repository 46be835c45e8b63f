//! What one interpreter keeps for serving: the application, types, and parts of the environ made once.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::call::Call;
use super::environ;
use super::exchange::{NO_ADDRESS, Request, Version};
use super::file::{FileWrapper, WrapFile};
use super::forwarded::Forwarded;
use super::gate::Gate;
use super::input::Input;
use super::log;
use super::names::{Names, intern};
use super::telemetry::{self, Telemetry, local};
use crate::embed::class::Made;
use crate::embed::subinterpreter::gil_enabled;
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
    // `wsgi.errors` of the template.
    errors: Kept,
    sys: Kept,
    fields: Names,
    keys: Keys,
    server: Cache,
    client: Cache,
    facts: [Kept; 2],
    types: Arc<Types>,
    /// The port that belongs to the scheme.
    port: u16,
    /// Each thread handles several requests while it holds the GIL once, since there is but one.
    pub batch: bool,
    /// Its threads, of which there are several, have one GIL: one of them may do the work of all.
    pub leads: bool,
    /// How many of them may be at requests at once.
    pub gate: Arc<Gate>,
}

/// Variables that every request has, and common values of them.
struct Keys {
    method: Kept,
    path: Kept,
    query: Kept,
    uri: Kept,
    protocol: Kept,
    server_name: Kept,
    server_port: Kept,
    remote_addr: Kept,
    remote_port: Kept,
    host: Kept,
    input: Kept,
    errors: Kept,
    stderr: Kept,
    post: Kept,
    http10: Kept,
    http2: Kept,
}

macro_rules! for_each_key {
    ($with:ident) => {
        $with! {
            method = "REQUEST_METHOD", path = "PATH_INFO", query = "QUERY_STRING", uri = "REQUEST_URI",
            protocol = "SERVER_PROTOCOL", server_name = "SERVER_NAME", server_port = "SERVER_PORT",
            remote_addr = "REMOTE_ADDR", remote_port = "REMOTE_PORT", host = "HTTP_HOST",
            input = "wsgi.input", errors = "wsgi.errors", stderr = "stderr", post = "POST", http10 = "HTTP/1.0", http2 = "HTTP/2.0",
        }
    };
}

impl Keys {
    fn new(py: Attached<'_>) -> PyResult<'_, Self> {
        macro_rules! make {
            ($($name:ident = $text:literal,)*) => { Ok(Self { $($name: intern(py, $text)?,)* }) };
        }
        for_each_key!(make)
    }

    fn release(self, py: Attached<'_>) {
        macro_rules! release {
            ($($name:ident = $text:literal,)*) => { $(drop(self.$name.release(py));)* };
        }
        for_each_key!(release);
    }
}

/// What the last request had: the address of one end, and strings of its host and port.
#[derive(Default)]
struct Cache(Mutex<Option<(SocketAddr, Kept, Kept)>>);

impl Cache {
    // Whatever Python may run happens without the lock.
    fn get<'py>(
        &self,
        py: Attached<'py>,
        address: SocketAddr,
    ) -> PyResult<'py, (Owned<'py>, Owned<'py>)> {
        let (mut known, port) = match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((last, host, port)) if last.ip() == address.ip() => (
                Some(Owned::clone(&host.get(py))),
                (last.port() == address.port()).then(|| Owned::clone(&port.get(py))),
            ),
            _ => (None, None),
        };
        if let (Some(host), Some(port)) = (&known, port) {
            return Ok((Owned::clone(host), port));
        }
        let host = match known.take() {
            Some(host) => host,
            None => py.text(&address.ip().to_canonical().to_string())?,
        };
        let port = py.text(&address.port().to_string())?;
        let kept = (
            address,
            Owned::clone(&host).keep(),
            Owned::clone(&port).keep(),
        );
        let before = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(kept);
        if let Some((_, host, port)) = before {
            drop((host.release(py), port.release(py)));
        }
        Ok((host, port))
    }

    fn release(self, py: Attached<'_>) {
        let kept = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, host, port)) = kept {
            drop((host.release(py), port.release(py)));
        }
    }
}

/// What PEP 3333 wants to be told about the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Concurrency {
    /// `wsgi.multithread`
    pub threads: bool,
    /// `wsgi.multiprocess`
    pub processes: bool,
    /// `wsgi.url_scheme` is `https`.
    pub tls: bool,
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
        let sys = py.import(c"sys")?;
        let errors = errors(py, &sys)?;
        let template = template(py, &types, runs, telemetry, &errors)?;
        Ok(Self {
            application: application.keep(),
            template: template.keep(),
            errors: errors.keep(),
            sys: sys.keep(),
            fields: Names::new(py, &COMMON_FIELDS)?,
            keys: Keys::new(py)?,
            server: Cache::default(),
            client: Cache::default(),
            facts: [intern(py, QUEUE_TIME)?, intern(py, GIL_WAIT)?],
            types,
            port: if runs.tls { 443 } else { 80 },
            batch: !runs.threads,
            leads: runs.threads && gil_enabled(py),
            gate: Arc::default(),
        })
    }

    /// The application.
    pub(crate) fn application<'py>(&self, py: Attached<'py>) -> Owned<'py> {
        Owned::clone(&self.application.get(py))
    }

    /// What `wsgi.file_wrapper` made, if `result` is that.
    pub(crate) fn file<'a>(&self, result: &'a Owned<'_>) -> Option<&'a FileWrapper> {
        self.types.file_wrapper.value(result)
    }

    /// `wsgi.input` of a request.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn input<'py>(
        &self,
        py: Attached<'py>,
        call: Call,
    ) -> PyResult<'py, Made<'py, Input>> {
        self.types.input.instance(py, Input::new(call))
    }

    /// The environ of a request with this `wsgi.input`.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn environ<'py>(
        &self,
        py: Attached<'py>,
        request: &Request<'_>,
        input: &Owned<'py>,
    ) -> PyResult<'py, Owned<'py>> {
        let environ = self.template.get(py).dict_copy()?;
        let keys = &self.keys;
        let set = |name: &Kept, value: &Owned<'py>| environ.dict_set(&name.get(py), value);
        match request.method {
            b"GET" => {} // as in the template
            b"POST" => set(&keys.method, &keys.post.get(py))?,
            other => set(&keys.method, &py.latin1(other)?)?,
        }
        let target = &request.target;
        let raw = py.latin1(target.raw)?;
        set(&keys.uri, &raw)?;
        match &*target.path {
            // `OPTIONS *` is about no path; PATH_INFO must be empty or begin with a slash (RFC 3875, section 4.1.5).
            _ if target.raw == b"*" => {}
            path if path == target.raw => set(&keys.path, &raw)?,
            path => set(&keys.path, &py.latin1(path)?)?,
        }
        if !target.query.is_empty() {
            set(&keys.query, &py.latin1(target.query)?)?;
        }
        match request.version {
            Version::Http11 => {}
            Version::Http10 => set(&keys.protocol, &keys.http10.get(py))?,
            Version::Http2 => set(&keys.protocol, &keys.http2.get(py))?,
        }
        let (name, port) = match request.local {
            NO_ADDRESS => as_called(py, request, self.port)?,
            local => self.server.get(py, local)?,
        };
        set(&keys.server_name, &name)?;
        set(&keys.server_port, &port)?;
        let (address, port) = match request.peer {
            NO_ADDRESS => (py.text("")?, py.text("")?),
            peer => self.client.get(py, peer)?,
        };
        set(&keys.remote_addr, &address)?;
        if request.peer.port() != 0 {
            set(&keys.remote_port, &port)?;
        }
        environ::joined(request.fields, |field, value| {
            if let Some(name) = self.fields.get(field) {
                set(name, &py.latin1(value)?)
            } else if let Some(name) = environ::variable(field) {
                environ.dict_set(&py.latin1(&name)?, &py.latin1(value)?)
            } else {
                Ok(())
            }
        })?;
        if let Some(length) = request.length_found {
            environ.dict_set(&py.text("CONTENT_LENGTH")?, &py.text(&length.to_string())?)?;
        }
        if let Some(host) = target.host {
            set(&keys.host, &py.latin1(host)?)?;
        }
        forwarded(py, &request.forwarded, &environ, self.port)?;
        set(&keys.input, input)?;
        if let Some(errors) = self.stderr(py)
            && errors.as_ptr() != self.errors.get(py).as_ptr()
        {
            set(&keys.errors, &errors)?;
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

    // The application may have put something else there since the last request; None is possible.
    fn stderr<'py>(&self, py: Attached<'py>) -> Option<Owned<'py>> {
        self.sys
            .get(py)
            .attr_object(&self.keys.stderr.get(py))
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
        drop(self.errors.release(py));
        drop(self.sys.release(py));
        self.fields.release(py);
        self.keys.release(py);
        self.server.release(py);
        self.client.release(py);
        self.facts
            .into_iter()
            .for_each(|name| drop(name.release(py)));
        if let Ok(types) = Arc::try_unwrap(self.types) {
            types.input.release(py);
            types.file_wrapper.release(py);
        }
    }
}

/// What a trusted proxy says, for applications that make URLs of it.
fn forwarded<'py>(
    py: Attached<'py>,
    said: &Forwarded,
    environ: &Owned<'py>,
    own: u16,
) -> PyResult<'py, ()> {
    let set = |name: &str, value: &str| environ.dict_set(&py.text(name)?, &py.text(value)?);
    if let Some(scheme) = said.scheme {
        set("wsgi.url_scheme", scheme)?;
    }
    if let Some(host) = &said.host {
        set("HTTP_HOST", host)?;
        set("SERVER_NAME", host_alone(host))?;
    }
    let default = match said.scheme {
        Some("https") => 443,
        Some(_) => 80,
        None => own,
    };
    let told = said.scheme.is_some() || said.host.is_some();
    if let Some(port) = said.port.or(told.then_some(default)) {
        set("SERVER_PORT", &port.to_string())?;
    }
    if let Some(prefix) = &said.prefix {
        set("SCRIPT_NAME", prefix)?;
    }
    Ok(())
}

/// The name and port of a server without an address: those that its client knows it by.
fn as_called<'py>(
    py: Attached<'py>,
    request: &Request<'_>,
    default: u16,
) -> PyResult<'py, (Owned<'py>, Owned<'py>)> {
    let host = request.target.host.or_else(|| request.fields.get("host"));
    let host = host.and_then(|host| std::str::from_utf8(host).ok());
    let host = host.filter(|host| !host.is_empty()).unwrap_or("localhost");
    let name = host_alone(host);
    let port = host[name.len()..].strip_prefix(':');
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => port.to_owned(),
        None => default.to_string(),
    };
    Ok((py.text(name)?, py.text(&port)?))
}

/// Without the port.
fn host_alone(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn template<'py>(
    py: Attached<'py>,
    types: &Arc<Types>,
    runs: Concurrency,
    telemetry: Option<&Arc<Telemetry>>,
    errors: &Owned<'py>,
) -> PyResult<'py, Owned<'py>> {
    let template = py.dict()?;
    let set = |name: &str, value: Owned<'py>| -> PyResult<'py, ()> {
        template.dict_set(&intern(py, name)?.release(py), &value)
    };
    set("SCRIPT_NAME", py.text("")?)?;
    set("PATH_INFO", py.text("")?)?;
    set("QUERY_STRING", py.text("")?)?;
    set("SERVER_PROTOCOL", py.text("HTTP/1.1")?)?;
    set("SERVER_SOFTWARE", py.text(super::SERVER_SOFTWARE)?)?;
    set("wsgi.version", py.tuple(&[&py.int(1)?, &py.int(0)?])?)?;
    set(
        "wsgi.url_scheme",
        py.text(if runs.tls { "https" } else { "http" })?,
    )?;
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
        set(QUEUE_TIME, py.float(0.0)?)?;
        set(GIL_WAIT, py.float(0.0)?)?;
        telemetry::metrics(py, telemetry)?;
    }
    // Places for what every request sets: with them a dict has room for the fields of most requests, and a copy, which is
    // as large, does not grow for them.
    for name in [
        "REQUEST_URI",
        "SERVER_NAME",
        "SERVER_PORT",
        "REMOTE_ADDR",
        "wsgi.input",
    ] {
        set(name, py.none())?;
    }
    set("wsgi.errors", Owned::clone(errors))?;
    set("REQUEST_METHOD", intern(py, "GET")?.release(py))?;
    Ok(template)
}

/// What `wsgi.errors` is as long as nobody replaces `sys.stderr`.
fn errors<'py>(py: Attached<'py>, sys: &Owned<'py>) -> PyResult<'py, Owned<'py>> {
    let stderr = sys.attr(c"stderr")?;
    if !stderr.is_none() {
        return Ok(stderr);
    }
    let null = py.import(c"os")?.attr(c"devnull")?;
    py.import(c"builtins")?
        .attr(c"open")?
        .call(&[&null, &py.text("w")?])
}
