//! Python exceptions as Rust errors.

use std::ffi::CStr;
use std::ptr::null_mut;

use pyo3_ffi as ffi;

use super::object::{Attached, Owned};

/// What a call into Python returns.
pub(crate) type PyResult<'py, T> = Result<T, Raised<'py>>;

/// An exception, taken out of the thread state: its value, with type and traceback reachable from there.
#[derive(Debug)]
pub(crate) struct Raised<'py> {
    value: Owned<'py>,
}

impl<'py> Raised<'py> {
    /// Takes the exception that is set; a SystemError when a call failed without setting one.
    pub(crate) fn fetch(py: Attached<'py>) -> Self {
        Self::pending(py)
            .unwrap_or_else(|| Self::system_error(py, c"a call failed without an exception"))
    }

    /// Takes the exception that is set, if one is.
    // `PyErr_GetRaisedException` is younger than the oldest CPython served.
    #[allow(deprecated)]
    pub(crate) fn pending(py: Attached<'py>) -> Option<Self> {
        let (mut class, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
        // SAFETY: attached; the three pointers become owned references or NULL. Normalising leaves an instance in
        // `value`; the traceback is attached to it, so that `value` alone is the whole exception.
        unsafe {
            ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback);
            if class.is_null() {
                return None;
            }
            ffi::PyErr_NormalizeException(&raw mut class, &raw mut value, &raw mut traceback);
            if !traceback.is_null() {
                ffi::PyException_SetTraceback(value, traceback);
                ffi::Py_DecRef(traceback);
            }
            ffi::Py_DecRef(class);
            Owned::from_ptr_opt(py, value).map(|value| Self { value })
        }
    }

    /// A new exception of `class`, for example `ffi::PyExc_ValueError`.
    ///
    /// # Safety
    /// `class` is an exception type.
    pub(crate) unsafe fn of(py: Attached<'py>, class: *mut ffi::PyObject, message: &str) -> Self {
        match py.text(message) {
            Ok(message) => {
                // SAFETY: attached, an exception type as the caller promises, a live string.
                unsafe { ffi::PyErr_SetObject(class, message.as_ptr()) };
                Self::fetch(py)
            }
            Err(raised) => raised,
        }
    }

    /// An exception object that something else made.
    pub(crate) fn from_value(value: Owned<'py>) -> Self {
        Self { value }
    }

    fn system_error(py: Attached<'py>, message: &CStr) -> Self {
        // SAFETY: attached; with an exception set, `pending` returns it.
        unsafe { ffi::PyErr_SetString(ffi::PyExc_SystemError, message.as_ptr()) };
        match Self::pending(py) {
            Some(raised) => raised,
            None => unreachable!("PyErr_SetString sets an exception"),
        }
    }

    /// Sets it again, for a C function that returns an error to Python.
    #[allow(deprecated)]
    pub(crate) fn restore(self) {
        let class = self.value.class().into_ptr();
        // SAFETY: attached (by `'py`); `PyErr_Restore` takes over all three references.
        unsafe {
            let traceback = ffi::PyException_GetTraceback(self.value.as_ptr());
            ffi::PyErr_Restore(class, self.value.into_ptr(), traceback);
        }
    }

    /// Tells `sys.unraisablehook`, where there is nobody to raise it to.
    pub(crate) fn unraisable(self) {
        self.restore();
        // SAFETY: attached (by `'py`), with an exception set; NULL stands for no object to name.
        unsafe { ffi::PyErr_WriteUnraisable(null_mut()) };
    }

    /// Whether it is an instance of `class` (one of `ffi::PyExc_*`).
    pub(crate) fn is(&self, class: *mut ffi::PyObject) -> bool {
        // SAFETY: live objects; anything is allowed as `class`, what is no exception type just does not match.
        unsafe { ffi::PyErr_GivenExceptionMatches(self.value.as_ptr(), class) != 0 }
    }

    /// Whether it is an OSError.
    pub(crate) fn is_os_error(&self) -> bool {
        // SAFETY: one of CPython's own exception types.
        self.is(unsafe { ffi::PyExc_OSError })
    }

    /// The exception object.
    pub(crate) fn value(&self) -> &Owned<'py> {
        &self.value
    }

    /// `traceback.format_exception(...)` as one text; without the stack when even that fails.
    pub(crate) fn render(&self) -> String {
        self.try_render()
            .unwrap_or_else(|_| format!("{}\n", self.summary()))
    }

    /// `Type: message`
    pub(crate) fn summary(&self) -> String {
        let text = self.value.str().and_then(|text| text.to_text());
        match text {
            Ok(text) if text.is_empty() => self.value.type_name(),
            Ok(text) => format!("{}: {text}", self.value.type_name()),
            Err(_) => self.value.type_name(),
        }
    }

    fn try_render(&self) -> PyResult<'py, String> {
        let py = self.value.py();
        let format = py.import(c"traceback")?.attr(c"format_exception")?;
        let traceback = self.value.attr(c"__traceback__")?;
        let lines = format.call(&[&self.value.class(), &self.value, &traceback])?;
        py.text("")?.call_method(c"join", &[&lines])?.to_text()
    }
}

/// Constructors for the exceptions we raise.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $class:ident;)*) => {
        impl<'py> Raised<'py> {
            $($(#[$doc])* pub(crate) fn $name(py: Attached<'py>, message: &str) -> Self {
                // SAFETY: one of CPython's own exception types.
                unsafe { Self::of(py, ffi::$class, message) }
            })*
        }
    };
}

constructors! {
    /// `TypeError(message)`
    type_error = PyExc_TypeError;
    /// `ValueError(message)`
    value_error = PyExc_ValueError;
    /// `RuntimeError(message)`
    runtime_error = PyExc_RuntimeError;
    /// `OSError(message)`
    os_error = PyExc_OSError;
    /// `ImportError(message)`
    import_error = PyExc_ImportError;
    /// `AssertionError(message)`
    assertion_error = PyExc_AssertionError;
    /// `BrokenPipeError(message)`
    broken_pipe = PyExc_BrokenPipeError;
    /// `ConnectionResetError(message)`
    connection_reset = PyExc_ConnectionResetError;
    /// `TimeoutError(message)`
    timeout_error = PyExc_TimeoutError;
}
