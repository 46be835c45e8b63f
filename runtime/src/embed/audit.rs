//! Being told of what Python code is about to do: CPython's audit hooks (PEP 578).

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3_ffi as ffi;

use super::beyond;
use super::error::PyResult;
use super::object::{Attached, Borrowed, Owned};

/// Wants to know of some events before they happen.
pub(crate) trait Watch: Send + Sync + 'static {
    /// Names of events, each with the position of the argument that matters.
    const EVENTS: &'static [(&'static [u8], usize)];

    /// One of [`Watch::EVENTS`] is about to happen, with this argument.
    ///
    /// # Errors
    /// What is raised instead of letting it happen.
    fn event<'py>(
        &self,
        py: Attached<'py>,
        name: &[u8],
        argument: &Owned<'py>,
    ) -> PyResult<'py, ()>;
}

type Hook = unsafe extern "C" fn(*const c_char, *mut ffi::PyObject, *mut c_void) -> c_int;
type AddHook = unsafe extern "C" fn(Hook, *mut c_void) -> c_int;

/// Lets `watch` know from now on; a hook is never taken out again. Returns whether CPython agreed.
pub(crate) fn watch<W: Watch>(_: Attached<'_>, watch: W) -> bool {
    // In every CPython since 3.8, though not in the stable ABI.
    let Some(add) = beyond::symbol(c"PySys_AddAuditHook") else {
        return false;
    };
    // SAFETY: CPython's own function, with the documented signature.
    let add = unsafe { std::mem::transmute::<*mut c_void, AddHook>(add) };
    let watch = Box::into_raw(Box::new(watch));
    // SAFETY: attached; `hook::<W>` fits the pointer, which is leaked, as hooks stay until the process ends.
    unsafe { add(hook::<W>, watch.cast()) == 0 }
}

unsafe extern "C" fn hook<W: Watch>(
    name: *const c_char,
    arguments: *mut ffi::PyObject,
    watch: *mut c_void,
) -> c_int {
    // SAFETY: CPython passes the event's name, NUL-terminated.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let Some((_, position)) = W::EVENTS.iter().find(|(event, _)| *event == name) else {
        return 0;
    };
    // SAFETY: these events come from Python code, so the thread is attached.
    let py = unsafe { Attached::assume() };
    let told = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the events have arguments: a tuple that lives as long as the call.
        let arguments = unsafe { Borrowed::from_ptr(py, arguments) };
        let argument =
            arguments.and_then(|tuple| Some(Owned::clone(&*tuple.tuple_item(*position)?)));
        // SAFETY: the pointer is the leaked box of `watch::<W>`.
        let watch = unsafe { &*watch.cast::<W>() };
        argument.map_or(Ok(()), |argument| watch.event(py, name, &argument))
    }));
    match told {
        Ok(Ok(())) => 0,
        Ok(Err(raised)) => {
            raised.restore();
            -1
        }
        Err(_) => 0,
    }
}
