//! Shared libraries, loaded at run time.

use std::ffi::{CStr, CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use crate::loading::{Binding, LoadError, Visibility};

/// A shared library that stays loaded until the process ends: what it registered (atexit handlers, thread-local
/// destructors, Python types) must never point into unmapped memory.
#[derive(Debug, Clone, Copy)]
pub struct Library(*mut c_void);

impl Library {
    /// Loads the library at `path` with every symbol resolved now.
    ///
    /// # Errors
    /// When the dynamic linker refuses it.
    pub fn open(path: &Path, visibility: Visibility) -> Result<Self, LoadError> {
        Self::open_with(path, visibility, Binding::Now)
    }

    /// Loads the library at `path`.
    ///
    /// # Errors
    /// When the dynamic linker refuses it.
    pub fn open_with(
        path: &Path,
        visibility: Visibility,
        binding: Binding,
    ) -> Result<Self, LoadError> {
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| LoadError(format!("{}: the path holds a NUL byte", path.display())))?;
        let scope = match visibility {
            Visibility::Global => libc::RTLD_GLOBAL,
            Visibility::Local => libc::RTLD_LOCAL,
        };
        let binding = match binding {
            Binding::Now => libc::RTLD_NOW,
            Binding::Lazy => libc::RTLD_LAZY,
        };
        // SAFETY: `name` is NUL-terminated and outlives the call. The library's initialisers run; the caller has
        // checked the file's hash, which is what makes running them as sound as running the program itself.
        let handle = unsafe { libc::dlopen(name.as_ptr(), binding | scope) };
        if handle.is_null() {
            Err(last_error())
        } else {
            Ok(Self(handle))
        }
    }

    /// What is already loaded into this process with global visibility.
    ///
    /// # Errors
    /// When the dynamic linker refuses, which it has no reason to.
    pub fn this_process() -> Result<Self, LoadError> {
        // SAFETY: a null name asks for the handle of the main program; nothing is loaded.
        let handle = unsafe { libc::dlopen(std::ptr::null(), libc::RTLD_NOW) };
        if handle.is_null() {
            Err(last_error())
        } else {
            Ok(Self(handle))
        }
    }

    /// The address of `name`, or `None` when the library has no such symbol. What it points at is for the caller to
    /// know.
    #[must_use]
    pub fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle came from dlopen and is never closed; `name` is NUL-terminated.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }
}

fn last_error() -> LoadError {
    // SAFETY: dlerror returns NULL or a NUL-terminated string that stays valid until this thread's next dl call.
    let text = unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            "unknown error".into()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    };
    LoadError(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_named_in_the_error() {
        let error = Library::open(Path::new("/nowhere/libx.so"), Visibility::Local).unwrap_err();
        assert!(error.to_string().contains("/nowhere/libx.so"), "{error}");
    }

    #[test]
    fn symbols_of_this_process_are_found() {
        let process = Library::this_process().unwrap();
        assert!(process.symbol(c"malloc").is_some());
        assert!(process.symbol(c"no_such_symbol_anywhere").is_none());
    }
}
