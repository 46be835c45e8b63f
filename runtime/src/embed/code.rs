//! Code objects: out of marshalled bytes, and evaluated.

use std::ffi::c_char;

use pyo3_ffi as ffi;

use super::beyond::beyond;
use super::error::PyResult;
use super::object::{Attached, Owned};

beyond! {
    // Exported by every CPython, beyond the limited API (docs: "Data marshalling support").
    fn PyMarshal_ReadObjectFromString(
        data: *const c_char,
        length: ffi::Py_ssize_t,
    ) -> *mut ffi::PyObject;
}

impl<'py> Attached<'py> {
    /// `marshal.loads(bytes)` for bytes that are known to be what was packed.
    pub(crate) fn unmarshal(self, bytes: &[u8]) -> PyResult<'py, Owned<'py>> {
        // A slice is never longer than `isize::MAX` bytes.
        let length = ffi::Py_ssize_t::try_from(bytes.len()).unwrap_or(ffi::Py_ssize_t::MAX);
        // SAFETY: attached; the bytes outlive the call, which copies what it keeps.
        unsafe {
            let object = PyMarshal_ReadObjectFromString(bytes.as_ptr().cast(), length);
            Owned::from_ptr(self, object)
        }
    }

    /// `exec(code, namespace)`, with no frame below it.
    pub(crate) fn evaluate(
        self,
        code: &Owned<'py>,
        namespace: &Owned<'py>,
    ) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; live objects. CPython reads a code object and a dict: `code` comes from `unmarshal` or
        // `compile`, the namespace is a module's.
        unsafe {
            let namespace = namespace.as_ptr();
            Owned::from_ptr(
                self,
                ffi::PyEval_EvalCode(code.as_ptr(), namespace, namespace),
            )
        }
    }
}
