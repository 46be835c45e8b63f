//! Python objects from Rust values, and back.

use std::ffi::{CStr, OsStr, c_char};
use std::ptr::null_mut;

use pyo3_ffi as ffi;

use super::beyond::beyond;
use super::error::{PyResult, Raised};
use super::object::{Attached, Borrowed, Owned};

beyond! {
    // In every CPython, in the limited API since 3.10.
    fn PyUnicode_AsUTF8AndSize(text: *mut ffi::PyObject, size: *mut ffi::Py_ssize_t) -> *const c_char;
}

// Sizes of Rust slices fit: a slice is never longer than `isize::MAX` bytes.
#[allow(clippy::cast_possible_wrap)]
fn size(length: usize) -> ffi::Py_ssize_t {
    length as ffi::Py_ssize_t
}

impl<'py> Attached<'py> {
    /// `None`
    pub(crate) fn none(self) -> Owned<'py> {
        // SAFETY: `None` is alive as long as the interpreter and never NULL.
        let none = unsafe { Borrowed::from_ptr(self, ffi::Py_None()) };
        none.map_or_else(
            || unreachable!("None is an object"),
            |none| Owned::clone(&none),
        )
    }

    /// `True` or `False`
    pub(crate) fn bool(self, value: bool) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; a new reference.
        unsafe { Owned::from_ptr(self, ffi::PyBool_FromLong(value.into())) }
    }

    /// An int.
    pub(crate) fn int(self, value: i64) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; a new reference.
        unsafe { Owned::from_ptr(self, ffi::PyLong_FromLongLong(value)) }
    }

    /// A float.
    pub(crate) fn float(self, value: f64) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; a new reference.
        unsafe { Owned::from_ptr(self, ffi::PyFloat_FromDouble(value)) }
    }

    /// A str.
    pub(crate) fn text(self, value: &str) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; copies `value`, whose length goes with it.
        unsafe {
            let text = ffi::PyUnicode_FromStringAndSize(
                value.as_ptr().cast::<c_char>(),
                size(value.len()),
            );
            Owned::from_ptr(self, text)
        }
    }

    /// A str of the characters U+0000 to U+00FF, one per byte, as PEP 3333 wants it.
    pub(crate) fn latin1(self, value: &[u8]) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; copies `value`, whose length goes with it; NULL is the default error handler.
        unsafe {
            let data = value.as_ptr().cast::<c_char>();
            Owned::from_ptr(
                self,
                ffi::PyUnicode_DecodeLatin1(data, size(value.len()), std::ptr::null()),
            )
        }
    }

    /// A str as `os.fsdecode` makes it: bytes that are not UTF-8 become surrogates.
    #[cfg(unix)]
    pub(crate) fn path(self, value: &OsStr) -> PyResult<'py, Owned<'py>> {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = value.as_bytes();
        // SAFETY: attached; copies `bytes`, whose length goes with it.
        unsafe {
            let text = ffi::PyUnicode_DecodeFSDefaultAndSize(
                bytes.as_ptr().cast::<c_char>(),
                size(bytes.len()),
            );
            Owned::from_ptr(self, text)
        }
    }

    /// A str as `os.fsdecode` makes it.
    #[cfg(windows)]
    pub(crate) fn path(self, value: &OsStr) -> PyResult<'py, Owned<'py>> {
        use std::os::windows::ffi::OsStrExt as _;
        let units: Vec<u16> = value.encode_wide().collect();
        // SAFETY: attached; copies the text, whose length goes with it.
        unsafe {
            let text = ffi::PyUnicode_FromWideChar(units.as_ptr(), size(units.len()));
            Owned::from_ptr(self, text)
        }
    }

    /// Bytes.
    pub(crate) fn bytes(self, value: &[u8]) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; copies `value`, whose length goes with it.
        unsafe {
            let bytes =
                ffi::PyBytes_FromStringAndSize(value.as_ptr().cast::<c_char>(), size(value.len()));
            Owned::from_ptr(self, bytes)
        }
    }

    /// A tuple.
    pub(crate) fn tuple(self, items: &[&Owned<'py>]) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; `PyTuple_SetItem` takes over the reference also when it fails, and fills each slot once
        // before anybody else sees the tuple.
        unsafe {
            let tuple = Owned::from_ptr(self, ffi::PyTuple_New(size(items.len())))?;
            for (index, item) in items.iter().enumerate() {
                let item = Owned::clone(item).into_ptr();
                if ffi::PyTuple_SetItem(tuple.as_ptr(), size(index), item) < 0 {
                    return Err(Raised::fetch(self));
                }
            }
            Ok(tuple)
        }
    }

    /// A list.
    pub(crate) fn list(self, items: &[&Owned<'py>]) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; a new reference.
        let list = unsafe { Owned::from_ptr(self, ffi::PyList_New(0)) }?;
        items.iter().try_for_each(|item| list.append(item))?;
        Ok(list)
    }

    /// An empty dict.
    pub(crate) fn dict(self) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached; a new reference.
        unsafe { Owned::from_ptr(self, ffi::PyDict_New()) }
    }

    /// `import name`; for `a.b` the module `a.b`.
    pub(crate) fn import(self, name: &CStr) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached, a NUL-terminated name; a new reference.
        unsafe { Owned::from_ptr(self, ffi::PyImport_ImportModule(name.as_ptr())) }
    }

    /// As [`Attached::import`] for a name that is not known beforehand.
    pub(crate) fn import_named(self, name: &str) -> PyResult<'py, Owned<'py>> {
        let name = self.text(name)?;
        // SAFETY: attached, a live string; a new reference.
        unsafe { Owned::from_ptr(self, ffi::PyImport_Import(name.as_ptr())) }?;
        // `PyImport_Import("a.b")` returns `a`; the module itself is in `sys.modules` now.
        self.import(c"sys")?.attr(c"modules")?.item(&name)
    }

    /// The module `name`, if it is loaded.
    pub(crate) fn loaded(self, name: &CStr) -> PyResult<'py, Option<Owned<'py>>> {
        let name = self.text(&name.to_string_lossy())?;
        let modules = self.import(c"sys")?.attr(c"modules")?;
        let module = modules.call_method(c"get", &[&name])?;
        Ok((!module.is_none()).then_some(module))
    }

    /// The module `name` in `sys.modules`, made empty when it is not there.
    pub(crate) fn add_module(self, name: &CStr) -> PyResult<'py, Owned<'py>> {
        // SAFETY: attached, a NUL-terminated name; a borrowed reference that `sys.modules` holds.
        unsafe { Owned::from_borrowed_ptr(self, ffi::PyImport_AddModule(name.as_ptr())) }
    }
}

impl<'py> Owned<'py> {
    /// `str(self)`
    pub(crate) fn str(&self) -> PyResult<'py, Owned<'py>> {
        // SAFETY: a live object; a new reference or NULL with an exception.
        unsafe { Owned::from_ptr(self.py(), ffi::PyObject_Str(self.as_ptr())) }
    }

    /// The characters of a str; TypeError for other types. Lone surrogates come out as `?`.
    pub(crate) fn to_text(&self) -> PyResult<'py, String> {
        // SAFETY: CPython checks that `self` is a str; `replace` is a NUL-terminated name of an error handler.
        let encoded = unsafe {
            let bytes = ffi::PyUnicode_AsEncodedString(
                self.as_ptr(),
                c"utf-8".as_ptr(),
                c"replace".as_ptr(),
            );
            Owned::from_ptr(self.py(), bytes)
        }?;
        Ok(String::from_utf8_lossy(encoded.as_bytes().unwrap_or_default()).into_owned())
    }

    /// The bytes of a str of latin-1 characters; UnicodeEncodeError (a ValueError) for others, TypeError for other types.
    pub(crate) fn to_latin1(&self) -> PyResult<'py, Owned<'py>> {
        // SAFETY: CPython checks that `self` is a str; a new reference to a bytes object.
        unsafe { Owned::from_ptr(self.py(), ffi::PyUnicode_AsLatin1String(self.as_ptr())) }
    }

    /// The characters of a str that is ASCII, where they are; `None` for others and for other types.
    pub(crate) fn as_ascii(&self) -> Option<&[u8]> {
        let mut length = 0;
        // SAFETY: a live object. For a str its characters as UTF-8, which lie in it or are kept by it as long as it lives,
        // and do not change; NULL with an exception when there are none, and for other types.
        unsafe {
            let data = PyUnicode_AsUTF8AndSize(self.as_ptr(), &raw mut length);
            if data.is_null() {
                ffi::PyErr_Clear();
                return None;
            }
            // Every other character takes more than a byte.
            (length == ffi::PyUnicode_GetLength(self.as_ptr())).then(|| {
                std::slice::from_raw_parts(data.cast(), usize::try_from(length).unwrap_or(0))
            })
        }
    }

    /// Whether it is a str of these characters.
    pub(crate) fn is_ascii_text(&self, text: &CStr) -> bool {
        // SAFETY: a live str, and a NUL-terminated text; it raises nothing.
        self.is_text()
            && unsafe { ffi::PyUnicode_CompareWithASCIIString(self.as_ptr(), text.as_ptr()) == 0 }
    }

    /// The content of a bytes object (also of a subclass); `None` for other types.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        let (mut data, mut length) = (null_mut(), 0);
        // SAFETY: for a bytes object its own buffer, which does not move or change and lives as long as `self`; for
        // other types an exception, which is dropped.
        unsafe {
            if !self.has_type_flag(ffi::Py_TPFLAGS_BYTES_SUBCLASS)
                || ffi::PyBytes_AsStringAndSize(self.as_ptr(), &raw mut data, &raw mut length) < 0
            {
                return None;
            }
            Some(std::slice::from_raw_parts(
                data.cast::<u8>(),
                usize::try_from(length).unwrap_or(0),
            ))
        }
    }

    /// An int that fits; OverflowError or TypeError otherwise.
    pub(crate) fn to_i64(&self) -> PyResult<'py, i64> {
        // Up to 3.9 a float would do, too.
        // SAFETY: a live object; a new reference, or NULL with an exception.
        let index = unsafe { Owned::from_ptr(self.py(), ffi::PyNumber_Index(self.as_ptr())) }?;
        // SAFETY: a live object; -1 may be a value or an error.
        let value = unsafe { ffi::PyLong_AsLongLong(index.as_ptr()) };
        if value == -1
            && let Some(raised) = Raised::pending(self.py())
        {
            return Err(raised);
        }
        Ok(value)
    }

    /// Whether it is a bytes object.
    pub(crate) fn is_bytes(&self) -> bool {
        self.has_type_flag(ffi::Py_TPFLAGS_BYTES_SUBCLASS)
    }

    /// Whether it is a str.
    pub(crate) fn is_text(&self) -> bool {
        self.has_type_flag(ffi::Py_TPFLAGS_UNICODE_SUBCLASS)
    }

    /// Whether it is a list.
    pub(crate) fn is_list(&self) -> bool {
        self.has_type_flag(ffi::Py_TPFLAGS_LIST_SUBCLASS)
    }

    /// Whether it is a tuple.
    pub(crate) fn is_tuple(&self) -> bool {
        self.has_type_flag(ffi::Py_TPFLAGS_TUPLE_SUBCLASS)
    }

    // `PyBytes_Check` and its like read the object's type field; these bits of the type are the stable way.
    fn has_type_flag(&self, flag: std::ffi::c_ulong) -> bool {
        let class = self.class();
        // SAFETY: a live type object; the function reads its flags.
        unsafe { ffi::PyType_GetFlags(class.as_ptr().cast()) & flag != 0 }
    }

    /// Item `index` of a tuple; `None` beyond its end and for other types.
    pub(crate) fn tuple_item(&self, index: usize) -> Option<Borrowed<'_, 'py>> {
        // An IndexError costs more than the question.
        // SAFETY: the object is alive; the length of a tuple is that of its items.
        if !self.is_tuple() || size(index) >= unsafe { ffi::PyTuple_Size(self.as_ptr()) } {
            return None;
        }
        // SAFETY: a tuple holds its items as long as it lives, and cannot change.
        unsafe { Borrowed::from_ptr(self.py(), ffi::PyTuple_GetItem(self.as_ptr(), size(index))) }
    }

    /// The items of a tuple of two; `None` for everything else.
    pub(crate) fn pair(&self) -> Option<[Borrowed<'_, 'py>; 2]> {
        // SAFETY: the object is alive; for a tuple the size is that of its items, which it holds as long as it lives.
        unsafe {
            if !self.is_tuple() || ffi::PyTuple_Size(self.as_ptr()) != 2 {
                return None;
            }
            let item =
                |index| Borrowed::from_ptr(self.py(), ffi::PyTuple_GetItem(self.as_ptr(), index));
            Some([item(0)?, item(1)?])
        }
    }

    /// The items of a list, as long as there are further ones; `None` for other types.
    pub(crate) fn list_items(&self) -> Option<impl Iterator<Item = Owned<'py>>> {
        let item = |index| {
            // An IndexError costs more than the question.
            // SAFETY: the object is alive, and a list.
            if size(index) >= unsafe { ffi::PyList_Size(self.as_ptr()) } {
                return None;
            }
            // SAFETY: a list; a new reference, since another thread may take the item out of it.
            let item = unsafe {
                Owned::from_ptr_opt(
                    self.py(),
                    ffi::PySequence_GetItem(self.as_ptr(), size(index)),
                )
            };
            if item.is_none() {
                drop(Raised::pending(self.py()));
            }
            item
        };
        self.is_list().then(|| (0..).map_while(item))
    }

    /// The texts in a list; none for other types.
    ///
    /// # Errors
    /// TypeError when an item is no str.
    pub(crate) fn texts(&self) -> PyResult<'py, Vec<String>> {
        let items = self.list_items().into_iter().flatten();
        items.map(|item| item.to_text()).collect()
    }

    /// `dict(self)` for a dict.
    pub(crate) fn dict_copy(&self) -> PyResult<'py, Owned<'py>> {
        // SAFETY: CPython checks that it is a dict; a new reference.
        unsafe { Owned::from_ptr(self.py(), ffi::PyDict_Copy(self.as_ptr())) }
    }
}
