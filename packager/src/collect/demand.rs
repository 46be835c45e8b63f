//! Which files can wait in the executable until the program asks for them.
//!
//! A first start writes what something might open behind Python's back: data, libraries, the application's own files. Two
//! kinds need not be there: extension modules with the libraries that only they need (`native` finds those), which our
//! importer writes when it imports them; and the sources of installed libraries, which only Python code reads, and through
//! what the runtime hears of: `open`, `os.listdir`, its own loaders.

use crate::collection::{CollectedDistribution, CollectedFile, FileRole, FileSource};
use crate::facts::InterpreterFacts;
use payload::ArchivePath;
use std::collections::BTreeSet;

/// Ends of names of what Python code alone reads.
const SOURCES: [&str; 4] = [".py", ".pyi", ".pxd", ".pyx"];

/// Distributions that ask whether the source of somebody's code is there without opening it: with one of them in the
/// bundle every source is a file. numba keeps its cache beside the functions that it compiles.
const LOOK_FOR_SOURCES: [&str; 1] = ["numba"];

/// The sources among `files` that can wait.
pub(super) fn sources(
    files: &[CollectedFile],
    distributions: &[CollectedDistribution],
    facts: &InterpreterFacts,
) -> BTreeSet<ArchivePath> {
    let looked_for = distributions
        .iter()
        .any(|distribution| LOOK_FOR_SOURCES.contains(&distribution.name.as_str()));
    if looked_for {
        return BTreeSet::new();
    }
    let installed = |file: &&CollectedFile| match &file.source {
        FileSource::Path(path) => facts
            .site_packages
            .iter()
            .any(|site| path.starts_with(site)),
        FileSource::Bytes(_) => false,
    };
    let is_source = |file: &&CollectedFile| {
        file.role == FileRole::Data
            && !file.executable
            && SOURCES.iter().any(|end| file.dest.as_str().ends_with(end))
    };
    files
        .iter()
        .filter(is_source)
        .filter(installed)
        .map(|file| file.dest.clone())
        .collect()
}
