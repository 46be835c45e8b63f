//! Which files of distributions are left out, because nothing that is kept needs them: with `--slim` what no trace has used, and
//! in any case the modules of Qt that nothing imports.
//!
//! Kept are, beside what a trace has used: modules that imports reach, with the packages that they are in; metadata and
//! licences; plug-ins of the Qt modules that are reached (which of them is loaded depends on the desktop); libraries that
//! something else needs; distributions that a setting names; and all that belongs to no distribution.

use super::bundle::Bundle;
use super::distribution::WHY;
use super::native::LibraryGraph;
use super::qt;
use crate::collection::{Because, CollectedFile, FileSource, LeftOut};
use crate::graph::{ModuleGraph, Reason};
use crate::inputs;
use crate::trace::Evidence;
use payload::ArchivePath;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Beginnings of names that licences have, in capitals.
const LICENCES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "AUTHORS",
];

/// What no trace has used.
pub(super) fn unused(
    bundle: &Bundle<'_>,
    libraries: &LibraryGraph,
    graph: &ModuleGraph,
    evidence: &Evidence,
) -> BTreeMap<ArchivePath, LeftOut> {
    let reached = reached(bundle, graph);
    let used = |file: &CollectedFile, name: &str| {
        let dest = file.dest.as_str();
        evidence.has(name, dest)
            || reached.contains(&file.dest)
            || is_plugin_of_reached(dest, graph)
    };
    left_out(bundle, libraries, graph, used, Because::Unused)
}

/// What serves modules of Qt that nothing imports. A wheel of Qt holds all of its modules, and their names stand in the
/// source of whoever uses them, but for forms (`.ui`), which may name widgets of any.
pub(super) fn idle_qt(
    bundle: &Bundle<'_>,
    libraries: &LibraryGraph,
    graph: &ModuleGraph,
) -> BTreeMap<ArchivePath, LeftOut> {
    let modules = modules_of_qt(bundle, libraries, graph);
    // A wheel of Qt comes in parts, of which a setting names one.
    let is_asked_for = graph.distributions.iter().any(|taken| {
        let name = &taken.distribution.name;
        matches!(taken.reason, Reason::Setting(_))
            && (name.starts_with("pyqt") || name.starts_with("pyside"))
    });
    if is_asked_for || modules.is_empty() || modules.iter().any(|name| qt::reads_forms(name)) {
        return BTreeMap::new();
    }
    let used = |file: &CollectedFile, _: &str| !qt::is_idle(file.dest.as_str(), &modules);
    left_out(bundle, libraries, graph, used, Because::IdleQt)
}

/// The modules of Qt's bindings that imports reach, those that bundled files import which no import reaches (a back end that
/// is chosen at run time), and those whose libraries these need: they import each other without a source.
fn modules_of_qt(
    bundle: &Bundle<'_>,
    libraries: &LibraryGraph,
    graph: &ModuleGraph,
) -> HashSet<String> {
    let scanned = graph.scanned.iter().filter(|(name, importers)| {
        let mut importers = importers.iter();
        importers.any(|importer| !passes_on(bundle, importer, name))
    });
    let names = graph.modules.keys().chain(scanned.map(|(name, _)| name));
    let mut pending: Vec<String> = names
        .filter(|name| qt::is_of_binding(name))
        .cloned()
        .collect();
    let mut found: HashSet<String> = HashSet::new();
    while let Some(name) = pending.pop() {
        if !found.insert(name.clone()) {
            continue;
        }
        if let Some(module) = bundle.module(&name) {
            let needed = libraries.closure(&module.dest);
            pending.extend(
                needed
                    .iter()
                    .filter_map(|library| qt::module_of(library.as_str())),
            );
        }
    }
    found
}

/// Whether `importer` stands for the module `name` of a binding under the name of one (`qtpy.QtSvg`): then it wants nothing
/// for itself, and counts where an import reaches it.
fn passes_on(bundle: &Bundle<'_>, importer: &str, name: &str) -> bool {
    let binding = name.split('.').next().unwrap_or(name);
    let last = importer.rsplit('.').next().unwrap_or(importer);
    bundle.has_module(&format!("{binding}.{last}"))
}

/// What is left out of a bundle that holds everything: files of distributions that are not `used`, by their distribution's
/// name.
fn left_out(
    bundle: &Bundle<'_>,
    libraries: &LibraryGraph,
    graph: &ModuleGraph,
    used: impl Fn(&CollectedFile, &str) -> bool,
    because: Because,
) -> BTreeMap<ArchivePath, LeftOut> {
    let slimmed = slimmed(graph);
    let owner = |file: &CollectedFile| {
        let label = file.why.strip_prefix(WHY)?;
        slimmed.get(label).copied()
    };
    let used =
        |file: &CollectedFile, name: &str| is_paperwork(file.dest.as_str()) || used(file, name);
    let mut candidates: BTreeMap<&ArchivePath, (&CollectedFile, &str)> = BTreeMap::new();
    let mut kept: Vec<&ArchivePath> = Vec::new();
    for file in bundle.files() {
        match owner(file) {
            Some(name) if !used(file, name) => {
                candidates.insert(&file.dest, (file, name));
            }
            // Libraries of this machine came in for others, and have no wish of their own.
            _ if !file.why.starts_with("needed by ") => kept.push(&file.dest),
            _ => {}
        }
    }
    for dest in packages_of(bundle, &candidates) {
        candidates.remove(&dest);
    }
    for dest in kept {
        for needed in libraries.closure(dest) {
            candidates.remove(&needed);
        }
    }
    candidates
        .into_iter()
        .map(|(dest, (file, name))| {
            let distribution = name.to_owned();
            let size = match &file.source {
                FileSource::Path(path) => inputs::metadata(path).map_or(0, |found| found.len()),
                FileSource::Bytes(bytes) => bytes.len() as u64,
            };
            (
                dest.clone(),
                LeftOut {
                    distribution,
                    size,
                    because,
                },
            )
        })
        .collect()
}

/// The distributions that may lose files: label to name.
fn slimmed(graph: &ModuleGraph) -> BTreeMap<String, &str> {
    graph
        .distributions
        .iter()
        .filter(|taken| !matches!(taken.reason, Reason::Setting(_)))
        .map(|taken| &taken.distribution)
        .filter(|one| one.metadata.is_some() && one.project.is_none())
        .map(|one| (one.label(), one.name.as_str()))
        .collect()
}

/// Files of modules that imports reach.
fn reached(bundle: &Bundle<'_>, graph: &ModuleGraph) -> HashSet<ArchivePath> {
    bundle
        .modules()
        .filter(|module| module.reached || graph.modules.contains_key(&module.name))
        .map(|module| module.dest.clone())
        .collect()
}

/// Metadata, which importlib.metadata reads, and what the authors want to go with their work.
fn is_paperwork(dest: &str) -> bool {
    let mut folders = dest.split('/');
    let name = folders.next_back().unwrap_or_default().to_ascii_uppercase();
    let is_metadata =
        |folder: &str| folder.ends_with(".dist-info") || folder.ends_with(".egg-info");
    folders.any(|folder| is_metadata(folder) || folder.eq_ignore_ascii_case("licenses"))
        || name.ends_with(".EGG-INFO")
        || LICENCES.iter().any(|licence| name.starts_with(licence))
}

fn is_plugin_of_reached(dest: &str, graph: &ModuleGraph) -> bool {
    dest.contains("/plugins/")
        && matches!(qt::asked_by(dest), Some(qt::Owner::Module(module)) if graph.modules.contains_key(&module))
}

/// The packages of modules that stay: importing `a.b.c` imports `a` and `a.b`.
fn packages_of(
    bundle: &Bundle<'_>,
    candidates: &BTreeMap<&ArchivePath, (&CollectedFile, &str)>,
) -> BTreeSet<ArchivePath> {
    let staying = bundle
        .modules()
        .filter(|module| !candidates.contains_key(&module.dest));
    let mut packages = BTreeSet::new();
    for module in staying {
        let parents = module
            .name
            .match_indices('.')
            .map(|(at, _)| &module.name[..at]);
        packages
            .extend(parents.filter_map(|name| bundle.module(name).map(|found| found.dest.clone())));
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::is_paperwork;

    #[test]
    fn metadata_and_licences_stay() {
        for dest in [
            "a-1.dist-info/METADATA",
            "a-1.dist-info/licenses/COPYING.txt",
            "a/LICENSE.txt",
            "a/licence",
            "share/doc/a/copyright",
            "a/Licenses/b.txt",
            "a.egg-info",
            "a.egg-info/PKG-INFO",
        ] {
            assert!(is_paperwork(dest), "{dest}");
        }
        for dest in ["a/b.py", "a/data/licenced/x", "a/lib.so", "egg-info/x"] {
            assert!(!is_paperwork(dest), "{dest}");
        }
    }
}
