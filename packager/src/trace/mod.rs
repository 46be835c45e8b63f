//! `pack trace`: an application runs unpacked, and which files of its distributions it uses is written down.
//!
//! Two sources are added up. In every Python of the program an audit hook tells what is imported, opened and loaded, and at its
//! end what is mapped (`sitecustomize.py`). What native code opens by itself Python is not told of: the kernel is asked which
//! files in the folders of the distributions are opened, by whomever.

mod evidence;
mod run;

pub use evidence::{Evidence, TraceError};
pub use run::{Program, RunError, run};

use crate::collect;
use crate::facts::InterpreterFacts;
use crate::installed::{Distribution, DistributionFiles, Installed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Marks a file as one of ours.
const FORMAT: &str = "pack-trace";
/// Of the format.
const VERSION: u32 = 1;

/// What one run has used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    format: String,
    version: u32,
    /// `3.13`.
    python: String,
    /// `x86_64-linux`.
    system: String,
    /// All that were installed, by their names.
    distributions: BTreeMap<String, Used>,
}

/// What was used of one distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    version: String,
    /// Files, as they would lie in a bundle.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    used: BTreeSet<String>,
}

/// What the traced environment holds.
#[derive(Debug)]
pub struct Environment {
    python: String,
    distributions: Vec<Arc<Distribution>>,
    /// By path: the distribution, and the file's place in a bundle.
    files: HashMap<PathBuf, (usize, String)>,
    /// Top-level names of those without a list of files.
    roots: Vec<(PathBuf, usize)>,
}

impl Environment {
    /// Reads which distributions the interpreter has.
    #[must_use]
    pub fn read(facts: &InterpreterFacts) -> Self {
        let distributions = Installed::scan(facts).all();
        let mut files = HashMap::new();
        let mut roots = Vec::new();
        for (at, distribution) in distributions.iter().enumerate() {
            match &distribution.files {
                DistributionFiles::Recorded(recorded) => {
                    for file in recorded {
                        if let Some(dest) = collect::place_of(&distribution.site, file) {
                            let path = platform::path::normal(&distribution.site.join(file));
                            files.entry(path).or_insert((at, dest));
                        }
                    }
                }
                DistributionFiles::Roots(own) => {
                    roots.extend(own.iter().map(|root| (root.clone(), at)));
                }
            }
        }
        Self {
            python: format!("{}.{}", facts.version.0, facts.version.1),
            distributions,
            files,
            roots,
        }
    }

    /// The folders that files of distributions lie in.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let parents = self.files.keys().filter_map(|path| path.parent());
        let own = parents
            .filter(|folder| !folder.ends_with("__pycache__"))
            .map(Path::to_owned);
        let below = self.roots.iter().flat_map(|(root, _)| {
            walkdir::WalkDir::new(root)
                .into_iter()
                .flatten()
                .filter(|found| found.file_type().is_dir() && found.file_name() != "__pycache__")
                .map(walkdir::DirEntry::into_path)
        });
        own.chain(below).collect()
    }

    /// Whose file `path` is, and its place in a bundle.
    fn owner(&self, path: &Path) -> Option<(usize, String)> {
        if let Some(found) = self.files.get(path) {
            return Some(found.clone());
        }
        let (root, at) = self.roots.iter().find(|(root, _)| path.starts_with(root))?;
        let site = root
            .ancestors()
            .find(|folder| **folder == self.distributions[*at].site)?;
        let dest = path.strip_prefix(site).ok()?.to_str()?;
        Some((*at, dest.to_owned()))
    }

    /// What of the distributions is among `paths`.
    #[must_use]
    pub fn trace(&self, paths: &BTreeSet<PathBuf>) -> Trace {
        let mut used: Vec<BTreeSet<String>> = vec![BTreeSet::new(); self.distributions.len()];
        for path in paths {
            let path = source_of(path);
            let owner = self.owner(&path).or_else(|| {
                // Reached by a link: `lib64` of a virtual environment.
                self.owner(&path.canonicalize().ok()?)
            });
            if let Some((at, dest)) = owner {
                used[at].insert(dest);
            }
        }
        let distributions = self.distributions.iter().zip(used);
        Trace {
            format: FORMAT.into(),
            version: VERSION,
            python: self.python.clone(),
            system: system(&crate::configure::host_target()),
            distributions: distributions
                .map(|(distribution, used)| {
                    let version = distribution.version.clone();
                    (distribution.name.clone(), Used { version, used })
                })
                .collect(),
        }
    }
}

impl Trace {
    /// As it is written.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers: nothing that JSON does not have.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// How many files of how many distributions were used.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let used = self.distributions.values().map(|one| one.used.len());
        let (files, distributions) = used
            .filter(|count| *count > 0)
            .fold((0, 0), |(files, all), count| (files + count, all + 1));
        (files, distributions)
    }
}

/// `x86_64-linux` of `x86_64-unknown-linux-gnu`.
fn system(target: &str) -> String {
    let mut parts = target.split('-');
    let machine = parts.next().unwrap_or_default();
    let system = parts.nth(1).unwrap_or_default();
    format!("{machine}-{system}")
}

/// `a/b.py` of `a/__pycache__/b.cpython-311.pyc`, whatever a cache's name tells of the one who made it.
fn source_of(path: &Path) -> PathBuf {
    let source = || {
        let folder = path
            .parent()
            .filter(|folder| folder.ends_with("__pycache__"))?;
        let name = path.file_name()?.to_str()?;
        let stem = name.strip_suffix(".pyc")?.split('.').next()?;
        Some(folder.parent()?.join(format!("{stem}.py")))
    };
    source().unwrap_or_else(|| platform::path::normal(path))
}

#[cfg(test)]
mod tests;
