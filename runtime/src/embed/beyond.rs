//! Functions that every CPython exports beyond its limited API.
//!
//! On Unix the dynamic linker finds them in the process, as it finds all others. On Windows a library names the one that
//! a function comes from: those of the limited API come from `python3.dll`, which passes on to the real one, whose name
//! has the version in it. So what is beyond is looked up there, once, by name.

use std::ffi::{CStr, c_void};

use platform::Library;

/// The library that CPython's code is in.
fn python() -> Option<Library> {
    #[cfg(unix)]
    return Library::this_process().ok();
    // A constant of that library's.
    // SAFETY: returns a constant NUL-terminated string, and may be called before the interpreter is started.
    #[cfg(windows)]
    return Library::holding(unsafe { pyo3_ffi::Py_GetVersion() }.cast());
}

/// The address of what CPython exports as `name`; `None` where this version has no such thing.
pub(super) fn symbol(name: &CStr) -> Option<*mut c_void> {
    python()?.symbol(name)
}

/// As [`symbol`], for what all versions have.
#[cfg(windows)]
pub(super) fn must_have(name: &CStr) -> *mut c_void {
    symbol(name).unwrap_or_else(|| panic!("this Python has no {}", name.to_string_lossy()))
}

/// Declares functions as an `extern` block does.
macro_rules! beyond {
    ($($(#[$meta:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[cfg(unix)]
        unsafe extern "C" {
            $($(#[$meta])* fn $name($($argument: $kind),*) $(-> $result)?;)*
        }
        $(
            #[cfg(windows)]
            #[allow(non_snake_case)]
            $(#[$meta])*
            unsafe fn $name($($argument: $kind),*) $(-> $result)? {
                use std::sync::OnceLock;
                type Function = unsafe extern "C" fn($($kind),*) $(-> $result)?;
                static FOUND: OnceLock<Function> = OnceLock::new();
                let function = FOUND.get_or_init(|| {
                    const NAME: &str = concat!(stringify!($name), "\0");
                    let name = std::ffi::CStr::from_bytes_with_nul(NAME.as_bytes());
                    let address = $crate::embed::beyond::must_have(name.unwrap_or_default());
                    // SAFETY: CPython's function of this name has this signature, as the declaration says.
                    unsafe { std::mem::transmute::<*mut std::ffi::c_void, Function>(address) }
                });
                // SAFETY: as the caller promises.
                unsafe { function($($argument),*) }
            }
        )*
    };
}
pub(super) use beyond;
