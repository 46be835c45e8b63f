//! Threads that Rust made and that run Python.

use pyo3_ffi as ffi;

use super::gil;
use super::object::Attached;

/// An interpreter of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interpreter(*mut ffi::PyInterpreterState);

// SAFETY: an address that only `PyThreadState_New` uses, which takes the runtime's own lock.
unsafe impl Send for Interpreter {}
// SAFETY: as above.
unsafe impl Sync for Interpreter {}

impl Interpreter {
    /// The one that this thread is attached to.
    pub(crate) fn current(_: Attached<'_>) -> Self {
        // SAFETY: attached, so there is one.
        Self(unsafe { ffi::PyInterpreterState_Get() })
    }
}

/// This thread's place in an interpreter, kept from its start to its end: getting one for each call costs six times as
/// much as attaching with a kept one.
///
/// It must be made and dropped before the interpreter is finalized, by a thread that is not attached otherwise.
#[derive(Debug)]
pub(crate) struct ThreadState(*mut ffi::PyThreadState);

impl ThreadState {
    /// Enters this thread at `interpreter`, without attaching.
    pub(crate) fn new(interpreter: Interpreter) -> Self {
        // SAFETY: a live interpreter; needs no GIL.
        Self(unsafe { ffi::PyThreadState_New(interpreter.0) })
    }

    /// # Safety
    /// A state that CPython made for this thread, detached, which nothing else will use or delete.
    pub(super) unsafe fn from_raw(state: *mut ffi::PyThreadState) -> Self {
        Self(state)
    }

    /// The state, still owned by `self`.
    pub(super) fn as_ptr(&self) -> *mut ffi::PyThreadState {
        self.0
    }

    /// Attaches (waits for the GIL), runs `work`, detaches.
    pub(crate) fn attach<R>(&mut self, work: impl for<'py> FnOnce(Attached<'py>) -> R) -> R {
        struct Detach;
        impl Drop for Detach {
            fn drop(&mut self) {
                // SAFETY: attached since the lines below; also on a panic.
                unsafe { ffi::PyEval_SaveThread() };
            }
        }
        // SAFETY: made for this thread (the type is not `Send`), which is detached: `attach` borrows it mutably, and
        // `Attached::detach` restores before it returns.
        unsafe { gil::restore(self.0) };
        let _detach = Detach;
        // SAFETY: attached until `_detach` goes, after `work`.
        work(unsafe { Attached::assume() })
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        // SAFETY: this thread is detached; clearing runs destructors and so needs to be attached; a state is deleted
        // by its own thread after it is no longer the current one.
        unsafe {
            ffi::PyEval_RestoreThread(self.0);
            ffi::PyThreadState_Clear(self.0);
            ffi::PyEval_SaveThread();
            ffi::PyThreadState_Delete(self.0);
        }
    }
}
