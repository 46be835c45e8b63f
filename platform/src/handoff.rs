//! What the bootloader hands to the runtime it loaded: a C structure, because the two are separate binaries.

use crate::{Library, MappedBytes};
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// Version of [`Handoff`]; the runtime refuses another.
pub const HANDOFF_VERSION: u32 = 2;

/// The runtime's entry point, by this name in its dynamic symbol table.
pub const RUNTIME_ENTRY: &CStr = c"pack_runtime_main";

/// Signature of [`RUNTIME_ENTRY`]: returns the process's exit status.
pub type RuntimeEntry = unsafe extern "C" fn(*const Handoff) -> i32;

/// What paths are made of; a zero ends them.
#[cfg(unix)]
type Unit = std::ffi::c_char;
#[cfg(windows)]
type Unit = u16;

/// The C structure. All pointers stay valid until the process ends.
#[repr(C)]
#[derive(Debug)]
pub struct Handoff {
    version: u32,
    libpython: *const Unit,
    executable: *const Unit,
    meipass: *const Unit,
    file: *const u8,
    file_length: usize,
    in_use: i32,
}

/// What [`Handoff`] says, in Rust's types.
#[derive(Debug, Clone)]
pub struct Start {
    /// The program's own file, mapped: verified by the bootloader.
    pub file: MappedBytes,
    /// Its path, absolute.
    pub executable: PathBuf,
    /// The directory of unpacked files, absolute.
    pub meipass: PathBuf,
    /// The loaded libpython's path; `None` when the interpreter's own program loaded the runtime.
    pub libpython: Option<PathBuf>,
    /// What [`crate::directory::Lock::keep`] returned for the lock on `meipass`; -1 where none is needed.
    pub in_use: i32,
}

/// The two sides were not built for each other.
#[derive(Debug)]
pub struct VersionMismatch;

impl Handoff {
    /// Writes down `start`; the strings are leaked, as they must outlive everything.
    ///
    /// # Errors
    /// When a path holds a NUL byte, which no path that was opened can.
    pub fn new(start: &Start) -> Result<Self, std::ffi::NulError> {
        Ok(Self {
            version: HANDOFF_VERSION,
            libpython: start
                .libpython
                .as_deref()
                .map_or(Ok(std::ptr::null()), leak)?,
            executable: leak(&start.executable)?,
            meipass: leak(&start.meipass)?,
            file: start.file.bytes().as_ptr(),
            file_length: start.file.bytes().len(),
            in_use: start.in_use,
        })
    }

    /// Reads what the other side wrote.
    ///
    /// # Errors
    /// When it was written by another version.
    ///
    /// # Safety
    /// `handoff` must point at a structure made by [`Handoff::new`], or at one whose first field is another version.
    pub unsafe fn read(handoff: *const Self) -> Result<Start, VersionMismatch> {
        // SAFETY: the caller vouches for the pointer; the version stands first in every version of the structure.
        let version = unsafe { (*handoff).version };
        if version != HANDOFF_VERSION {
            return Err(VersionMismatch);
        }
        // SAFETY: of this version, so made by `new`: the strings are NUL-terminated and leaked, the file is mapped for
        // good.
        unsafe {
            let handoff = &*handoff;
            Ok(Start {
                file: MappedBytes::assume(std::slice::from_raw_parts(
                    handoff.file,
                    handoff.file_length,
                )),
                executable: path(handoff.executable),
                meipass: path(handoff.meipass),
                in_use: handoff.in_use,
                libpython: (!handoff.libpython.is_null()).then(|| path(handoff.libpython)),
            })
        }
    }
}

/// Runs the program through the entry point of `runtime`, and returns its exit status; `None` when the library has no
/// such entry point.
#[must_use]
pub fn start_runtime(runtime: Library, handoff: &Handoff) -> Option<i32> {
    let address = runtime.symbol(RUNTIME_ENTRY)?;
    // SAFETY: only our runtime has a symbol of this name, and it has this signature in every version: the version of
    // what it is handed stands in the structure.
    let entry: RuntimeEntry = unsafe { std::mem::transmute(address) };
    // SAFETY: `handoff` is a live structure made by `Handoff::new`.
    Some(unsafe { entry(handoff) })
}

#[cfg(unix)]
fn leak(path: &Path) -> Result<*const Unit, std::ffi::NulError> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?.into_raw())
}

#[cfg(windows)]
#[allow(clippy::unnecessary_wraps, reason = "one name on all systems")]
fn leak(path: &Path) -> Result<*const Unit, std::ffi::NulError> {
    Ok(crate::text::wide(path).leak().as_ptr())
}

/// # Safety
/// `text` must be NUL-terminated.
#[cfg(unix)]
unsafe fn path(text: *const Unit) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    // SAFETY: the caller vouches for the terminator.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// # Safety
/// A zero must end `text`.
#[cfg(windows)]
unsafe fn path(text: *const Unit) -> PathBuf {
    // SAFETY: the caller vouches for the zero.
    let units = unsafe { crate::text::terminated(text) };
    PathBuf::from(crate::text::narrow(units))
}
