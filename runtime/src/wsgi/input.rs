//! `wsgi.input`: the request body as a file object. Of all that a request has in Python it is the one that owns something:
//! the [`Call`], which `start_response` and `write` work on, too.

use std::ffi::CStr;
use std::sync::{Mutex, TryLockError};

use bytes::Bytes;

use super::call::Call;
use super::exchange::ReceiveError;
use super::lines::Lines;
use super::telemetry::local;
use crate::embed::class::{MethodEntry, This, method};
use crate::embed::{Arguments, Attached, Instance, Method, Owned, PyResult, Raised};

/// The state of one `wsgi.input`.
pub(crate) struct Input {
    /// The call of the application that its request is about.
    pub call: Call,
    lines: Mutex<Lines<ReceiveError>>,
}

impl Input {
    /// Reads the body of the request that `call` is about; an error is left there too.
    pub(crate) fn new(call: Call) -> Self {
        Self {
            call,
            lines: Mutex::new(Lines::new()),
        }
    }

    // Everything happens without the GIL: most reads wait for the client. A second thread is refused rather than made
    // to wait, for it would wait with the GIL that the first one needs to go on.
    fn take<'py>(
        &self,
        py: Attached<'py>,
        what: What,
        limit: Option<usize>,
    ) -> PyResult<'py, Bytes> {
        let mut lines = match self.lines.try_lock() {
            Ok(lines) => lines,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Raised::runtime_error(
                    py,
                    "wsgi.input is being read by another thread",
                ));
            }
        };
        let lines = &mut *lines;
        let taken = py.detach(|| {
            let mut source = || {
                let length = |piece: &Result<Bytes, _>| piece.as_ref().map_or(0, Bytes::len);
                local::input(|| self.call.exchange().receive(), length)
            };
            match what {
                What::Bytes => lines.read(limit, &mut source),
                What::Line => lines.line(limit, &mut source),
            }
        });
        taken.map_err(|error| self.failed(py, error))
    }

    fn failed<'py>(&self, py: Attached<'py>, error: ReceiveError) -> Raised<'py> {
        let message = error.to_string();
        let raised = match error {
            ReceiveError::CutOff | ReceiveError::Stopped => Raised::connection_reset(py, &message),
            ReceiveError::TimedOut => Raised::timeout_error(py, &message),
            ReceiveError::Malformed | ReceiveError::TooLarge => Raised::os_error(py, &message),
        };
        self.call.note_failure(error);
        raised
    }
}

#[derive(Clone, Copy)]
enum What {
    Bytes,
    Line,
}

// -1 and None mean "all", as for every file.
fn size<'py>(arguments: Arguments<'_, 'py>, name: &CStr) -> PyResult<'py, Option<usize>> {
    arguments.expect(0, 1)?;
    match arguments.named(0, name) {
        Some(size) if !size.is_none() => Ok(usize::try_from(size.to_i64()?).ok()),
        _ => Ok(None),
    }
}

impl Instance for Input {
    const NAME: &'static CStr = c"pack_runtime.Input";
    const DOC: &'static CStr = c"The body of a request, as a file that can be read once.";
    const METHODS: &'static [MethodEntry] = &[
        method::<Self, Read>(),
        method::<Self, ReadLine>(),
        method::<Self, ReadLines>(),
    ];
    const ITERATOR: bool = true;

    fn next<'py>(&self, py: Attached<'py>) -> PyResult<'py, Option<Owned<'py>>> {
        let line = self.take(py, What::Line, None)?;
        if line.is_empty() {
            Ok(None)
        } else {
            py.bytes(&line).map(Some)
        }
    }
}

struct Read;
impl Method<Input> for Read {
    const NAME: &'static CStr = c"read";
    const DOC: &'static CStr = c"read(size=-1) -> bytes; fewer than size only at the end";

    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, Input>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        let limit = size(arguments, c"size")?;
        py.bytes(&this.take(py, What::Bytes, limit)?)
    }
}

struct ReadLine;
impl Method<Input> for ReadLine {
    const NAME: &'static CStr = c"readline";
    const DOC: &'static CStr = c"readline(size=-1) -> bytes; at most size of them";

    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, Input>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        let limit = size(arguments, c"size")?;
        py.bytes(&this.take(py, What::Line, limit)?)
    }
}

struct ReadLines;
impl Method<Input> for ReadLines {
    const NAME: &'static CStr = c"readlines";
    const DOC: &'static CStr = c"readlines(hint=-1) -> list of bytes; stops after hint bytes";

    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, Input>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        // 0 means no limit here (io.IOBase.readlines).
        let hint = size(arguments, c"hint")?
            .filter(|&hint| hint > 0)
            .unwrap_or(usize::MAX);
        let (lines, mut total) = (py.list(&[])?, 0);
        while total < hint {
            let line = this.take(py, What::Line, None)?;
            if line.is_empty() {
                break;
            }
            total += line.len();
            lines.append(&py.bytes(&line)?)?;
        }
        Ok(lines)
    }
}
