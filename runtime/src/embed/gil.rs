//! The host's own acquire points of the GIL, measured.
//!
//! What the interpreter acquires by itself, in the midst of Python code or after a wait of the application's, nobody sees
//! from outside. What is measured here is therefore a lower bound on the contention.

use std::sync::OnceLock;

use platform::clock;
use pyo3_ffi as ffi;

static OBSERVER: OnceLock<fn(u64)> = OnceLock::new();

/// Calls `observer` after each acquisition, on the thread that did it, with the ticks ([`clock::ticks`]) it took. The
/// first observer stays.
pub(crate) fn observe(observer: fn(u64)) {
    let _ = OBSERVER.set(observer);
}

/// Whether somebody measures.
#[inline]
pub(crate) fn is_observed() -> bool {
    OBSERVER.get().is_some()
}

/// `PyEval_RestoreThread`
///
/// # Safety
/// As for that function: a thread state of this thread, which is detached.
#[inline]
pub(super) unsafe fn restore(state: *mut ffi::PyThreadState) {
    let Some(observer) = OBSERVER.get() else {
        // SAFETY: as the caller promises.
        return unsafe { ffi::PyEval_RestoreThread(state) };
    };
    let begun = clock::ticks();
    // SAFETY: as the caller promises.
    unsafe { ffi::PyEval_RestoreThread(state) };
    observer(clock::ticks().saturating_sub(begun));
}
