//! The `pack` command: configure, discover, collect, lay out, write.

// Tests look at what they like.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod bytecode;
#[allow(clippy::disallowed_methods, reason = "results are known by what they are made of")]
pub mod cache;
#[allow(clippy::disallowed_methods, reason = "no part of a build")]
pub mod cli;
pub mod collect;
pub mod collection;
#[allow(clippy::disallowed_methods, reason = "done anew by every build")]
pub mod configure;
pub mod discover;
pub mod elf;
pub mod facts;
pub mod graph;
#[allow(clippy::disallowed_methods, reason = "this is what the others use")]
pub mod inputs;
pub mod installed;
pub mod interpreter;
pub mod interrupt;
pub mod kit;
pub mod layout;
#[allow(clippy::disallowed_methods, reason = "a build that fails has no inputs")]
pub mod look;
pub mod plan;
pub mod progress;
pub mod record;
pub mod report;
pub mod summary;
pub mod write;

#[cfg(test)]
mod testing;

use collect::CollectError;
use configure::{ConfigError, Request};
use discover::DiscoverError;
use facts::InterpreterFacts;
use graph::MissingImport;
use interpreter::InterpreterError;
use kit::KitError;
use plan::BuildPlan;
use progress::{Progress, Stage};
use record::Record;
use report::Printer;
use std::time::{Duration, Instant};
use write::{Output, WriteError};

/// What a build has made.
#[derive(Debug)]
pub struct Built {
    /// What it was asked for.
    pub plan: BuildPlan,
    /// What is on disk.
    pub output: Output,
    /// How long it took.
    pub elapsed: Duration,
    /// Major, minor, micro.
    pub python_version: (u8, u8, u8),
    /// Number of third-party distributions.
    pub distributions: usize,
    /// Number of files.
    pub files: usize,
    /// Lines for the reader, most important first.
    pub warnings: Vec<String>,
    /// Imports for which no module was found.
    pub missing: Vec<MissingImport>,
}

/// Why nothing was built. Each says by itself what failed; its stage adds nothing to that.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum BuildError {
    /// The settings make no plan.
    Configure(#[from] ConfigError),
    /// The interpreter does not answer.
    Interpreter(#[from] InterpreterError),
    /// There is no bootloader and runtime for the target.
    Kit(#[from] KitError),
    /// The entry points or their imports cannot be followed.
    Discover(#[from] DiscoverError),
    /// Files that must be there are not, or collide.
    Collect(#[from] CollectError),
    /// The output cannot be made.
    Write(#[from] WriteError),
}

impl BuildError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Configure(error) => error.hint(),
            Self::Kit(error) => error.hint(),
            Self::Discover(error) => discover_hint(error),
            Self::Write(error) => error.hint(),
            Self::Interpreter(_) | Self::Collect(_) => None,
        }
    }
}

fn discover_hint(error: &DiscoverError) -> Option<String> {
    match error {
        DiscoverError::NoModule { .. } => {
            Some("name the folder that holds it with `--paths DIR`, or the Python it is installed for with `--python`".into())
        }
        DiscoverError::NoDistribution { name, .. } => Some(format!(
            "install `{name}` there, or name another Python with `--python`"
        )),
        _ => None,
    }
}

/// Packs an application.
///
/// # Errors
/// When a stage fails. Nothing half-written is left, and an output that was there before is untouched.
pub fn build(request: &Request, report: &Printer) -> Result<Built, BuildError> {
    let started = Instant::now();
    let (plan, notes) = configure::resolve(request)?; // every choice made, every path absolute
    for note in &notes {
        report.warning(note);
    }
    let kit = kit::find(&plan.target)?; // before the work: without one there is nothing to be made
    let facts = InterpreterFacts::ask(&plan.python)?; // once: nothing later asks the interpreter
    let graph = discover::modules(&plan, &facts, report)?; // what can be imported, and who asked for it
    report.start(Stage::Collect, 0);
    let collection = collect::files(&plan, &facts, &graph)?; // which files that means, and why each is there
    report.finish(Stage::Collect);
    let record = Record::new(&graph, &collection).to_json();
    let output = write::output(&plan, &facts, &collection, &kit, &record, report)?;
    Ok(Built {
        plan,
        elapsed: started.elapsed(),
        python_version: facts.version,
        distributions: collection.distributions.len(),
        files: collection.files.len(),
        warnings: [collection.warnings, output.warnings.clone()].concat(),
        output,
        missing: graph.missing,
    })
}
