//! Python types whose instances hold a Rust value.
//!
//! An instance is whatever this interpreter puts at the head of an object, then the value. The head's size is asked
//! of the interpreter (`object.__basicsize__`: 16 bytes with a GIL, 32 without), because no layout is known here.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3_ffi as ffi;

use super::error::{PyResult, Raised};
use super::function::{Arguments, definition, guard};
use super::object::{Attached, Borrowed, Kept, Owned};

/// The value in an instance.
pub(crate) trait Instance: Send + Sync + Sized + 'static {
    /// `module.Name`
    const NAME: &'static CStr;
    /// `__doc__`
    const DOC: &'static CStr;
    /// Methods: names and functions made by [`method`].
    const METHODS: &'static [MethodEntry];
    /// Whether instances are their own iterators; `next` is called then.
    const ITERATOR: bool = false;

    /// `__next__`; `None` ends the iteration.
    ///
    /// # Errors
    /// What Python shall see raised.
    fn next<'py>(&self, py: Attached<'py>) -> PyResult<'py, Option<Owned<'py>>> {
        let _ = py;
        Ok(None)
    }

    /// Gives back the references it keeps, when the instance goes.
    fn release(self, py: Attached<'_>) {
        let _ = py;
    }
}

/// A new instance.
pub(crate) struct Made<'py, T> {
    object: Owned<'py>,
    value: PhantomData<T>,
}

impl<'py, T: Instance> Made<'py, T> {
    /// What its methods get.
    pub(crate) fn this(&self) -> This<'_, 'py, T> {
        // SAFETY: made by `Class::instance`.
        unsafe { This::of(&self.object) }
    }

    /// The object.
    pub(crate) fn into_object(self) -> Owned<'py> {
        self.object
    }
}

/// An instance: the value in it, and the object around that.
pub(crate) struct This<'a, 'py, T> {
    value: &'a T,
    /// The object.
    pub object: &'a Owned<'py>,
}

impl<T> Deref for This<'_, '_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<'a, 'py, T: Instance> This<'a, 'py, T> {
    /// # Safety
    /// `object` is an instance of a type made by `Class::<T>::new`.
    unsafe fn of(object: &'a Owned<'py>) -> Self {
        // SAFETY: as the caller promises: the value goes with the object, which is alive as long as this.
        let value = unsafe { &*value_of::<T>(object.as_ptr()) };
        Self { value, object }
    }

    /// A function that is method `M` of this instance, whether its type has that or not: what costs least of all ways to give
    /// Python a function with a state.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn bound<M: Method<T>>(&self) -> PyResult<'py, Owned<'py>> {
        let definition = (&raw const *Definition::<T, M>::METHOD).cast_mut();
        // SAFETY: attached; the definition is a constant, which CPython only reads although it asks for `*mut`; the
        // object is an instance of `T`'s type, as `call_method::<T, M>` expects of its `self`.
        unsafe {
            let function =
                ffi::PyCFunction_NewEx(definition, self.object.as_ptr(), std::ptr::null_mut());
            Owned::from_ptr(self.object.py(), function)
        }
    }
}

struct Definition<T, M>(PhantomData<(T, M)>);

impl<T: Instance, M: Method<T>> Definition<T, M> {
    const METHOD: &'static ffi::PyMethodDef = &definition(M::NAME, M::DOC, call_method::<T, M>);
}

/// What CPython has to know of a method.
pub(crate) struct MethodEntry(ffi::PyMethodDef);

/// A method of `T`.
pub(crate) trait Method<T: Instance>: 'static {
    /// Its name.
    const NAME: &'static CStr;
    /// Its `__doc__`.
    const DOC: &'static CStr;

    /// The call.
    ///
    /// # Errors
    /// What Python shall see raised.
    fn call<'py>(
        py: Attached<'py>,
        this: This<'_, 'py, T>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>>;
}

/// The table entry of a method.
pub(crate) const fn method<T: Instance, M: Method<T>>() -> MethodEntry {
    MethodEntry(definition(M::NAME, M::DOC, call_method::<T, M>))
}

/// A type made for one interpreter. Kept by that interpreter's state.
pub(crate) struct Class<T> {
    class: Kept,
    instance: PhantomData<fn() -> T>,
}

// The same in every interpreter of a process, so this may be a static: it is a number, not an object.
static HEAD: AtomicUsize = AtomicUsize::new(0);

impl<T: Instance> Class<T> {
    /// Makes the type.
    ///
    /// # Errors
    /// What CPython says about the specification; MemoryError.
    pub(crate) fn new(py: Attached<'_>) -> PyResult<'_, Self> {
        const { assert!(align_of::<T>() <= 16, "objects are aligned to 16 bytes") };
        // SAFETY: takes the address of a type of CPython, which lives as long as the process.
        let object =
            unsafe { Owned::from_borrowed_ptr(py, (&raw mut ffi::PyBaseObject_Type).cast()) }?;
        let head = usize::try_from(object.attr(c"__basicsize__")?.to_i64()?)
            .unwrap_or(0)
            .next_multiple_of(16);
        HEAD.store(head, Ordering::Relaxed);
        let Ok(basicsize) = c_int::try_from(head + size_of::<T>()) else {
            return Err(Raised::type_error(py, "an instance would be too large"));
        };
        // CPython up to 3.13 keeps pointing at the methods, so they live as long as the process.
        let methods = method_table(T::METHODS);
        let mut slots = slots::<T>(methods);
        let mut specification = ffi::PyType_Spec {
            name: T::NAME.as_ptr(),
            basicsize,
            itemsize: 0,
            // The same value in the stable ABI of every version.
            #[cfg_attr(
                windows,
                allow(clippy::useless_conversion, reason = "it is a `long` there")
            )]
            flags: u32::try_from(ffi::Py_TPFLAGS_DEFAULT).unwrap_or(0),
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: attached; the specification is complete, its slots end with a zero slot, and CPython copies both.
        let class = unsafe { Owned::from_ptr(py, ffi::PyType_FromSpec(&raw mut specification)) }?;
        Ok(Self {
            class: class.keep(),
            instance: PhantomData,
        })
    }

    /// An instance that holds `value`.
    ///
    /// # Errors
    /// MemoryError; `value` is released then.
    pub(crate) fn instance<'py>(&self, py: Attached<'py>, value: T) -> PyResult<'py, Made<'py, T>> {
        let class = self.class.get(py);
        // SAFETY: attached, a type made by `new`; the memory behind the head is ours, large enough and zeroed.
        let object =
            unsafe { Owned::from_ptr(py, ffi::PyType_GenericAlloc(class.as_ptr().cast(), 0)) };
        match object {
            Ok(object) => {
                // SAFETY: as above; nobody else has seen the object yet.
                unsafe { value_of::<T>(object.as_ptr()).write(value) };
                Ok(Made {
                    object,
                    value: PhantomData,
                })
            }
            Err(raised) => {
                value.release(py);
                Err(raised)
            }
        }
    }

    /// What `object` holds, if it is an instance.
    pub(crate) fn value<'a>(&self, object: &'a Owned<'_>) -> Option<&'a T> {
        let made = object.class().as_ptr() == self.class.get(object.py()).as_ptr();
        // SAFETY: made by `instance`, which has put a value there; it goes with the object, which the caller holds.
        made.then(|| unsafe { &*value_of::<T>(object.as_ptr()) })
    }

    /// Gives the type back.
    pub(crate) fn release(self, py: Attached<'_>) {
        drop(self.class.release(py));
    }
}

fn method_table(entries: &'static [MethodEntry]) -> *mut ffi::PyMethodDef {
    let mut table: Vec<ffi::PyMethodDef> = entries.iter().map(|entry| entry.0).collect();
    table.push(ffi::PyMethodDef::zeroed());
    table.leak().as_mut_ptr()
}

fn slots<T: Instance>(methods: *mut ffi::PyMethodDef) -> Vec<ffi::PyType_Slot> {
    let slot = |slot, pfunc: *mut c_void| ffi::PyType_Slot { slot, pfunc };
    let mut slots = vec![
        slot(
            ffi::Py_tp_dealloc,
            deallocate::<T> as ffi::destructor as *mut c_void,
        ),
        slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast()),
        slot(ffi::Py_tp_methods, methods.cast()),
        // Without it Python code could make instances whose value was never written.
        slot(ffi::Py_tp_new, refuse_new as ffi::newfunc as *mut c_void),
    ];
    if T::ITERATOR {
        slots.push(slot(
            ffi::Py_tp_iter,
            ffi::PyObject_SelfIter as ffi::getiterfunc as *mut c_void,
        ));
        slots.push(slot(
            ffi::Py_tp_iternext,
            call_next::<T> as ffi::iternextfunc as *mut c_void,
        ));
    }
    slots.push(slot(0, std::ptr::null_mut()));
    slots
}

/// # Safety
/// `object` is an instance of a type made by `Class::<T>::new`.
unsafe fn value_of<T>(object: *mut ffi::PyObject) -> *mut T {
    // SAFETY: the type's basicsize covers the head and a `T`; `HEAD` was set before the type was made.
    unsafe {
        object
            .cast::<u8>()
            .add(HEAD.load(Ordering::Relaxed))
            .cast::<T>()
    }
}

unsafe extern "C" fn deallocate<T: Instance>(object: *mut ffi::PyObject) {
    // SAFETY: CPython calls it attached, once, when the last reference is gone. The value was written by `instance`
    // (an instance cannot be made otherwise). A type from `PyType_FromSpec` is referenced by each instance since 3.8.
    unsafe {
        let py = Attached::assume();
        let value = value_of::<T>(object).read();
        let _ = catch_unwind(AssertUnwindSafe(|| value.release(py)));
        let class = ffi::PyObject_Type(object);
        ffi::PyObject_Free(object.cast());
        // One for `PyObject_Type`, one that the instance held.
        ffi::Py_DecRef(class);
        ffi::Py_DecRef(class);
    }
}

unsafe extern "C" fn refuse_new(
    _: *mut ffi::PyTypeObject,
    _: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it attached.
    unsafe {
        guard(|py| {
            Err(Raised::type_error(
                py,
                "cannot create instances of this type",
            ))
        })
    }
}

unsafe extern "C" fn call_method<T: Instance, M: Method<T>>(
    object: *mut ffi::PyObject,
    values: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls it attached, with a `self` whose type a method descriptor checks first, or `This::bound` knew;
    // the caller keeps all alive.
    unsafe {
        guard(|py| {
            let Some(object) = Borrowed::from_ptr(py, object) else {
                return Err(Raised::type_error(py, "called without an instance"));
            };
            M::call(
                py,
                This::of(&object),
                Arguments::new(py, values, positional, names),
            )
        })
    }
}

unsafe extern "C" fn call_next<T: Instance>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as in `call_method`. NULL without an exception means the end.
    unsafe {
        let this = value_of::<T>(object);
        let py = Attached::assume();
        match catch_unwind(AssertUnwindSafe(|| (*this).next(py))) {
            Ok(Ok(Some(item))) => item.into_ptr(),
            Ok(Ok(None)) => std::ptr::null_mut(),
            Ok(Err(raised)) => {
                raised.restore();
                std::ptr::null_mut()
            }
            Err(panic) => {
                super::function::panicked(py, &*panic).restore();
                std::ptr::null_mut()
            }
        }
    }
}
