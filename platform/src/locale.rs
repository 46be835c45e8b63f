//! The C library's idea of the user's locale.

use std::ffi::CStr;

/// The character set of the user's locale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// The C or POSIX locale: no character set was chosen.
    Unset,
    /// Some other one, such as ISO-8859-15.
    Other,
}

/// Sets `LC_CTYPE` from the environment and tells what was chosen. Called once, while the process has one thread.
#[must_use]
pub fn charset() -> Charset {
    // SAFETY: the process has a single thread, so nobody reads the locale meanwhile; both calls return NULL or a
    // NUL-terminated string that stays valid until the next call of its kind.
    unsafe {
        let name = libc::setlocale(libc::LC_CTYPE, c"".as_ptr());
        // NULL: the environment names a locale this machine does not have; the C locale stays in force.
        if name.is_null() {
            return Charset::Unset;
        }
        let name = CStr::from_ptr(name).to_bytes();
        if name == b"C" || name == b"POSIX" {
            return Charset::Unset;
        }
        match CStr::from_ptr(libc::nl_langinfo(libc::CODESET)).to_bytes() {
            b"UTF-8" => Charset::Utf8,
            _ => Charset::Other,
        }
    }
}
