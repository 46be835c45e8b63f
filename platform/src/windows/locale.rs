//! The code page of programs that know no Unicode.

use windows_sys::Win32::Globalization::{CP_UTF8, GetACP};

/// The character set that text files and pipes have unless a program says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// No character set was chosen.
    Unset,
    /// Some other one.
    Other,
    /// A code page of Windows, such as 1252.
    CodePage(u32),
}

/// What Windows says.
#[must_use]
pub fn charset() -> Charset {
    // SAFETY: takes nothing and cannot fail.
    match unsafe { GetACP() } {
        CP_UTF8 => Charset::Utf8,
        page => Charset::CodePage(page),
    }
}
