//! Recognises a system whose C library is too old for the program, which the dynamic linker tells in words for its makers.

use crate::diagnostics::Failure;
use payload::Payload;
use std::path::Path;

/// Major and minor: (2, 35).
type Version = (u32, u32);

/// What stands before a version in a library's table of needs and in the dynamic linker's complaint.
const NAME: &str = "GLIBC_";

/// The failure that the dynamic linker's `complaint` stands for. What is needed is what the program's libraries need
/// altogether, as `pack build` says it: not only the first one that could not be loaded.
pub(crate) fn explain(complaint: String, payload: &Payload<'_>, meipass: &Path) -> Failure {
    let present = platform::process::glibc_version()
        .as_deref()
        .and_then(version);
    let (Some(missing), Some(present)) = (missing(&complaint), present) else {
        return Failure::Library(complaint);
    };
    let libraries = payload.entries().filter_map(Result::ok);
    let libraries = libraries.filter(|entry| entry.path.contains(".so"));
    let needed = libraries
        .filter_map(|entry| latest(&std::fs::read(meipass.join(entry.path)).ok()?))
        .fold(missing, Version::max);
    Failure::OldGlibc {
        needed,
        present,
        complaint,
    }
}

/// The version that is not there: "version `GLIBC_2.35' not found (required by …)".
fn missing(complaint: &str) -> Option<Version> {
    let (_, rest) = complaint.split_once("version `GLIBC_")?;
    let (number, rest) = rest.split_once('\'')?;
    rest.starts_with(" not found").then(|| version(number))?
}

/// The latest version among the names in a library's file.
fn latest(library: &[u8]) -> Option<Version> {
    let named = library.split(|byte| *byte == 0).filter_map(|name| {
        // Symbol versions are strings of their own.
        let name = std::str::from_utf8(name).ok()?;
        version(name.strip_prefix(NAME)?)
    });
    named.max()
}

/// `2.35` and `2.2.5`.
fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("2.2.5"), Some((2, 2)));
        assert!(version("2.35") > version("2.4"));
        assert_eq!(version("PRIVATE"), None);
        let library =
            b"\x7fELF\0libc.so.6\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.4\0GLIBC_PRIVATE\0\xff\xff";
        assert_eq!(latest(library), Some((2, 34)));
    }

    #[test]
    fn only_a_missing_version_is_one() {
        let complaint = "/lib/libm.so.6: version `GLIBC_2.35' not found (required by /tmp/x/libpython3.13.so.1.0)";
        assert_eq!(missing(complaint), Some((2, 35)));
        assert_eq!(
            missing("libx.so.1: cannot open shared object file: No such file or directory"),
            None
        );
    }
}
