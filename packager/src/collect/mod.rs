//! Module graph -> collection: which files a bundle holds, and why each is there.
//!
//! First come, first placed: the application's own files, then data that settings or sources name, then distributions,
//! then the standard library and the interpreter. Libraries that these need are added last.

mod application;
mod bundle;
mod data;
mod demand;
mod development;
mod distribution;
mod glob;
mod interpreter;
mod loaded;
mod named;
mod native;
mod qt;
mod slim;
mod stdlib;
mod tk;
mod used;

use crate::collection::{CollectedDistribution, CollectedFile, Collection, FileSource, LeftOut};
use crate::facts::InterpreterFacts;
use crate::graph::ModuleGraph;
use crate::inputs;
use crate::plan::BuildPlan;
use crate::trace::{Evidence, TraceError};
use bundle::Bundle;
use payload::{ArchivePath, PathError};
use std::collections::BTreeMap;
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
    /// A trace of `--slim` is of no use here.
    #[error(transparent)]
    Trace(#[from] TraceError),
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

/// Where a file that a distribution records goes in a bundle: `file` as in RECORD, of the site folder `site`.
pub(crate) fn place_of(site: &Path, file: &str) -> Option<String> {
    distribution::destination(site, file).map(|(dest, _)| dest)
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
    let whole = gather(plan, facts, graph, BTreeMap::new())?;
    let libraries = &whole.native.libraries;
    let mut left_out = slim::idle_qt(&whole.bundle, libraries, graph);
    if !plan.exclude.slim.is_empty() {
        let evidence = Evidence::read(&plan.exclude.slim, &plan.target, facts, graph)?;
        left_out.extend(slim::unused(&whole.bundle, libraries, graph, &evidence));
    }
    if left_out.is_empty() {
        return Ok(whole.finish(facts, graph));
    }
    // Anew, as if these files had never been there: libraries that only they need go too.
    let slim = gather(plan, facts, graph, left_out)?;
    Ok(slim.finish(facts, graph))
}

/// All files of a bundle, as they were found.
struct Gathered<'a> {
    bundle: Bundle<'a>,
    distributions: Vec<CollectedDistribution>,
    native: native::Closed,
}

/// Everything but `left_out`.
fn gather<'a>(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    graph: &'a ModuleGraph,
    left_out: BTreeMap<ArchivePath, LeftOut>,
) -> Result<Gathered<'a>, CollectError> {
    let excluded = plan.exclude.modules.iter().map(String::as_str);
    let mut bundle = Bundle::new(facts, graph, excluded.chain(graph.hooks.left_out()));
    bundle.leave_out(left_out);
    application::collect(&mut bundle, plan, graph)?;
    data::rules(&mut bundle, plan)?;
    data::hints(&mut bundle, plan, graph)?;
    application::editable_data(&mut bundle, plan, facts, graph)?;
    application::asked_data(&mut bundle, plan, graph)?;
    let own = bundle.files().len();
    let distributions = distribution::collect(&mut bundle, graph, &plan.include.development)?;
    application::third_party_leftovers(&mut bundle, graph)?;
    data::of_hooks(&mut bundle, graph);
    let used = used::find(&bundle, own, plan, graph);
    stdlib::collect(&mut bundle, facts, graph, &used)?;
    let interpreter = interpreter::collect(&mut bundle, facts, graph)?;
    let native = native::close(&mut bundle, plan, facts, interpreter)?;
    loaded::tell(&mut bundle, plan, graph, &native.libraries);
    tk::collect(&mut bundle, facts)?;
    application::empty_namespaces(&mut bundle, graph)?;
    Ok(Gathered {
        bundle,
        distributions,
        native,
    })
}

impl Gathered<'_> {
    fn finish(self, facts: &InterpreterFacts, graph: &ModuleGraph) -> Collection {
        let Self {
            mut bundle,
            distributions,
            native,
        } = self;
        let own = native.interpreter.library.as_ref();
        let own = own.or(native.interpreter.program.as_ref());
        let on_demand = demand::arrange(&mut bundle, &native.libraries, &distributions, facts, own);
        let left_out = bundle.take_left_out();
        let (files, modules, mut warnings) = bundle.finish();
        warnings.extend(graph.warnings.iter().cloned());
        warnings.extend(native.warnings);
        Collection {
            files,
            modules,
            distributions,
            interpreter: native.interpreter,
            glibc: native.glibc,
            libstdcxx: native.libstdcxx,
            warnings,
            on_demand,
            left_out,
        }
    }
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
