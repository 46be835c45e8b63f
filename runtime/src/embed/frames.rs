//! Other threads of an interpreter: what they run, and exceptions raised in them.

use std::ffi::c_ulong;
use std::ptr::null_mut;

use pyo3_ffi as ffi;

use super::beyond::beyond;
use super::error::{PyResult, Raised};
use super::object::{Attached, Owned};
use super::subinterpreter;

beyond! {
    // In every CPython since 3.9, beyond the limited API.
    fn PyThreadState_GetFrame(state: *mut ffi::PyThreadState) -> *mut ffi::PyObject;
}

/// A thread that runs Python, as long as it has its place in the interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadId {
    ident: c_ulong,
    state: usize,
}

impl ThreadId {
    /// The calling thread.
    pub(crate) fn current(_: Attached<'_>) -> Self {
        // SAFETY: attached, so that there is a state.
        unsafe {
            Self {
                ident: ffi::PyThread_get_thread_ident(),
                state: ffi::PyThreadState_Get() as usize,
            }
        }
    }

    /// Raises an exception of `class` in the thread as soon as it runs Python code of this interpreter again. One that
    /// waits in C code, in `time.sleep` or for a socket, gets it after that.
    pub(crate) fn interrupt(self, class: &Owned<'_>) {
        // SAFETY: attached (by the object's lifetime); an exception class; an unknown thread is none.
        unsafe { ffi::PyThreadState_SetAsyncExc(self.ident.cast_signed(), class.as_ptr()) };
    }

    /// Takes an exception back that has not been raised yet.
    pub(crate) fn spare(self, _: Attached<'_>) {
        // SAFETY: attached.
        unsafe { ffi::PyThreadState_SetAsyncExc(self.ident.cast_signed(), null_mut()) };
    }

    /// What [`all`] calls this thread.
    pub(crate) fn key(self, py: Attached<'_>) -> usize {
        if subinterpreter::is_main(py) {
            usize::try_from(self.ident).unwrap_or(0)
        } else {
            self.state
        }
    }
}

/// The topmost frames of the threads that run Python in this interpreter: a dict with the keys of [`ThreadId::key`]. `None`
/// where frames cannot be looked at while they run: without a GIL.
///
/// # Errors
/// MemoryError.
pub(crate) fn all(py: Attached<'_>) -> PyResult<'_, Option<Owned<'_>>> {
    if !subinterpreter::gil_enabled(py) {
        return Ok(None);
    }
    if subinterpreter::is_main(py) && !subinterpreter::are_used() {
        let frames = py.import(c"sys")?.call_method(c"_current_frames", &[]);
        return frames.map(Some);
    }
    // `sys._current_frames` would touch the frames of the other interpreters, too, whose GIL this thread does not have.
    let frames = py.dict()?;
    for state in subinterpreter::thread_states(py) {
        // SAFETY: attached: the state stays as long as no Python code runs, which is until the next call.
        let frame = unsafe { Owned::from_ptr_opt(py, PyThreadState_GetFrame(state)) };
        if let Some(frame) = frame {
            let key = i64::try_from(state as usize).map_err(|_| {
                Raised::runtime_error(py, "the address of a thread state is out of range")
            })?;
            frames.dict_set(&py.int(key)?, &frame)?;
        }
    }
    Ok(Some(frames))
}
