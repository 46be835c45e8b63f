//! Where the bootloader, or the packed interpreter, enters the runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::start::{self, StartFailure};
use platform::handoff::{Handoff, VersionMismatch};

/// Entered by the bootloader with libpython loaded and no interpreter started. Returns the exit status.
///
/// # Safety
/// `handoff` was made by [`Handoff::new`], of this version or another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pack_runtime_main(handoff: *const Handoff) -> i32 {
    status(|| {
        // SAFETY: as the caller promises.
        let start = unsafe { Handoff::read(handoff) }.map_err(|VersionMismatch| {
            StartFailure::text("the bootloader is of another version")
        })?;
        start::in_bootloader(&start)
    })
}

/// Entered by an interpreter's own program as the initialisation function of an extension module; see the bootloader's
/// `launch`. Runs the program and ends the process.
///
/// # Safety
/// Called by CPython, attached.
#[cfg(unix)]
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name CPython derives from the module's")]
pub unsafe extern "C" fn PyInit_pack_runtime_start() -> *mut pyo3_ffi::PyObject {
    let status = status(|| {
        // SAFETY: attached, as CPython calls initialisation functions, until the process ends below.
        start::interpreter::start(unsafe { super::Attached::assume() })
    });
    platform::process::exit(status)
}

/// Runs `work`; failures and panics are reported here and become the exit status of a runtime that failed.
fn status(work: impl FnOnce() -> Result<i32, StartFailure>) -> i32 {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(status)) => status,
        Ok(Err(failure)) => {
            start::report(&failure);
            failure.status
        }
        // The panic's message has been written by the panic hook.
        Err(_) => start::INTERNAL_ERROR,
    }
}
