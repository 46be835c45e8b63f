//! References to Python objects, and the proof that this thread may touch them.

use std::ffi::{CStr, c_int};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use pyo3_ffi as ffi;

use super::error::{PyResult, Raised};

/// Proof that this thread is attached to an interpreter (holds its GIL, where there is one) for `'py`.
///
/// Not `Send`, so that neither it nor what is tied to it can get into [`Attached::detach`] or into another thread.
#[derive(Clone, Copy)]
pub(crate) struct Attached<'py>(PhantomData<(&'py (), *mut ())>);

impl<'py> Attached<'py> {
    /// Asserts that the thread is attached.
    ///
    /// # Safety
    /// It is, to one and the same interpreter, for all of `'py`.
    pub(crate) unsafe fn assume() -> Self {
        Self(PhantomData)
    }

    /// Runs `work` without the GIL. For everything that can block: waits, locks, reads and writes.
    pub(crate) fn detach<R, F: FnOnce() -> R + Send>(self, work: F) -> R {
        struct Restore(*mut ffi::PyThreadState);
        impl Drop for Restore {
            fn drop(&mut self) {
                // SAFETY: the thread state that `PyEval_SaveThread` just gave to this same thread; also on a panic.
                unsafe { super::gil::restore(self.0) };
            }
        }
        // SAFETY: `self` proves that the thread is attached.
        let _restore = Restore(unsafe { ffi::PyEval_SaveThread() });
        work()
    }
}

/// A reference that this value owns. Never NULL.
///
/// Methods are attribute access, calls and conversions; each returns the exception that Python raised as [`Raised`].
#[repr(transparent)]
pub(crate) struct Owned<'py> {
    pointer: NonNull<ffi::PyObject>,
    py: PhantomData<Attached<'py>>,
}

/// A reference that something else keeps alive during `'a`. A pointer to an object, never NULL.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Borrowed<'a, 'py> {
    pointer: NonNull<ffi::PyObject>,
    life: PhantomData<(&'a (), Attached<'py>)>,
}

impl<'py> Deref for Borrowed<'_, 'py> {
    type Target = Owned<'py>;

    fn deref(&self) -> &Owned<'py> {
        let pointer: *const NonNull<ffi::PyObject> = &self.pointer;
        // SAFETY: `Owned` is `repr(transparent)` over the same pointer; behind `&` it is never dropped.
        unsafe { &*pointer.cast::<Owned<'py>>() }
    }
}

impl<'a, 'py> Borrowed<'a, 'py> {
    /// Wraps a borrowed pointer; `None` for NULL.
    ///
    /// # Safety
    /// `pointer` is NULL or an object that stays alive during `'a`.
    pub(crate) unsafe fn from_ptr(_: Attached<'py>, pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(|pointer| Self {
            pointer,
            life: PhantomData,
        })
    }
}

impl Clone for Owned<'_> {
    fn clone(&self) -> Self {
        // SAFETY: a live object, and `'py` proves that the thread is attached.
        unsafe { ffi::Py_IncRef(self.as_ptr()) };
        Self {
            pointer: self.pointer,
            py: PhantomData,
        }
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: gives up the reference that this value owns; `'py` proves that the thread is attached.
        unsafe { ffi::Py_DecRef(self.as_ptr()) };
    }
}

impl std::fmt::Debug for Owned<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{} object at {:p}>", self.type_name(), self.pointer)
    }
}

/// References as the C API hands them over.
impl<'py> Owned<'py> {
    /// Takes a new reference from a C API call; NULL means that it raised.
    ///
    /// # Errors
    /// The exception that is set.
    ///
    /// # Safety
    /// `pointer` is NULL with an exception set, or a reference that the caller owns and gives away.
    pub(crate) unsafe fn from_ptr(
        py: Attached<'py>,
        pointer: *mut ffi::PyObject,
    ) -> PyResult<'py, Self> {
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Self {
                pointer,
                py: PhantomData,
            }),
            None => Err(Raised::fetch(py)),
        }
    }

    /// As [`Owned::from_ptr`] for calls whose NULL means "nothing there" and sets no exception.
    ///
    /// # Safety
    /// `pointer` is NULL or a reference that the caller owns and gives away.
    pub(crate) unsafe fn from_ptr_opt(
        _: Attached<'py>,
        pointer: *mut ffi::PyObject,
    ) -> Option<Self> {
        NonNull::new(pointer).map(|pointer| Self {
            pointer,
            py: PhantomData,
        })
    }

    /// Takes another reference to a borrowed object; NULL means that the call raised.
    ///
    /// # Errors
    /// The exception that is set.
    ///
    /// # Safety
    /// `pointer` is NULL with an exception set, or alive.
    pub(crate) unsafe fn from_borrowed_ptr(
        py: Attached<'py>,
        pointer: *mut ffi::PyObject,
    ) -> PyResult<'py, Self> {
        // SAFETY: alive or NULL, as the caller promises.
        unsafe {
            ffi::Py_IncRef(pointer);
            Self::from_ptr(py, pointer)
        }
    }

    /// The proof it was made with.
    pub(crate) fn py(&self) -> Attached<'py> {
        Attached(PhantomData)
    }

    /// The object, still owned by `self`.
    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.pointer.as_ptr()
    }

    /// The reference, given to the caller.
    pub(crate) fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).as_ptr()
    }

    /// The same reference, to be kept beyond this stretch of being attached.
    pub(crate) fn keep(self) -> Kept {
        Kept(ManuallyDrop::new(self).pointer)
    }
}

/// What a program does with objects.
impl<'py> Owned<'py> {
    fn check(&self, result: c_int) -> PyResult<'py, bool> {
        if result < 0 {
            Err(Raised::fetch(self.py()))
        } else {
            Ok(result != 0)
        }
    }

    /// `self.name`
    pub(crate) fn attr(&self, name: &CStr) -> PyResult<'py, Owned<'py>> {
        // SAFETY: a live object, a NUL-terminated name; a new reference or NULL with an exception.
        unsafe {
            Owned::from_ptr(
                self.py(),
                ffi::PyObject_GetAttrString(self.as_ptr(), name.as_ptr()),
            )
        }
    }

    /// `getattr(self, name, None)`, where `None` is Rust's; other exceptions than AttributeError pass.
    pub(crate) fn attr_opt(&self, name: &CStr) -> PyResult<'py, Option<Owned<'py>>> {
        match self.attr(name) {
            Ok(value) => Ok(Some(value)),
            // SAFETY: the exception types are set up before any code of ours runs and live as long as the interpreter.
            Err(raised) if raised.is(unsafe { ffi::PyExc_AttributeError }) => Ok(None),
            Err(raised) => Err(raised),
        }
    }

    /// `getattr(self, name)` for a name that is already a Python string.
    pub(crate) fn attr_object(&self, name: &Owned<'py>) -> PyResult<'py, Owned<'py>> {
        // SAFETY: live objects; a new reference or NULL with an exception.
        unsafe {
            Owned::from_ptr(
                self.py(),
                ffi::PyObject_GetAttr(self.as_ptr(), name.as_ptr()),
            )
        }
    }

    /// `self.name = value`
    pub(crate) fn set_attr(&self, name: &CStr, value: &Owned<'py>) -> PyResult<'py, ()> {
        // SAFETY: live objects, a NUL-terminated name; takes no reference of ours.
        let result =
            unsafe { ffi::PyObject_SetAttrString(self.as_ptr(), name.as_ptr(), value.as_ptr()) };
        self.check(result).map(drop)
    }

    /// `self(*arguments)`
    pub(crate) fn call(&self, arguments: &[&Owned<'py>]) -> PyResult<'py, Owned<'py>> {
        if arguments.is_empty() {
            // SAFETY: a live object; NULL stands for no arguments.
            return unsafe {
                Owned::from_ptr(
                    self.py(),
                    ffi::PyObject_CallObject(self.as_ptr(), std::ptr::null_mut()),
                )
            };
        }
        let arguments = self.py().tuple(arguments)?;
        self.call_tuple(&arguments)
    }

    /// `self(*arguments)` for a tuple.
    pub(crate) fn call_tuple(&self, arguments: &Owned<'py>) -> PyResult<'py, Owned<'py>> {
        // SAFETY: live objects; CPython itself checks that `arguments` is a tuple.
        unsafe {
            Owned::from_ptr(
                self.py(),
                ffi::PyObject_CallObject(self.as_ptr(), arguments.as_ptr()),
            )
        }
    }

    /// `self(*arguments, **keywords)`
    pub(crate) fn call_with(
        &self,
        arguments: &[&Owned<'py>],
        keywords: &Owned<'py>,
    ) -> PyResult<'py, Owned<'py>> {
        let arguments = self.py().tuple(arguments)?;
        // SAFETY: live objects, a tuple made here, a dict (checked by CPython).
        unsafe {
            Owned::from_ptr(
                self.py(),
                ffi::PyObject_Call(self.as_ptr(), arguments.as_ptr(), keywords.as_ptr()),
            )
        }
    }

    /// `self.name(*arguments)`
    pub(crate) fn call_method(
        &self,
        name: &CStr,
        arguments: &[&Owned<'py>],
    ) -> PyResult<'py, Owned<'py>> {
        self.attr(name)?.call(arguments)
    }

    /// `self[key]`
    pub(crate) fn item(&self, key: &Owned<'py>) -> PyResult<'py, Owned<'py>> {
        // SAFETY: live objects; a new reference or NULL with an exception.
        unsafe {
            Owned::from_ptr(
                self.py(),
                ffi::PyObject_GetItem(self.as_ptr(), key.as_ptr()),
            )
        }
    }

    /// `self[key] = value`
    pub(crate) fn set_item(&self, key: &Owned<'py>, value: &Owned<'py>) -> PyResult<'py, ()> {
        // SAFETY: live objects; takes no reference of ours.
        let result = unsafe { ffi::PyObject_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr()) };
        self.check(result).map(drop)
    }

    /// `self[key] = value` for what is known to be a dict.
    pub(crate) fn dict_set(&self, key: &Owned<'py>, value: &Owned<'py>) -> PyResult<'py, ()> {
        // SAFETY: live objects; CPython checks that `self` is a dict.
        let result = unsafe { ffi::PyDict_SetItem(self.as_ptr(), key.as_ptr(), value.as_ptr()) };
        self.check(result).map(drop)
    }

    /// `self.append(value)` for a list.
    pub(crate) fn append(&self, value: &Owned<'py>) -> PyResult<'py, ()> {
        // SAFETY: live objects; CPython checks that `self` is a list.
        let result = unsafe { ffi::PyList_Append(self.as_ptr(), value.as_ptr()) };
        self.check(result).map(drop)
    }

    /// `iter(self)`
    pub(crate) fn iter(&self) -> PyResult<'py, Owned<'py>> {
        // SAFETY: a live object; a new reference or NULL with an exception.
        unsafe { Owned::from_ptr(self.py(), ffi::PyObject_GetIter(self.as_ptr())) }
    }

    /// `next(self)` for what [`Owned::iter`] returned; `None` at its end.
    pub(crate) fn next(&self) -> PyResult<'py, Option<Owned<'py>>> {
        // SAFETY: an iterator; a new reference, or NULL with or without an exception.
        let item = unsafe { Owned::from_ptr_opt(self.py(), ffi::PyIter_Next(self.as_ptr())) };
        match item {
            Some(item) => Ok(Some(item)),
            None => Raised::pending(self.py()).map_or(Ok(None), Err),
        }
    }

    /// `len(self)`
    pub(crate) fn len(&self) -> PyResult<'py, usize> {
        // SAFETY: a live object.
        let length = unsafe { ffi::PyObject_Size(self.as_ptr()) };
        usize::try_from(length).map_err(|_| Raised::fetch(self.py()))
    }

    /// `bool(self)`
    pub(crate) fn truth(&self) -> PyResult<'py, bool> {
        // SAFETY: a live object.
        self.check(unsafe { ffi::PyObject_IsTrue(self.as_ptr()) })
    }

    /// `self is None`
    pub(crate) fn is_none(&self) -> bool {
        // SAFETY: takes the address of a static of CPython.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }

    /// `callable(self)`
    pub(crate) fn is_callable(&self) -> bool {
        // SAFETY: a live object.
        unsafe { ffi::PyCallable_Check(self.as_ptr()) != 0 }
    }

    /// `type(self)`
    pub(crate) fn class(&self) -> Owned<'py> {
        // SAFETY: a live object, which always has a type: never NULL.
        unsafe {
            let class = ffi::PyObject_Type(self.as_ptr());
            Owned {
                pointer: NonNull::new_unchecked(class),
                py: PhantomData,
            }
        }
    }

    /// `type(self).__name__`, for messages.
    pub(crate) fn type_name(&self) -> String {
        let name = self
            .class()
            .attr(c"__name__")
            .and_then(|name| name.to_text());
        name.unwrap_or_else(|_| String::from("?"))
    }
}

/// A reference that outlives the stretch of being attached in which it was made, and may cross threads.
///
/// Dropping it while detached cannot give the reference back and leaks the object (never memory safety): owners call
/// [`Kept::release`] where they are attached.
#[derive(Debug)]
pub(crate) struct Kept(NonNull<ffi::PyObject>);

// SAFETY: without an `Attached` nothing can be done with the object, and reference counts are only touched attached.
unsafe impl Send for Kept {}
// SAFETY: as above; `&Kept` gives access only together with an `Attached`.
unsafe impl Sync for Kept {}

impl Kept {
    /// The object, while attached to the interpreter that it belongs to.
    pub(crate) fn get<'a, 'py>(&'a self, _: Attached<'py>) -> Borrowed<'a, 'py> {
        Borrowed {
            pointer: self.0,
            life: PhantomData,
        }
    }

    /// Turns it into a reference that is given back when it goes out of scope.
    pub(crate) fn release<'py>(self, _: Attached<'py>) -> Owned<'py> {
        Owned {
            pointer: self.0,
            py: PhantomData,
        }
    }
}
