//! One call of the application: `start_response`, `write`, the iteration over what it returned, and its end.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3_ffi as ffi;

use super::exchange::{
    Exchange, FilePart, GATEWAY_TIMEOUT, Gone, LATER, Pace, ReceiveError, Request, ResponseHead,
};
use super::file::FileWrapper;
use super::host::Host;
use super::input::Input;
use super::response::{End, Head, Response, Step, Violation};
use super::telemetry::local;
use super::timeout;
use crate::embed::class::This;
use crate::embed::{Arguments, Attached, Method, Owned, PyResult, Raised};

/// Pieces of a list up to this size together are sent as one.
const GATHER: usize = 64 * 1024;

/// What one request is about, shared with the functions that the application gets.
pub(crate) struct Call {
    exchange: Arc<dyn Exchange>,
    response: Mutex<Response>,
    failure: Mutex<Option<ReceiveError>>,
    batch: bool,
}

/// Why the response stopped before its end.
enum Stop<'py> {
    /// Something was raised.
    Raised(Raised<'py>),
    /// The client is gone: nobody to tell.
    Gone,
}

impl<'py> From<Raised<'py>> for Stop<'py> {
    fn from(raised: Raised<'py>) -> Self {
        Self::Raised(raised)
    }
}

/// Answers `request`, whatever the application does.
///
/// # Errors
/// MemoryError before anything has begun: `exchange` got no answer.
pub(crate) fn run<'py>(
    py: Attached<'py>,
    host: &Host,
    request: &Request<'_>,
    exchange: Arc<dyn Exchange>,
) -> PyResult<'py, ()> {
    let call = Call {
        exchange,
        response: Mutex::new(Response::new(request.method)),
        failure: Mutex::default(),
        batch: host.batch,
    };
    let input = host.input(py, call)?;
    let this = input.this();
    if let Err(Stop::Raised(raised)) = respond(py, host, request, &this) {
        this.call.fail(py, host, request, &raised);
    }
    Ok(())
}

fn respond<'py>(
    py: Attached<'py>,
    host: &Host,
    request: &Request<'_>,
    this: &This<'_, 'py, Input>,
) -> Result<(), Stop<'py>> {
    let call = &this.call;
    let environ = host.environ(py, request, this.object)?;
    let start_response = this.bound::<StartResponse>()?;
    let result = host.application(py).call(&[&environ, &start_response])?;
    let sent = if is_sequence(&result) {
        call.send_sequence(&result)
    } else {
        let sent = match host.file(&result) {
            Some(file) => call.send_file(file, &result),
            None => call.send_iterable(&result),
        };
        // Whatever happened before: PEP 3333 promises it.
        if let Err(raised) = close(&result) {
            let text = raised.render();
            let label = request.label();
            host.log(
                py,
                &format!("error: {label}: close() of the response raised\n{text}"),
            );
        }
        sent
    };
    sent.and_then(|()| call.end(py, host, request))
}

/// Whether it is a list or a tuple, and of no class that may iterate otherwise.
fn is_sequence(object: &Owned<'_>) -> bool {
    let class = object.class().as_ptr().cast();
    class == &raw mut ffi::PyList_Type || class == &raw mut ffi::PyTuple_Type
}

fn close<'py>(result: &Owned<'py>) -> PyResult<'py, ()> {
    match result.attr_opt(c"close")? {
        Some(close) => close.call(&[]).map(drop),
        None => Ok(()),
    }
}

impl Call {
    /// Its request's body, and where its response goes.
    pub(crate) fn exchange(&self) -> &dyn Exchange {
        &*self.exchange
    }

    /// Remembers why the body could not be read, to know whose fault an exception is.
    pub(crate) fn note_failure(&self, failure: ReceiveError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    // Held for a moment and never while Python code runs or the GIL is waited for.
    fn response(&self) -> MutexGuard<'_, Response> {
        self.response.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // A list or tuple: its length is known, and no application code runs between its items.
    fn send_sequence<'py>(&self, items: &Owned<'py>) -> Result<(), Stop<'py>> {
        let py = items.py();
        match items.list_items() {
            Some(pieces) => self.send_pieces(py, pieces),
            None => {
                let item = |index| items.tuple_item(index).map(|item| Owned::clone(&item));
                self.send_pieces(py, (0..).map_while(item))
            }
        }
    }

    fn send_pieces<'py>(
        &self,
        py: Attached<'py>,
        mut pieces: impl Iterator<Item = Owned<'py>>,
    ) -> Result<(), Stop<'py>> {
        let Some(first) = pieces.next() else {
            return Ok(());
        };
        check_bytes(&first)?;
        let length = |piece: &Owned<'_>| piece.as_bytes().map_or(0, <[u8]>::len);
        let Some(second) = pieces.next() else {
            // What most applications return.
            let whole = length(&first);
            if whole > 0 {
                self.response().whole_length(whole as u64);
                self.send_piece(&first)?;
            }
            return Ok(());
        };
        let pieces: Vec<Owned<'py>> = [first, second].into_iter().chain(pieces).collect();
        pieces.iter().try_for_each(check_bytes)?;
        let total = pieces.iter().map(length).sum::<usize>();
        if total == 0 {
            return Ok(());
        }
        self.response().whole_length(total as u64);
        if total <= GATHER {
            let all: Vec<&[u8]> = pieces.iter().filter_map(|piece| piece.as_bytes()).collect();
            return self.send(py, &all.concat());
        }
        pieces
            .iter()
            .filter(|piece| length(piece) > 0)
            .try_for_each(|piece| self.send_piece(piece))
    }

    // What the transport can read by itself needs no Python.
    fn send_file<'py>(&self, file: &FileWrapper, result: &Owned<'py>) -> Result<(), Stop<'py>> {
        let py = result.py();
        let takes = |head| self.exchange.takes_file(head);
        let takes = self.response().head().is_some_and(takes);
        let regular = if takes { file.regular(py)? } else { None };
        let sent = match regular {
            Some(regular) => self.send_regular(py, regular),
            None => self.send_iterable(result),
        };
        // As much of a file as its Content-Length says is what PEP 3333 lets an application ask for.
        self.response().forgive_excess();
        sent
    }

    fn send_regular<'py>(&self, py: Attached<'py>, mut regular: FilePart) -> Result<(), Stop<'py>> {
        let mut response = self.response();
        response.whole_length(regular.length);
        let step = response.data(usize::try_from(regular.length).unwrap_or(usize::MAX));
        drop(response);
        let step = step.map_err(|violation| violated(py, &violation))?;
        let Step::Head {
            head,
            take,
            complete,
        } = step
        else {
            return Ok(());
        };
        regular.length = take as u64;
        local::status(head.status);
        local::output(|| self.exchange.respond_file(&head, regular, complete))
            .map(drop)
            .map_err(|Gone| Stop::Gone)
    }

    fn send_iterable<'py>(&self, result: &Owned<'py>) -> Result<(), Stop<'py>> {
        let iterator = result.iter().map_err(|raised| explain(result, raised))?;
        while let Some(piece) = iterator.next()? {
            check_bytes(&piece)?;
            // An empty piece is no output: the head is not sent for it.
            if piece.as_bytes().is_some_and(|piece| !piece.is_empty()) {
                self.send_piece(&piece)?;
                if self.response().is_bodiless() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn send_piece<'py>(&self, piece: &Owned<'py>) -> Result<(), Stop<'py>> {
        self.send(piece.py(), piece.as_bytes().unwrap_or_default())
    }

    // `data` belongs to a bytes object, which cannot change: it is sent from there, without the GIL.
    fn send<'py>(&self, py: Attached<'py>, data: &[u8]) -> Result<(), Stop<'py>> {
        let step = self.response().data(data.len());
        let step = step.map_err(|violation| violated(py, &violation))?;
        let (head, take, complete) = match step {
            Step::Head {
                head,
                take,
                complete,
            } => (Some(head), take, complete),
            Step::Body { take: 0, .. } => return Ok(()),
            Step::Body { take, complete } => (None, take, complete),
        };
        self.transmit(py, head.as_ref(), &data[..take], complete)
            .map_err(|Gone| Stop::Gone)
    }

    // What is complete and small is left to the transport, which sends it when this thread has let go of the GIL or,
    // where a thread handles several requests at once, without having waited for anything.
    fn transmit(
        &self,
        py: Attached<'_>,
        head: Option<&ResponseHead>,
        data: &[u8],
        complete: bool,
    ) -> Result<(), Gone> {
        let exchange = &*self.exchange;
        if let Some(head) = head {
            local::status(head.status);
        }
        let send = |data: &[u8], pace| {
            local::output(|| match head {
                Some(head) => exchange.respond(head, data, complete, pace),
                None => exchange.send(data, complete, pace),
            })
        };
        if exchange.transforms(head) {
            py.detach(|| send(data, Pace::Wait))?;
        } else if complete && data.len() <= LATER {
            send(data, Pace::Later)?;
        } else if self.batch {
            let taken = send(data, Pace::Now)?;
            if taken < data.len() {
                let rest = &data[taken..];
                py.detach(|| local::output(|| exchange.send(rest, complete, Pace::Wait)))?;
            }
        } else {
            py.detach(|| send(data, Pace::Wait))?;
        }
        Ok(())
    }

    fn end<'py>(
        &self,
        py: Attached<'py>,
        host: &Host,
        request: &Request<'_>,
    ) -> Result<(), Stop<'py>> {
        let end = self.response().end();
        let end = end.map_err(|violation| violated(py, &violation))?;
        match end {
            End::Head(head) => self
                .transmit(py, Some(&head), &[], true)
                .map_err(|Gone| Stop::Gone)?,
            End::Finish => self.exchange.finish(),
            End::Complete => {}
            End::Short(left) => {
                let message =
                    format!("the response is {left} bytes shorter than its Content-Length");
                let label = request.label();
                host.log(py, &format!("error: {label}: {message}\n"));
                self.give_up(py, 500, "Internal Server Error");
            }
        }
        let excess = self.response().excess();
        if excess > 0 {
            let message = format!(
                "the response is {excess} bytes longer than its Content-Length; they were not sent"
            );
            let label = request.label();
            host.log(py, &format!("error: {label}: {message}\n"));
            // Who knows what the application meant to send: nothing follows it.
            self.exchange.close();
        }
        Ok(())
    }

    // The application raised, or broke the protocol.
    fn fail(&self, py: Attached<'_>, host: &Host, request: &Request<'_>, raised: &Raised<'_>) {
        let label = request.label();
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match failure {
            Some(failure) if raised.is_os_error() => {
                // The client's fault, not the application's: no traceback, and an answer that says so.
                host.log(py, &format!("warning: {label}: {failure}\n"));
                let (status, reason) = match failure {
                    ReceiveError::TooLarge => (413, "Content Too Large"),
                    ReceiveError::TimedOut => (408, "Request Timeout"),
                    ReceiveError::Stopped => (503, "Service Unavailable"),
                    ReceiveError::Malformed | ReceiveError::CutOff => (400, "Bad Request"),
                };
                self.give_up(py, status, reason);
            }
            _ if timeout::is_interrupt(raised) => {
                let text = raised.render();
                host.log(
                    py,
                    &format!("error: {label}: interrupted (interrupt-timeout)\n{text}"),
                );
                self.give_up(py, GATEWAY_TIMEOUT, "Gateway Timeout");
            }
            _ => {
                let text = raised.render();
                host.log(
                    py,
                    &format!("error: {label}: the application raised\n{text}"),
                );
                self.give_up(py, 500, "Internal Server Error");
            }
        }
    }

    // An answer of our own where none was begun; otherwise the connection is cut, so that nobody takes it for complete.
    fn give_up(&self, py: Attached<'_>, status: u16, reason: &str) {
        let exchange = &*self.exchange;
        let mut response = self.response();
        if response.is_sent() {
            drop(response);
            return exchange.abort();
        }
        let body = format!("{reason}\n");
        let head = Head::new(format!("{status} {reason}").as_bytes()).and_then(|mut head| {
            head.push(b"Content-Type", b"text/plain; charset=utf-8")?;
            head.push(b"Content-Length", body.len().to_string().as_bytes())?;
            Ok(head)
        });
        let step = head.and_then(|head| {
            response.replace(head);
            response.data(body.len())
        });
        drop(response);
        match step {
            Ok(Step::Head {
                head,
                take,
                complete,
            }) => drop(self.transmit(py, Some(&head), &body.as_bytes()[..take], complete)),
            _ => exchange.abort(),
        }
    }
}

fn check_bytes<'py>(piece: &Owned<'py>) -> PyResult<'py, ()> {
    if piece.is_bytes() {
        return Ok(());
    }
    let message = format!(
        "the response must consist of bytes, not {}",
        piece.type_name()
    );
    Err(Raised::type_error(piece.py(), &message))
}

fn explain<'py>(result: &Owned<'py>, raised: Raised<'py>) -> Raised<'py> {
    match result.attr_opt(c"__await__") {
        Ok(Some(_)) => Raised::type_error(result.py(), super::asgi::MESSAGE),
        _ => raised,
    }
}

fn violated<'py>(py: Attached<'py>, violation: &Violation) -> Raised<'py> {
    let message = violation.to_string();
    match violation {
        Violation::StartedTwice | Violation::NotStarted => Raised::assertion_error(py, &message),
        _ => Raised::value_error(py, &message),
    }
}

struct StartResponse;

impl Method<Input> for StartResponse {
    const NAME: &'static CStr = c"start_response";
    const DOC: &'static CStr = c"start_response(status, response_headers, exc_info=None) -> write";

    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, Input>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        arguments.expect(0, 3)?;
        let call = &this.call;
        let status = arguments.required(0, c"status")?;
        let headers = arguments.required(1, c"response_headers")?;
        let exc_info = arguments
            .named(2, c"exc_info")
            .filter(|exc_info| !exc_info.is_none());
        let is_sent = call.response().is_sent();
        if let (Some(exc_info), true) = (&exc_info, is_sent) {
            return Err(reraise(exc_info));
        }
        let head = head(&status, &headers)?;
        let started = call.response().start(head, exc_info.is_some());
        started.map_err(|violation| violated(py, &violation))?;
        this.bound::<Write>()
    }
}

// The exception that the application is handling: too late to answer with something else.
fn reraise<'py>(exc_info: &Owned<'py>) -> Raised<'py> {
    let py = exc_info.py();
    let (Some(value), Some(traceback)) = (exc_info.tuple_item(1), exc_info.tuple_item(2)) else {
        return Raised::type_error(py, "exc_info must be a tuple as of sys.exc_info()");
    };
    match value.call_method(c"with_traceback", &[&traceback]) {
        Ok(value) => Raised::from_value(value),
        Err(raised) => raised,
    }
}

fn head<'py>(status: &Owned<'py>, headers: &Owned<'py>) -> PyResult<'py, Head> {
    let py = status.py();
    let Some(fields) = headers.list_items() else {
        let message = format!(
            "response_headers must be a list, not {}",
            headers.type_name()
        );
        return Err(Raised::type_error(py, &message));
    };
    let refused = |violation| violated(py, &violation);
    let mut head = latin1(status, "the status", Head::new)?.map_err(refused)?;
    for field in fields {
        let Some([name, value]) = field.pair() else {
            return Err(Raised::type_error(
                py,
                "response_headers must consist of tuples (name, value)",
            ));
        };
        latin1(&name, "a header name", |name| {
            latin1(&value, "a header value", |value| head.push(name, value))
        })??
        .map_err(refused)?;
    }
    Ok(head)
}

fn latin1<'py, R>(
    text: &Owned<'py>,
    what: &str,
    with: impl FnOnce(&[u8]) -> R,
) -> PyResult<'py, R> {
    if let Some(ascii) = text.as_ascii() {
        return Ok(with(ascii));
    }
    if !text.is_text() {
        let message = format!("{what} must be a str, not {}", text.type_name());
        return Err(Raised::type_error(text.py(), &message));
    }
    Ok(with(text.to_latin1()?.as_bytes().unwrap_or_default()))
}

struct Write;

impl Method<Input> for Write {
    const NAME: &'static CStr = c"write";
    const DOC: &'static CStr =
        c"write(data): sends data before anything that the application returns";

    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, Input>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        arguments.expect(0, 1)?;
        let data = arguments.required(0, c"data")?;
        check_bytes(&data)?;
        if data.as_bytes().is_some_and(|data| !data.is_empty()) {
            match this.call.send_piece(&data) {
                Ok(()) => {}
                Err(Stop::Raised(raised)) => return Err(raised),
                Err(Stop::Gone) => return Err(Raised::broken_pipe(py, "the client is gone")),
            }
        }
        Ok(py.none())
    }
}
