//! Module graph -> collection: which files a bundle holds, and why each is there.
//!
//! First come, first placed: the application's own files, then data that settings or sources name, then distributions,
//! then the standard library and the interpreter. Libraries that these need are added last.

mod application;
mod bundle;
mod data;
mod demand;
mod distribution;
mod glob;
mod interpreter;
mod named;
mod native;
mod qt;
mod stdlib;

use crate::collection::{CollectedFile, Collection, FileSource};
use crate::facts::InterpreterFacts;
use crate::graph::ModuleGraph;
use crate::inputs;
use crate::plan::BuildPlan;
use bundle::Bundle;
use payload::{ArchivePath, PathError};
use std::path::{Path, PathBuf};

/// Why the files of an application could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A file that RECORD lists is not on disk.
    #[error("distribution `{distribution}` lists `{}`, which is missing on disk; install it again (`pip install \
        --force-reinstall {}`)", file.display(), distribution.replacen(' ', "==", 1))]
    MissingRecordFile {
        /// Name and version.
        distribution: String,
        /// The file.
        file: PathBuf,
    },
    /// A data rule names nothing.
    #[error("`{rule}` of {setting} names no file or folder")]
    NothingMatches {
        /// As in the settings: source and destination.
        rule: String,
        /// `--add-data` or `--add-binary`.
        setting: &'static str,
    },
    /// A data rule's destination is none.
    #[error("the destination in `{rule}` of {setting} is none inside a bundle: {source}")]
    Destination {
        /// As in the settings.
        rule: String,
        /// `--add-data` or `--add-binary`.
        setting: &'static str,
        /// What is wrong with it.
        source: PathError,
    },
    /// One of the application's own files has a name that no bundle can hold.
    #[error("`{}` cannot be packed under its name: {source}", path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PathError,
    },
    /// Two files for one place, of which a setting wants one.
    #[error("`{dest}` is to be both {first} and {second}")]
    Collision {
        /// The place in the bundle.
        dest: String,
        /// What is there, and why.
        first: String,
        /// What comes too, and why.
        second: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A library of the interpreter itself is not there.
    #[error("the interpreter's `{}` needs `{needed}`, which was not found (looked in: {searched})", wanted_by.display())]
    MissingLibrary {
        /// The interpreter's program or library.
        wanted_by: PathBuf,
        /// The SONAME.
        needed: String,
        /// The folders searched.
        searched: String,
    },
}

impl From<inputs::WalkError> for CollectError {
    fn from(inputs::WalkError { path, source }: inputs::WalkError) -> Self {
        Self::Read { path, source }
    }
}

/// Collects the files and modules of a bundle.
///
/// # Errors
/// When a file that must be there is not, or two files want one place.
pub fn files(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    graph: &ModuleGraph,
) -> Result<Collection, CollectError> {
    let mut bundle = Bundle::new(facts, graph, &plan.exclude.modules);
    application::collect(&mut bundle, plan, graph)?;
    data::rules(&mut bundle, plan)?;
    data::hints(&mut bundle, plan, graph)?;
    application::editable_data(&mut bundle, graph)?;
    let distributions = distribution::collect(&mut bundle, graph)?;
    application::third_party_leftovers(&mut bundle, graph)?;
    data::of_hooks(&mut bundle, graph);
    stdlib::collect(&mut bundle, facts, graph)?;
    let interpreter = interpreter::collect(&mut bundle, facts, graph)?;
    let native = native::close(&mut bundle, plan, facts, interpreter)?;
    let own = native.interpreter.library.as_ref();
    let own = own.or(native.interpreter.program.as_ref());
    let on_demand = demand::arrange(&mut bundle, &native.libraries, &distributions, facts, own);
    let (files, modules, mut warnings) = bundle.finish();
    warnings.extend(graph.warnings.iter().cloned());
    warnings.extend(native.warnings);
    Ok(Collection {
        files,
        modules,
        distributions,
        interpreter: native.interpreter,
        glibc: native.glibc,
        warnings,
        on_demand,
    })
}

impl Collection {
    /// Where the script that lies at `source` went: an entry script or a runtime hook.
    #[must_use]
    pub fn script(&self, source: &Path) -> Option<&ArchivePath> {
        let is_it = |file: &&CollectedFile| matches!(&file.source, FileSource::Path(path) if path == source);
        let named = |dest: &&ArchivePath| {
            let name = format!("[script] {dest}");
            self.modules.iter().any(|module| module.name == name)
        };
        self.files
            .iter()
            .filter(is_it)
            .map(|file| &file.dest)
            .find(named)
    }
}

#[cfg(test)]
mod tests;
