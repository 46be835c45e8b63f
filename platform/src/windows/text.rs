//! Texts as Windows takes them: UTF-16 that a zero ends.

use std::ffi::{OsStr, OsString};
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// `text` in UTF-16, with a zero at its end.
pub(crate) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// The units before the zero that ends `text`.
///
/// # Safety
/// A zero must end `text`, which must stay as it is for `'a`.
pub(crate) unsafe fn terminated<'a>(text: *const u16) -> &'a [u16] {
    // SAFETY: the caller vouches for the zero.
    unsafe {
        let length = (0..).take_while(|at| *text.add(*at) != 0).count();
        std::slice::from_raw_parts(text, length)
    }
}

/// The text before the first zero.
pub(crate) fn narrow(text: &[u16]) -> OsString {
    let end = text
        .iter()
        .position(|unit| *unit == 0)
        .unwrap_or(text.len());
    OsString::from_wide(&text[..end])
}

/// As [`wide`], for calls that take no path of 260 characters or more unless it begins with `\\?\`.
pub(crate) fn wide_path(path: &Path) -> Vec<u16> {
    const LONG: usize = 240;
    let plain = wide(path);
    let text = path.as_os_str().to_string_lossy();
    if plain.len() < LONG || text.starts_with(r"\\?\") || !path.is_absolute() {
        return plain;
    }
    // Such a path is taken as it stands: `/`, `.` and `..` mean nothing in it.
    let normal = crate::path::normal(path);
    let normal = normal.as_os_str().to_string_lossy().replace('/', r"\");
    match normal.strip_prefix(r"\\") {
        Some(share) => wide(format!(r"\\?\UNC\{share}")),
        None => wide(format!(r"\\?\{normal}")),
    }
}

/// `path` without the `\\?\` in front that programs do not expect.
pub(crate) fn plain(path: PathBuf) -> PathBuf {
    let text = path.to_string_lossy();
    let Some(rest) = text.strip_prefix(r"\\?\") else {
        return path;
    };
    match rest.strip_prefix(r"UNC\") {
        Some(share) => PathBuf::from(format!(r"\\{share}")),
        None if rest.as_bytes().get(1) == Some(&b':') => PathBuf::from(rest),
        None => path,
    }
}
