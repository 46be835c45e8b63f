//! Shared libraries, loaded at run time.

use crate::text::{wide, wide_path};
use std::ffi::{CStr, c_void};
use std::io;
use std::path::Path;
use std::ptr::null_mut;
use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::System::LibraryLoader::{
    AddDllDirectory, GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN,
    GetModuleHandleExW, GetProcAddress, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS,
    LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
    SetDefaultDllDirectories,
};

pub use crate::loading::{Binding, LoadError, Visibility};

/// A shared library that stays loaded until the process ends: what it registered must never point into unmapped memory.
#[derive(Debug, Clone, Copy)]
pub struct Library(HMODULE);

impl Library {
    /// Loads the library at `path`. What it needs is looked for among what is loaded, in its own folder, in those of
    /// [`search`] and in the system's; never in the current folder or on `PATH`.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn open(path: &Path, _: Visibility) -> Result<Self, LoadError> {
        // The system takes no `/` here.
        let native: std::path::PathBuf = path.components().collect();
        let name = wide_path(&native);
        let flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS;
        // SAFETY: a text that a zero ends. The library's initialisers run; the caller has checked the file's hash, which
        // is what makes running them as sound as running the program itself.
        let handle = unsafe { LoadLibraryExW(name.as_ptr(), null_mut(), flags) };
        if handle.is_null() {
            let error = io::Error::last_os_error();
            return Err(LoadError(format!("`{}`: {error}", native.display())));
        }
        Ok(Self(handle))
    }

    /// As [`Library::open`].
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn open_with(path: &Path, visibility: Visibility, _: Binding) -> Result<Self, LoadError> {
        Self::open(path, visibility)
    }

    /// The library that `address` lies in.
    #[must_use]
    pub fn holding(address: *const c_void) -> Option<Self> {
        let mut handle = null_mut();
        let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
        // SAFETY: the address is looked up and not read; the handle is written to a local.
        let found = unsafe { GetModuleHandleExW(flags, address.cast(), &raw mut handle) };
        (found != 0 && !handle.is_null()).then_some(Self(handle))
    }

    /// The address of `name`, or `None` when the library has no such symbol. What it points at is for the caller to
    /// know.
    #[must_use]
    pub fn symbol(self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle is of a library that is never unloaded; `name` is NUL-terminated.
        let address = unsafe { GetProcAddress(self.0, name.as_ptr().cast()) };
        address.map(|address| address as *mut c_void)
    }
}

/// Takes the current folder and `PATH` out of the places where libraries are looked for by name, for this process and not
/// for its children. To be called before anything is loaded.
pub fn distrust_surroundings() {
    // SAFETY: a setting of this process.
    unsafe { SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_DEFAULT_DIRS) };
}

/// Has libraries looked for in `folder`, too, by those who look in the default places.
pub fn search(folder: &Path) {
    let folder = wide(folder);
    // SAFETY: a text that a zero ends, copied by the system. Where it fails, what is missing is told when it is loaded.
    unsafe { AddDllDirectory(folder.as_ptr()) };
}

/// A library of the system itself.
///
/// # Errors
/// When this Windows has none of that name.
pub fn system(name: &str) -> Result<Library, LoadError> {
    let wide = wide(name);
    // SAFETY: a text that a zero ends; the system's folder alone is looked in.
    let handle = unsafe { LoadLibraryExW(wide.as_ptr(), null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if handle.is_null() {
        return Err(LoadError(format!(
            "`{name}`: {}",
            io::Error::last_os_error()
        )));
    }
    Ok(Library(handle))
}
