//! The `pack` command: configure, discover, collect, lay out, write.

pub mod bytecode;
pub mod cache;
pub mod cli;
pub mod collect;
pub mod collection;
pub mod configure;
pub mod discover;
pub mod elf;
pub mod facts;
pub mod graph;
pub mod installed;
pub mod interpreter;
pub mod interrupt;
pub mod kit;
pub mod layout;
pub mod plan;
pub mod progress;
pub mod record;
pub mod report;
pub mod summary;
pub mod write;

#[cfg(test)]
mod testing;

use collection::GlibcVersion;
use configure::{ConfigError, Request};
use facts::InterpreterFacts;
use graph::MissingImport;
use interpreter::InterpreterError;
use plan::BuildPlan;
use report::Printer;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a build has made.
#[derive(Debug)]
pub struct Built {
    /// What it was asked for.
    pub plan: BuildPlan,
    /// The executable.
    pub output: PathBuf,
    /// Bytes of the executable and of the files beside it.
    pub size: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Major, minor, micro.
    pub python_version: (u8, u8, u8),
    /// Number of third-party distributions.
    pub distributions: usize,
    /// Number of modules that can be imported.
    pub modules: usize,
    /// Number of files.
    pub files: usize,
    /// The lowest glibc it runs with, and the file that needs it.
    pub glibc: Option<(GlibcVersion, String)>,
    /// Lines for the reader, most important first.
    pub warnings: Vec<String>,
    /// Imports for which no module was found.
    pub missing: Vec<MissingImport>,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The settings make no plan.
    #[error(transparent)]
    Configure(#[from] ConfigError),
    /// The interpreter does not answer.
    #[error(transparent)]
    Interpreter(#[from] InterpreterError),
    /// The stages after the interpreter's are not connected.
    #[error("this version plans a build and cannot carry it out yet")]
    Unfinished,
}

impl BuildError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Configure(error) => error.hint(),
            Self::Interpreter(_) | Self::Unfinished => None,
        }
    }
}

/// Packs an application.
///
/// # Errors
/// When a stage fails. Nothing half-written is left, and an output that was there before is untouched.
pub fn build(request: &Request, report: &Printer) -> Result<Built, BuildError> {
    let started = Instant::now();
    let (plan, notes) = configure::resolve(request)?;
    for note in &notes {
        report.warning(note);
    }
    let facts = InterpreterFacts::ask(&plan.python)?;
    report.detail(&format!(
        "Python {} in {:.1?}",
        facts.version_text,
        started.elapsed()
    ));
    Err(BuildError::Unfinished)
}
