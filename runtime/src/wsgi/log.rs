//! The one printer: what the server itself says goes to stderr, a line at a time, without Python.

use std::io::Write;

/// Writes `text` at once, so that lines of several threads do not mix. A stderr that is closed or full is no reason to
/// stop serving.
pub(crate) fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes one line.
pub(crate) fn line(text: &str) {
    write(&format!("{text}\n"));
}
