//! The distributions that are installed where the interpreter looks: what they are, what they require, which files are
//! theirs.

mod metadata;
mod pth;
mod record;
mod requirement;

pub(crate) use pth::named_by_pth;
pub(crate) use requirement::Markers;

use crate::facts::InterpreterFacts;
use crate::inputs;
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One installed distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Normalised name (PEP 503).
    pub name: String,
    /// Its version; empty for files that belong to no distribution.
    pub version: String,
    /// The folder that holds it: a site-packages folder.
    pub site: PathBuf,
    /// Its `.dist-info` or `.egg-info`: a folder, seldom a file. `None` for files that belong to no distribution.
    pub metadata: Option<PathBuf>,
    /// `Requires-Dist`, as written.
    pub requires: Vec<String>,
    /// Its files.
    pub files: DistributionFiles,
    /// Groups of its entry points.
    pub groups: Vec<String>,
    /// The project's folder, when it is installed editable.
    pub project: Option<PathBuf>,
}

/// How the files of a distribution are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionFiles {
    /// By RECORD (or `installed-files.txt`): `/`-separated, relative to the site folder, perhaps beginning with `../`
    /// or absolute.
    Recorded(Vec<String>),
    /// By its top-level names: files, or folders with all that is in them.
    Roots(Vec<PathBuf>),
}

/// All installed distributions.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    by_name: HashMap<String, Arc<Distribution>>,
    /// By the groups of their entry points, in the order of the path.
    by_group: HashMap<String, Vec<Arc<Distribution>>>,
    /// Owner by module file.
    by_file: HashMap<PathBuf, Arc<Distribution>>,
    /// Owners that are known by their top-level names only.
    by_root: Vec<(PathBuf, Arc<Distribution>)>,
    /// Owners of editable installs, by project folder.
    by_project: Vec<(PathBuf, Arc<Distribution>)>,
}

impl Installed {
    /// Reads the metadata of everything in the interpreter's path. What cannot be read is left out: it belongs to
    /// nobody then, and is taken by its top-level name.
    pub(crate) fn scan(facts: &InterpreterFacts) -> Self {
        let folders = facts
            .sys_path
            .iter()
            .filter(|folder| **folder != facts.stdlib && inputs::is_folder(folder));
        let candidates: Vec<(PathBuf, PathBuf)> =
            folders.flat_map(|site| metadata_in(site)).collect();
        let found: Vec<Distribution> = candidates
            .par_iter()
            .filter_map(|(site, metadata)| Distribution::read(site, metadata))
            .collect();
        let mut installed = Self::default();
        for distribution in found {
            installed.add(Arc::new(distribution));
        }
        installed
    }

    fn add(&mut self, distribution: Arc<Distribution>) {
        // The first on the path wins, as for importlib.metadata.
        if self.by_name.contains_key(&distribution.name) {
            return;
        }
        match &distribution.files {
            DistributionFiles::Recorded(files) => {
                for file in files.iter().filter(|file| is_module_file(file)) {
                    let owner = || Arc::clone(&distribution);
                    self.by_file
                        .entry(distribution.site.join(file))
                        .or_insert_with(owner);
                }
            }
            DistributionFiles::Roots(roots) => {
                self.by_root.extend(
                    roots
                        .iter()
                        .map(|root| (root.clone(), Arc::clone(&distribution))),
                );
            }
        }
        for group in &distribution.groups {
            let declaring = self.by_group.entry(group.clone()).or_default();
            declaring.push(Arc::clone(&distribution));
        }
        if let Some(project) = &distribution.project {
            self.by_project
                .push((project.clone(), Arc::clone(&distribution)));
        }
        self.by_name.insert(distribution.name.clone(), distribution);
    }

    /// All of them, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Distribution>> {
        let mut all: Vec<_> = self.by_name.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The distribution of this name, in any spelling.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Distribution>> {
        self.by_name.get(&normalise(name))
    }

    /// Those with entry points of `group`.
    pub(crate) fn declaring(&self, group: &str) -> Vec<Arc<Distribution>> {
        self.by_group.get(group).cloned().unwrap_or_default()
    }

    /// Whose `path` is: the file of a module.
    pub(crate) fn owner(&self, path: &Path) -> Option<&Arc<Distribution>> {
        let below = |roots: &'_ [(PathBuf, Arc<Distribution>)]| {
            let found = roots.iter().filter(|(root, _)| path.starts_with(root));
            found
                .max_by_key(|(root, _)| root.as_os_str().len())
                .map(|(_, owner)| owner.name.clone())
        };
        if let Some(owner) = self.by_file.get(path) {
            return Some(owner);
        }
        let name = below(&self.by_root).or_else(|| below(&self.by_project))?;
        self.by_name.get(&name)
    }
}

impl Distribution {
    /// Reads a `.dist-info` or `.egg-info`.
    fn read(site: &Path, metadata: &Path) -> Option<Self> {
        let header = metadata::read(metadata)?;
        let files = match record::read(metadata) {
            Some(files) => DistributionFiles::Recorded(files),
            None if is_of_egg(metadata) => DistributionFiles::Roots(metadata::roots_of_egg(site)),
            None => DistributionFiles::Roots(metadata::roots(site, metadata, &header.name)),
        };
        Some(Self {
            name: normalise(&header.name),
            version: header.version,
            site: site.to_owned(),
            metadata: Some(metadata.to_owned()),
            requires: header.requires,
            files,
            groups: metadata::groups(metadata),
            project: metadata::editable_project(metadata),
        })
    }

    /// Files that belong to no distribution: `root`, a module or package below a site folder, called by its dotted name.
    pub(crate) fn unowned(site: &Path, root: PathBuf) -> Self {
        let below = root
            .strip_prefix(site)
            .unwrap_or(&root)
            .to_string_lossy()
            .replace('/', ".");
        let name = match inputs::is_folder(&root) {
            true => below,
            false => below
                .split_once('.')
                .map_or(below.clone(), |(stem, _)| stem.to_owned()),
        };
        Self {
            name,
            version: String::new(),
            site: site.to_owned(),
            metadata: None,
            requires: Vec::new(),
            groups: Vec::new(),
            files: DistributionFiles::Roots(vec![root]),
            project: None,
        }
    }

    /// The same without any file but its metadata.
    pub(crate) fn metadata_alone(&self) -> Self {
        Self {
            name: self.name.clone(),
            version: self.version.clone(),
            site: self.site.clone(),
            metadata: self.metadata.clone(),
            requires: self.requires.clone(),
            files: DistributionFiles::Roots(Vec::new()),
            groups: self.groups.clone(),
            project: self.project.clone(),
        }
    }

    /// `flask 3.1.0`, for people.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
            .trim_end()
            .to_owned()
    }

    /// What it is known to consist of where it has no files of its own, being installed editable: the top-level names that
    /// its metadata lists, the modules of its entry points, and the name that it would usually have.
    pub(crate) fn announced(&self) -> BTreeSet<String> {
        let metadata = self.metadata.iter();
        let listed = metadata.flat_map(|metadata| {
            let names = metadata::top_level(metadata);
            names.into_iter().chain(metadata::entry_modules(metadata))
        });
        listed.chain([self.name.replace('-', "_")]).collect()
    }

    /// The names of its top-level modules and packages.
    pub(crate) fn top_level(&self) -> BTreeSet<String> {
        let first = |file: &str| {
            let first = file.split('/').next().unwrap_or(file);
            first.split('.').next().unwrap_or(first).to_owned()
        };
        match &self.files {
            DistributionFiles::Recorded(files) => {
                let files = files.iter().filter(|file| is_module_file(file));
                files.map(|file| first(file)).collect()
            }
            DistributionFiles::Roots(roots) => {
                let roots = roots.iter().filter_map(|root| root.file_name()?.to_str());
                roots.map(first).collect()
            }
        }
    }

    /// The files of its modules that can be followed: sources, whole paths.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        match &self.files {
            DistributionFiles::Recorded(files) => {
                let sources = files
                    .iter()
                    .filter(|file| file.ends_with(".py") && is_module_file(file));
                sources.map(|file| self.site.join(file)).collect()
            }
            DistributionFiles::Roots(roots) => {
                let files = roots
                    .iter()
                    .flat_map(|root| inputs::walk(root, false, |_| true));
                let files = files
                    .flatten()
                    .filter(|found| found.kind.is_file())
                    .map(|found| found.path);
                files
                    .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
                    .collect()
            }
        }
    }
}

/// A file inside the site folder that can be a module's.
fn is_module_file(file: &str) -> bool {
    let kind = [".py", ".pyc", ".so", ".pyd"]
        .iter()
        .any(|end| file.ends_with(end));
    kind && !file.starts_with("../") && !file.starts_with('/') && !file.contains("__pycache__/")
}

/// How the folder of metadata is called in the folder of an egg, which holds one distribution alone.
pub(crate) const EGG_INFO: &str = "EGG-INFO";

fn is_of_egg(metadata: &Path) -> bool {
    metadata.file_name().is_some_and(|name| name == EGG_INFO)
}

/// The metadata folders and files in `site`, sorted: of two versions' left-overs the choice is at least the same.
fn metadata_in(site: &Path) -> Vec<(PathBuf, PathBuf)> {
    let entries = inputs::entries(site)
        .into_iter()
        .flatten()
        .map(|entry| entry.path());
    let is_egg = site.extension().is_some_and(|end| end == "egg");
    let is_metadata = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "dist-info" || extension == "egg-info")
            || (is_egg && is_of_egg(path))
    };
    let mut found: Vec<_> = entries
        .filter(is_metadata)
        .map(|path| (site.to_owned(), path))
        .collect();
    found.sort();
    found
}

/// PEP 503: lower case, runs of `-`, `_`, `.` as one `-`.
#[must_use]
pub fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests;
