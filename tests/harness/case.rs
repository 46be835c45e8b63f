//! The matrix: each test function for each CPython and each form of output.

use super::{Program, Python, pythons};

/// The form of a packed program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// One executable.
    OneFile,
    /// An executable with a folder beside it.
    OneDir,
}

impl Mode {
    /// The option of `pack build`.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::OneFile => "--onefile",
            Self::OneDir => "--onedir",
        }
    }
}

/// What a test function is run for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// The interpreter to pack.
    pub(crate) python: &'static Python,
    /// The form of the result.
    pub(crate) mode: Mode,
}

impl Case {
    /// The newest interpreter and one file: for tests of what no interpreter changes.
    pub(crate) fn any() -> Self {
        Self {
            python: pythons().last().unwrap(),
            mode: Mode::OneFile,
        }
    }

    /// tests/programs/probe, packed.
    pub(crate) fn probe(&self) -> &'static Program {
        Program::packed("tests/programs/probe", &[], *self)
    }

    /// tests/programs/edges, packed.
    pub(crate) fn edges(&self) -> &'static Program {
        Program::packed("tests/programs/edges", &[], *self)
    }
}

/// Runs `test` for an interpreter, when the machine has it.
pub(crate) fn run_case(version: (u8, u8), mode: Mode, test: fn(&Case)) {
    match pythons().iter().find(|python| python.version == version) {
        Some(python) => test(&Case { python, mode }),
        None => eprintln!(
            "skipped: no CPython {}.{} on this machine",
            version.0, version.1
        ),
    }
}

/// Makes tests of functions `fn(&Case)`: `on_every_python!(both: a, b; onefile: c)` runs `a` and `b` as one file and as
/// one folder, `c` as one file.
macro_rules! on_every_python {
    (both: $($both:ident),+) => { on_every_python!(both: $($both),+; onefile:); };
    (onefile: $($onefile:ident),+) => { on_every_python!(both: ; onefile: $($onefile),+); };
    (both: $($both:ident),*; onefile: $($onefile:ident),*) => {
        mod cpython_3_9 { on_every_python!(@tests (3, 9), [$($both),*] [$($onefile),*]); }
        mod cpython_3_10 { on_every_python!(@tests (3, 10), [$($both),*] [$($onefile),*]); }
        mod cpython_3_11 { on_every_python!(@tests (3, 11), [$($both),*] [$($onefile),*]); }
        mod cpython_3_12 { on_every_python!(@tests (3, 12), [$($both),*] [$($onefile),*]); }
        mod cpython_3_13 { on_every_python!(@tests (3, 13), [$($both),*] [$($onefile),*]); }
    };
    (@tests $version:expr, [$($both:ident),*] [$($onefile:ident),*]) => {
        $(mod $both {
            use crate::harness::{Mode, run_case};
            #[test]
            fn onefile() {
                run_case($version, Mode::OneFile, super::super::$both);
            }
            #[test]
            fn onedir() {
                run_case($version, Mode::OneDir, super::super::$both);
            }
        })*
        $(#[test]
        fn $onefile() {
            crate::harness::run_case($version, crate::harness::Mode::OneFile, super::$onefile);
        })*
    };
}
