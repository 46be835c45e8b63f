//! Python's own signal handling, for a main thread that waits outside of Python.

use pyo3_ffi as ffi;

use super::error::{PyResult, Raised};
use super::object::{Attached, Kept, Owned};

/// Runs the handlers of signals that have arrived. Does nothing outside of the main thread.
///
/// # Errors
/// What a handler raised.
pub(crate) fn run_handlers(py: Attached<'_>) -> PyResult<'_, ()> {
    // SAFETY: attached.
    if unsafe { ffi::PyErr_CheckSignals() } < 0 {
        Err(Raised::fetch(py))
    } else {
        Ok(())
    }
}

/// Has Python write the number of each signal it gets to `fd`, until it is put back.
pub(crate) struct WakeupFd(Option<Kept>);

impl WakeupFd {
    /// `signal.set_wakeup_fd(fd)`; without effect where there is none, or where Python refuses (not the main thread of the main interpreter).
    pub(crate) fn set(py: Attached<'_>, fd: Option<i64>) -> Self {
        let set = fd.map(|fd| py.int(fd).and_then(|fd| set_wakeup_fd(py, &fd)));
        Self(set.and_then(Result::ok).map(Owned::keep))
    }

    /// Puts back what was set before.
    pub(crate) fn restore(self, py: Attached<'_>) {
        if let Some(previous) = self.0 {
            let previous = previous.release(py);
            drop(set_wakeup_fd(py, &previous));
        }
    }
}

fn set_wakeup_fd<'py>(py: Attached<'py>, fd: &Owned<'py>) -> PyResult<'py, Owned<'py>> {
    let keywords = py.dict()?;
    keywords.dict_set(&py.text("warn_on_full_buffer")?, &py.bool(false)?)?;
    py.import(c"signal")?
        .attr(c"set_wakeup_fd")?
        .call_with(&[fd], &keywords)
}
