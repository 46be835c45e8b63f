//! Rust functions that Python calls: a built-in function with a capsule for its state.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3_ffi as ffi;

use super::error::{PyResult, Raised};
use super::object::{Attached, Borrowed, Owned};

/// A function for Python, with the state it works on.
///
/// ```ignore
/// struct Answer;
/// impl Callable for Answer {
///     type State = u32;
///     const NAME: &'static CStr = c"answer";
///     const DOC: &'static CStr = c"answer() -> int";
///     fn call<'py>(py: Attached<'py>, state: &u32, _: Arguments<'_, 'py>) -> PyResult<'py, Owned<'py>> {
///         py.int((*state).into())
///     }
/// }
/// let answer = Capsule::new(py, 42)?.function::<Answer>()?;
/// ```
pub(crate) trait Callable: 'static {
    /// What it works on. Free-threaded interpreters call from several threads at once, hence `Sync`.
    type State: Send + Sync + 'static;
    /// `__name__`
    const NAME: &'static CStr;
    /// `__doc__`
    const DOC: &'static CStr;

    /// The call.
    ///
    /// # Errors
    /// What Python shall see raised.
    fn call<'py>(
        py: Attached<'py>,
        state: &Self::State,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>>;
}

/// The arguments of one call.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a, 'py> {
    py: Attached<'py>,
    positional: &'a [Borrowed<'a, 'py>],
    /// A value for each of `names`.
    keywords: &'a [Borrowed<'a, 'py>],
    /// A tuple.
    names: Option<Borrowed<'a, 'py>>,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// # Safety
    /// What CPython passes to a [`FastFunction`], alive during `'a`.
    pub(super) unsafe fn new(
        py: Attached<'py>,
        values: *const *mut ffi::PyObject,
        positional: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        // SAFETY: as the caller promises: NULL, or a tuple.
        let names = unsafe { Borrowed::from_ptr(py, names) };
        let named = names.map_or(0, |names| names.len().unwrap_or(0));
        let positional = usize::try_from(positional).unwrap_or(0);
        let values = if values.is_null() {
            &[]
        } else {
            // SAFETY: as many live objects stand there, none of them NULL, and `Borrowed` is such a pointer.
            unsafe { std::slice::from_raw_parts(values.cast(), positional + named) }
        };
        let (positional, keywords) = values.split_at(positional.min(values.len()));
        Self {
            py,
            positional,
            keywords,
            names,
        }
    }

    /// Positional argument `index`.
    pub(crate) fn get(&self, index: usize) -> Option<Borrowed<'a, 'py>> {
        self.positional.get(index).copied()
    }

    /// Argument `index`, by position or by keyword.
    pub(crate) fn named(&self, index: usize, name: &CStr) -> Option<Borrowed<'a, 'py>> {
        self.get(index).or_else(|| {
            let names = self.names?;
            let place = (0..self.keywords.len()).find(|&place| {
                let given = names.tuple_item(place);
                given.is_some_and(|given| given.is_ascii_text(name))
            })?;
            self.keywords.get(place).copied()
        })
    }

    /// As [`Arguments::named`] for one that must be there.
    ///
    /// # Errors
    /// TypeError.
    pub(crate) fn required(&self, index: usize, name: &CStr) -> PyResult<'py, Borrowed<'a, 'py>> {
        self.named(index, name).ok_or_else(|| {
            let message = format!(
                "missing required argument '{}' (pos {})",
                name.to_string_lossy(),
                index + 1
            );
            Raised::type_error(self.py, &message)
        })
    }

    /// Refuses calls with fewer or more positional arguments.
    ///
    /// # Errors
    /// TypeError.
    pub(crate) fn expect(&self, least: usize, most: usize) -> PyResult<'py, ()> {
        let given = self.positional.len();
        if (least..=most).contains(&given) {
            return Ok(());
        }
        let message = format!("expected {least} to {most} positional arguments, got {given}");
        Err(Raised::type_error(self.py, &message))
    }
}

const CAPSULE: &CStr = c"pack_runtime.state";

/// A Python object that owns a Rust value; the `self` of functions. The value is dropped when the last of them goes.
pub(crate) struct Capsule<'py, T> {
    object: Owned<'py>,
    state: PhantomData<T>,
}

impl<'py, T: Send + Sync + 'static> Capsule<'py, T> {
    /// Gives `state` to Python.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn new(py: Attached<'py>, state: T) -> PyResult<'py, Self> {
        let state = Box::into_raw(Box::new(state));
        // SAFETY: attached, a non-NULL pointer and a name that lives for ever; `forget_state::<T>` fits the pointer.
        let object = unsafe {
            Owned::from_ptr(
                py,
                ffi::PyCapsule_New(
                    state.cast::<c_void>(),
                    CAPSULE.as_ptr(),
                    Some(forget_state::<T>),
                ),
            )
        };
        match object {
            Ok(object) => Ok(Self {
                object,
                state: PhantomData,
            }),
            Err(raised) => {
                // SAFETY: no capsule took it over, and it came from a box a few lines above.
                drop(unsafe { Box::from_raw(state) });
                Err(raised)
            }
        }
    }

    /// A built-in function that works on the state.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn function<C: Callable<State = T>>(&self) -> PyResult<'py, Owned<'py>> {
        let definition = (&raw const *Definition::<C>::METHOD).cast_mut();
        // SAFETY: attached; the definition is a constant, which CPython only reads although it asks for `*mut`; the
        // capsule holds a `C::State`, which is what `call_function::<C>` expects as `self`.
        unsafe {
            let function =
                ffi::PyCFunction_NewEx(definition, self.object.as_ptr(), std::ptr::null_mut());
            Owned::from_ptr(self.object.py(), function)
        }
    }
}

unsafe extern "C" fn forget_state<T: Send + Sync + 'static>(capsule: *mut ffi::PyObject) {
    // SAFETY: called once by CPython, attached, for a capsule of `Capsule::<T>::new`.
    let state = unsafe { ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()) };
    if !state.is_null() {
        // SAFETY: from `Box::into_raw` in `Capsule::<T>::new`.
        let state = unsafe { Box::from_raw(state.cast::<T>()) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
    }
}

struct Definition<C>(PhantomData<C>);

impl<C: Callable> Definition<C> {
    const METHOD: &'static ffi::PyMethodDef = &definition(C::NAME, C::DOC, call_function::<C>);
}

/// `self`, an array of the positional arguments and behind them the values of keywords, how many are positional, and a
/// tuple of the keywords or NULL: `METH_FASTCALL | METH_KEYWORDS`, the same in every CPython since 3.7 although the limited
/// API has it since 3.10.
pub(super) type FastFunction = unsafe extern "C" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    ffi::Py_ssize_t,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

/// What CPython has to know of a function.
pub(super) const fn definition(
    name: &'static CStr,
    doc: &'static CStr,
    function: FastFunction,
) -> ffi::PyMethodDef {
    const METH_FASTCALL: c_int = 0x80;
    // SAFETY: pointers to functions. The flags below say which kind this is; the binding has no name for it.
    let function =
        unsafe { std::mem::transmute::<FastFunction, ffi::PyCFunctionWithKeywords>(function) };
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunctionWithKeywords: function,
        },
        ml_flags: METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

unsafe extern "C" fn call_function<C: Callable>(
    capsule: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it attached, with the capsule that `Capsule::function` bound (a `C::State` inside, kept
    // alive by the function object, which the caller holds) and with arguments that live as long as the call.
    unsafe {
        let state = ffi::PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()).cast::<C::State>();
        guard(|py| {
            let arguments = Arguments::new(py, values, positional, names);
            C::call(py, &*state, arguments)
        })
    }
}

/// Runs what Python called: an error becomes the exception that is set, a panic a SystemError.
///
/// # Safety
/// The thread is attached during the call.
pub(super) unsafe fn guard<'py>(
    work: impl FnOnce(Attached<'py>) -> PyResult<'py, Owned<'py>>,
) -> *mut ffi::PyObject {
    // SAFETY: as the caller promises.
    let py = unsafe { Attached::assume() };
    match catch_unwind(AssertUnwindSafe(|| work(py))) {
        Ok(Ok(value)) => value.into_ptr(),
        Ok(Err(raised)) => {
            raised.restore();
            std::ptr::null_mut()
        }
        Err(panic) => {
            panicked(py, &*panic).restore();
            std::ptr::null_mut()
        }
    }
}

/// The exception for a panic that reached the boundary.
pub(crate) fn panicked<'py>(py: Attached<'py>, panic: &(dyn std::any::Any + Send)) -> Raised<'py> {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!(
        "internal error in pack_runtime: {}",
        text.unwrap_or("panic")
    );
    // SAFETY: one of CPython's own exception types.
    unsafe { Raised::of(py, ffi::PyExc_SystemError, &message) }
}
