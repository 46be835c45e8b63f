//! Which files can wait in the executable until the program asks for them, and which import asks for which.
//!
//! Creating a file costs more than most programs gain by it, and of a large library a program uses a small part. So only
//! what could be opened behind Python's back by something that was not imported is there from the start: the application's
//! own files, the interpreter, data outside of any package. All else of installed distributions waits:
//!
//! | file | is written |
//! |---|---|
//! | extension module | when it is imported, with the libraries that it needs |
//! | data, libraries, programs, sources that code looks for (`named`), in a package | when the nearest package around them is imported |
//! | the same in a Qt wheel | when the binding's module is imported whose libraries look for them (`qt`) |
//! | other sources, metadata, what lies in folders of tests | when Python code opens them or lists their folder: the runtime hears of that |

use super::bundle::Bundle;
use super::native::LibraryGraph;
use super::{named, qt};
use crate::collection::{CollectedDistribution, CollectedFile, FileRole, FileSource, ModuleCode};
use crate::facts::InterpreterFacts;
use payload::ArchivePath;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Ends of names of what Python code alone reads.
const SOURCES: [&str; 3] = [".py", ".pxd", ".pyx"];

/// Distributions that ask whether the source of somebody's code is there without opening it: with one of them in the
/// bundle sources are data. numba keeps its cache beside the functions that it compiles.
const LOOK_FOR_SOURCES: [&str; 1] = ["numba"];

/// Folders whose files serve the tests of a library, which read them by opening them.
const TESTS: [&str; 2] = ["test", "tests"];

/// It asks whether files of metadata are there before it opens them.
const LOOKS_FOR_METADATA: &str = "pkg_resources";

/// What makes a file be written.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// It is there from the start.
    Start,
    /// The import of this module.
    Import(String),
    /// Python code that opens it.
    Open,
}

/// Decides for every file, and tells each module what its import asks for. Returns the files that wait.
pub(super) fn arrange(
    bundle: &mut Bundle<'_>,
    libraries: &LibraryGraph,
    distributions: &[CollectedDistribution],
    facts: &InterpreterFacts,
    interpreter: Option<&ArchivePath>,
) -> BTreeSet<ArchivePath> {
    let mut surroundings = Surroundings::new(bundle, libraries, distributions);
    let sources: Vec<&CollectedFile> = bundle
        .files()
        .iter()
        .filter(|file| is_installed(file, facts))
        .filter(|file| file.dest.as_str().ends_with(".py") && !is_of_tests(file.dest.as_str()))
        .collect();
    surroundings.looked_for = named::looked_for(&sources);
    let mut by_module: BTreeMap<String, Vec<ArchivePath>> = BTreeMap::new();
    let mut waiting = BTreeSet::new();
    for file in bundle
        .files()
        .iter()
        .filter(|file| is_installed(file, facts))
    {
        match surroundings.asked(file) {
            Asked::Start => continue,
            Asked::Open => {}
            Asked::Import(module) => by_module.entry(module).or_default().push(file.dest.clone()),
        }
        waiting.insert(file.dest.clone());
    }
    // Extension modules of the standard library are no distribution's.
    for (dest, name) in &surroundings.extensions {
        waiting.insert(dest.clone());
        by_module
            .entry(name.clone())
            .or_default()
            .push(dest.clone());
    }
    let libraries_waiting = libraries.needed_by_those_alone(&waiting, interpreter);
    waiting.retain(|file| !libraries.contains(file));
    waiting.extend(libraries_waiting);
    let beside = Beside::new(&by_module, libraries, &surroundings);
    for module in bundle.modules_mut() {
        if let Some(files) = by_module.get(&module.name) {
            let mut needs: BTreeSet<ArchivePath> = files
                .iter()
                .flat_map(|file| libraries.closure(file))
                .collect();
            beside.add_to(&mut needs, libraries);
            needs.retain(|file| waiting.contains(file));
            module.needs = needs.into_iter().collect();
        }
    }
    waiting
}

/// Libraries that nothing names as needed, by their folders. One that is loaded may open its neighbours by itself, as
/// those of CUDA do, also from a package that nobody imports.
struct Beside<'a>(HashMap<&'a str, Vec<&'a ArchivePath>>);

impl<'a> Beside<'a> {
    fn new(
        by_module: &'a BTreeMap<String, Vec<ArchivePath>>,
        libraries: &LibraryGraph,
        surroundings: &Surroundings,
    ) -> Self {
        let mut found: HashMap<&str, Vec<&ArchivePath>> = HashMap::new();
        for file in by_module.values().flatten() {
            let is_loose = libraries.contains(file)
                && !surroundings.extensions.contains_key(file)
                && qt::asked_by(file.as_str()).is_none();
            if is_loose && let Some((folder, _)) = file.as_str().rsplit_once('/') {
                found.entry(folder).or_default().push(file);
            }
        }
        Self(found)
    }

    fn add_to(&self, needs: &mut BTreeSet<ArchivePath>, libraries: &LibraryGraph) {
        let native = needs.iter().filter(|file| libraries.contains(file));
        let folders = native.filter_map(|file| Some(file.as_str().rsplit_once('/')?.0));
        let neighbours = folders.filter_map(|folder| self.0.get(folder)).flatten();
        let added: Vec<ArchivePath> = neighbours
            .flat_map(|file| libraries.closure(file))
            .collect();
        needs.extend(added);
    }
}

/// Of a distribution: what the application itself brings is there from the start.
fn is_installed(file: &CollectedFile, facts: &InterpreterFacts) -> bool {
    match &file.source {
        FileSource::Path(path) => {
            facts
                .site_packages
                .iter()
                .any(|site| path.starts_with(site))
                && file.why.starts_with(super::distribution::WHY)
        }
        FileSource::Bytes(_) => false,
    }
}

/// What the decision about a file depends on.
struct Surroundings {
    /// By their files.
    extensions: HashMap<ArchivePath, String>,
    /// Packages by their folders.
    packages: HashMap<String, String>,
    modules: HashSet<String>,
    /// Libraries that an extension module needs: its import asks for them.
    needed: BTreeSet<ArchivePath>,
    sources_wait: bool,
    /// Sources that must be there like data.
    looked_for: HashSet<ArchivePath>,
}

impl Surroundings {
    fn new(
        bundle: &Bundle<'_>,
        libraries: &LibraryGraph,
        distributions: &[CollectedDistribution],
    ) -> Self {
        let mut found = Self {
            extensions: HashMap::new(),
            packages: HashMap::new(),
            modules: HashSet::new(),
            needed: BTreeSet::new(),
            sources_wait: !distributions
                .iter()
                .any(|distribution| LOOK_FOR_SOURCES.contains(&distribution.name.as_str())),
            looked_for: HashSet::new(),
        };
        for module in bundle.modules() {
            found.modules.insert(module.name.clone());
            let (dest, name) = (&module.dest, &module.name);
            if module.package
                && let Some((folder, _)) = dest.as_str().rsplit_once('/')
            {
                found.packages.insert(folder.to_owned(), name.clone());
            }
            if matches!(module.code, ModuleCode::Extension { .. }) && libraries.is_extension(dest) {
                found.extensions.insert(dest.clone(), name.clone());
                found.needed.extend(libraries.closure(dest));
            }
        }
        found
    }

    fn asked(&self, file: &CollectedFile) -> Asked {
        let dest = file.dest.as_str();
        if let Some(module) = self.extensions.get(&file.dest) {
            return Asked::Import(module.clone());
        }
        if self.needed.contains(&file.dest) {
            // With the modules that need it.
            return Asked::Open;
        }
        let is_source =
            SOURCES.iter().any(|end| dest.ends_with(end)) && !self.looked_for.contains(&file.dest);
        if is_source && self.sources_wait && !file.executable && file.role == FileRole::Data {
            return Asked::Open;
        }
        if is_metadata(dest) {
            return self.import_or_open(LOOKS_FOR_METADATA);
        }
        if is_of_tests(dest) && file.role == FileRole::Data {
            return Asked::Open;
        }
        match qt::asked_by(dest) {
            Some(qt::Owner::Module(module)) => return self.import_or_open(&module),
            Some(qt::Owner::Nobody) => return Asked::Open,
            None => {}
        }
        self.package_around(dest)
            .map_or(Asked::Start, |package| Asked::Import(package.to_owned()))
    }

    fn import_or_open(&self, module: &str) -> Asked {
        if self.modules.contains(module) {
            Asked::Import(module.to_owned())
        } else {
            Asked::Open
        }
    }

    /// The package in whose folder, at any depth, a file lies.
    fn package_around(&self, dest: &str) -> Option<&str> {
        let folders = dest.match_indices('/').rev().map(|(at, _)| &dest[..at]);
        let mut packages = folders.filter_map(|folder| self.packages.get(folder));
        packages.next().map(String::as_str)
    }
}

fn is_of_tests(dest: &str) -> bool {
    dest.split('/').any(|part| TESTS.contains(&part))
}

pub(super) fn is_metadata(dest: &str) -> bool {
    let top = dest.split('/').next().unwrap_or_default();
    dest.contains('/') && (top.ends_with(".dist-info") || top.ends_with(".egg-info"))
}
