//! Serving from an interpreter that is running already: `pack serve`, and the tests.

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3_ffi as ffi;

use super::object::{Attached, Borrowed, Owned};

/// Serves `application` as `settings`, a [`payload::Wsgi`] in JSON, says, until a signal ends it. Returns the exit
/// status; -1 when the settings cannot be read. From Python: `ctypes.PyDLL(LIBRARY).pack_runtime_serve(application, settings)`,
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
    catch_unwind(AssertUnwindSafe(|| {
        let served = crate::wsgi::serve_here(py, application, &settings);
        served.unwrap_or_else(|raised| {
            raised.unraisable();
            crate::start::INTERNAL_ERROR
        })
    }))
    .unwrap_or(crate::start::INTERNAL_ERROR)
}
