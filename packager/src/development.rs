//! Files of libraries that serve those who develop, build or debug them, and no program that uses them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of them. A build leaves each behind where nothing can need it, unless a setting keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Development {
    /// Folders of tests.
    Tests,
    /// Type stubs (`.pyi`).
    Stubs,
    /// C headers and sources, and those of Cython and SIP.
    Sources,
    /// Static and import libraries (`.a`, `.lib`).
    StaticLibraries,
    /// Debug symbols in files of their own (`.debug`, `.pdb`).
    DebugSymbols,
    /// Bytecode beside sources (`__pycache__`); a bundle has its own of every module.
    BytecodeCaches,
}

impl Development {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Tests,
        Self::Stubs,
        Self::Sources,
        Self::StaticLibraries,
        Self::DebugSymbols,
        Self::BytecodeCaches,
    ];

    /// How settings name them.
    pub const WORDS: [&'static str; 6] = [
        "tests",
        "stubs",
        "sources",
        "static-libraries",
        "debug-symbols",
        "bytecode-caches",
    ];

    /// What settings call it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// The kind that settings call `word`.
    #[must_use]
    pub fn called(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Development {
    /// For people to read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tests => "tests",
            Self::Stubs => "type stubs",
            Self::Sources => "C headers and sources",
            Self::StaticLibraries => "static libraries",
            Self::DebugSymbols => "debug symbols",
            Self::BytecodeCaches => "bytecode caches",
        })
    }
}

/// How much of one kind stayed behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StayedBehind {
    /// Which.
    pub kind: Development,
    /// How many.
    pub files: usize,
    /// Their bytes.
    pub size: u64,
}

/// `a/tests` of `a/tests/b.py`: the folders above a file that are named for tests, the deepest last.
pub(crate) fn folders_of_tests(dest: &str) -> impl DoubleEndedIterator<Item = &str> {
    let folders = dest.match_indices('/').map(|(at, _)| &dest[..at]);
    folders.filter(|folder| {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        ["test", "tests", "selftest"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_kinds() {
        for kind in Development::ALL {
            assert_eq!(Development::called(kind.word()), Some(kind));
        }
        assert_eq!(Development::called("docs"), None);
    }

    #[test]
    fn folders_named_for_tests() {
        let check = |dest: &str, expected: &[&str]| {
            let found: Vec<_> = folders_of_tests(dest).collect();
            assert_eq!(found, expected, "{dest}");
        };
        check("a/tests/b.py", &["a/tests"]);
        check(
            "a/b/Tests/data/test/x",
            &["a/b/Tests", "a/b/Tests/data/test"],
        );
        check("tests/a.py", &["tests"]);
        check("a/tests.py", &[]);
        check("contests/a.py", &[]);
    }
}
