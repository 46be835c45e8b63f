//! Serving from an interpreter that is running already: `pack serve`, and the tests.

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(unix)]
use payload::Wsgi;
use pyo3_ffi as ffi;

#[cfg(unix)]
use super::fork::fork;
use super::object::{Attached, Borrowed, Owned};
use super::subinterpreter;

/// What `pack_runtime_supervise` returns in a process that is to import the application and serve it.
#[cfg(unix)]
const SERVE: c_int = -2;

/// Supervises workers, where `settings` want that. Returns the exit status at the end of the supervisor, -1 when the
/// settings cannot be read, and -2 in each process that is to import the application and call [`pack_runtime_serve`] with
/// the same settings. To be called by an interpreter of one thread that has imported nothing of the application.
///
/// # Safety
/// Called attached, with a NUL-terminated string.
#[cfg(unix)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pack_runtime_supervise(settings: *const c_char) -> c_int {
    // SAFETY: as the caller promises.
    let (py, settings) = unsafe { (Attached::assume(), CStr::from_ptr(settings)) };
    let Ok(settings) = serde_json::from_slice::<Wsgi>(settings.to_bytes()) else {
        return -1;
    };
    if !settings.is_supervised() {
        return SERVE;
    }
    let begun = AssertUnwindSafe(|| crate::wsgi::supervise::begin(&settings, &|| fork(py)));
    match catch_unwind(begun) {
        Ok(crate::wsgi::supervise::Role::Worker) => SERVE,
        Ok(crate::wsgi::supervise::Role::Ended(status)) => status,
        Err(_) => crate::start::INTERNAL_ERROR,
    }
}

/// Serves `application` as `settings`, a [`payload::Wsgi`] in JSON, says, until a signal ends it. Returns the exit
/// status; -1 when the settings cannot be read. Where interpreters of their own are left that CPython cannot end, it ends
/// the process with the status, after all that a program does at its end. From Python: `ctypes.PyDLL(LIBRARY).pack_runtime_serve(application, settings)`,
/// with `ctypes.py_object` and `ctypes.c_char_p`, in the main thread.
///
/// # Safety
/// Called attached, with a live object and a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pack_runtime_serve(
    application: *mut ffi::PyObject,
    settings: *const c_char,
) -> c_int {
    // SAFETY: as the caller promises.
    let (py, application, settings) = unsafe {
        let py = Attached::assume();
        (
            py,
            Borrowed::from_ptr(py, application),
            CStr::from_ptr(settings),
        )
    };
    let Ok(settings) = serde_json::from_slice(settings.to_bytes()) else {
        return -1;
    };
    let Some(application) = application.map(|application| Owned::clone(&application)) else {
        return -1;
    };
    let status = catch_unwind(AssertUnwindSafe(|| {
        let served = crate::wsgi::serve_here(py, application, &settings);
        served.unwrap_or_else(|raised| {
            raised.unraisable();
            crate::start::INTERNAL_ERROR
        })
    }))
    .unwrap_or(crate::start::INTERNAL_ERROR);
    if subinterpreter::finalize_partly(py) {
        // The rest of finalizing would find interpreters that are left, and abort.
        platform::process::exit_now(status);
    }
    status
}
