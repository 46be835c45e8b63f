//! The standard streams, which a process without a console has none of.

use crate::text::wide;
use std::io::Write as _;
use std::os::windows::io::RawHandle;
use std::ptr::null_mut;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    MB_ICONERROR, MB_OK, MB_SETFOREGROUND, MessageBoxW,
};

/// On Unix, keeps the numbers of missing streams taken. Windows gives no file such a number by itself.
#[derive(Debug)]
#[must_use]
pub struct Placeholders(());

impl Placeholders {
    /// Takes them.
    pub fn take() -> Self {
        Self(())
    }

    /// Keeps them taken until the process ends.
    pub fn keep(self) {}

    /// Gives the numbers back.
    pub fn give_back(self) {}
}

/// Whether there is a standard error stream.
#[must_use]
pub fn has_stderr() -> bool {
    // SAFETY: asks for a handle, and owns nothing.
    let handle = unsafe { GetStdHandle(STD_ERROR_HANDLE) };
    is_open(handle)
}

/// Whether what the system calls a stream is one.
pub(crate) fn is_open(handle: RawHandle) -> bool {
    !handle.is_null() && handle != INVALID_HANDLE_VALUE
}

/// Tells the user why the process is about to end: on stderr, or in a window where there is none.
pub fn last_words(text: &str) {
    if has_stderr() {
        let _ = std::io::stderr().write_all(text.as_bytes());
    } else {
        show(text);
    }
}

/// Shows `text` in a window and waits until it is closed. Its text can be copied with Ctrl-C.
pub fn show(text: &str) {
    let title = std::env::args_os().next().unwrap_or_default();
    let title = std::path::Path::new(&title)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    // A NUL would end the text early.
    let (text, title) = (
        wide(text.replace('\0', " ")),
        wide(title.unwrap_or_default().replace('\0', " ")),
    );
    let flags = MB_OK | MB_ICONERROR | MB_SETFOREGROUND;
    // SAFETY: texts that a zero ends, alive during the call; no owner.
    unsafe { MessageBoxW(null_mut(), text.as_ptr(), title.as_ptr(), flags) };
}
