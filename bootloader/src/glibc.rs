//! Recognises a system whose C library is too old for the program, which the dynamic linker tells in words for its makers.

use crate::diagnostics::Failure;
use payload::{Glibc, Program};

/// Major and minor: (2, 35).
type Version = (u16, u16);

/// The failure that the dynamic linker's `complaint` stands for. What is needed is what the program's libraries need
/// altogether, as `pack build` says it: not only the first one that could not be loaded.
pub(crate) fn explain(complaint: String, program: &Program) -> Failure {
    let (Some(missing), Some(present)) = (missing(&complaint), present()) else {
        return Failure::Library(complaint);
    };
    Failure::OldGlibc {
        needed: program
            .glibc
            .map_or(missing, |known| known.all.max(missing)),
        present,
        complaint: Some(complaint),
    }
}

/// Whether this system can start the interpreter's own program, which nobody is left to speak for once it replaces this one.
pub(crate) fn suffices(program: &Program) -> Result<(), Failure> {
    match program.glibc.zip(present()) {
        Some((needed, present)) => compare(needed, present),
        None => Ok(()),
    }
}

fn compare(Glibc { start, all }: Glibc, present: Version) -> Result<(), Failure> {
    if start <= present {
        return Ok(());
    }
    Err(Failure::OldGlibc {
        needed: all.max(start),
        present,
        complaint: None,
    })
}

/// The system's.
fn present() -> Option<Version> {
    version(&platform::process::glibc_version()?)
}

/// The version that is not there: "version `GLIBC_2.35' not found (required by …)".
fn missing(complaint: &str) -> Option<Version> {
    let (_, rest) = complaint.split_once("version `GLIBC_")?;
    let (number, rest) = rest.split_once('\'')?;
    rest.starts_with(" not found").then(|| version(number))?
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

    #[test]
    fn what_a_start_needs_decides_and_what_all_needs_is_told() {
        let needs = Glibc {
            start: (2, 31),
            all: (2, 35),
        };
        assert!(compare(needs, (2, 31)).is_ok());
        let failure = compare(needs, (2, 28))
            .err()
            .map(|failure| failure.to_string());
        assert_eq!(
            failure.as_deref(),
            Some("this program needs glibc 2.35 or later, this system has 2.28")
        );
    }
}
