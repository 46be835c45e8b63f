//! The record that a packed program carries for `pack inspect`: `.pack/report.json`.

use crate::collection::{Because, Collection};
use crate::development::{Development, folders_of_tests};
use crate::graph::{ImportSite, ModuleGraph};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The entry of the payload that holds it.
pub const PATH: &str = ".pack/report.json";
/// Import sites that are kept of one module; the first one is the one to show.
const SITES: usize = 3;

/// Who asked for what. Sizes and hashes are in the payload's index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Third-party distributions, in the order of their names.
    pub distributions: Vec<Distribution>,
    /// Who imports each module that the application reaches, by its dotted name.
    pub modules: BTreeMap<String, Vec<Site>>,
    /// Why each file is there, by its path in the bundle; those of distributions are not listed one by one.
    pub files: BTreeMap<String, String>,
    /// Imports for which no module was found.
    pub missing: BTreeMap<String, Vec<Site>>,
    /// Files of distributions that were left out, by the reason. Of tests only the folders, with a `/` at their ends.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, Vec<String>>,
}

/// One third-party distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who asked for it.
    pub why: String,
    /// Bytes of its files.
    pub size: u64,
}

/// A place that imports something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Importing module (`__main__` for the entry script), or a setting such as `--hidden-import`.
    pub importer: String,
    /// 1-based; 0 when there is none to name.
    pub line: u32,
    /// The importer can do without.
    pub optional: bool,
}

impl From<&ImportSite> for Site {
    fn from(site: &ImportSite) -> Self {
        Self {
            importer: site.importer.clone(),
            line: site.line,
            optional: site.optional,
        }
    }
}

/// How a record names the file at `dest`: tests are thousands.
fn place_left(dest: &str, because: Because) -> String {
    let folder = match because {
        Because::Development(Development::Tests) => folders_of_tests(dest).next_back(),
        _ => None,
    };
    folder.map_or_else(|| dest.to_owned(), |folder| format!("{folder}/"))
}

impl Record {
    /// The record of one build.
    #[must_use]
    pub fn new(graph: &ModuleGraph, collection: &Collection) -> Self {
        // A package whose `__init__` imports from itself has not asked for itself.
        let sites = |name: &str, sites: &[ImportSite]| {
            let others = sites.iter().filter(|site| site.importer != name);
            others.take(SITES).map(Site::from).collect()
        };
        let mut missing: BTreeMap<String, Vec<Site>> = BTreeMap::new();
        for import in &graph.missing {
            missing
                .entry(import.name.clone())
                .or_default()
                .push(Site::from(&import.site));
        }
        let distribution = |distribution: &crate::collection::CollectedDistribution| Distribution {
            name: distribution.name.clone(),
            version: distribution.version.clone(),
            why: distribution.why.clone(),
            size: distribution.size,
        };
        let mut left_out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (dest, file) in &collection.left_out {
            let files = left_out.entry(file.because.to_string()).or_default();
            files.insert(place_left(dest.as_str(), file.because));
        }
        let modules = graph.modules.iter();
        let files = collection.files.iter();
        Self {
            distributions: collection.distributions.iter().map(distribution).collect(),
            modules: modules
                .map(|(name, module)| (name.clone(), sites(name, &module.wanted_by)))
                .collect(),
            files: files
                .filter(|file| !file.why.is_empty())
                .map(|file| (file.dest.as_str().to_owned(), file.why.clone()))
                .collect(),
            missing,
            left_out: left_out
                .into_iter()
                .map(|(why, files)| (why, files.into_iter().collect()))
                .collect(),
        }
    }

    /// As it stands in the payload.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is no record.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// How `module` came in: itself and who imports it, up to the entry point, or to a module that something else than
    /// an import asked for. Ends where it would go round in a circle.
    #[must_use]
    pub fn chain<'a>(&'a self, module: &'a str) -> Vec<(&'a str, Option<&'a Site>)> {
        let mut chain: Vec<(&str, Option<&Site>)> = Vec::new();
        let mut next = Some(module);
        while let Some(name) = next {
            if chain.iter().any(|(seen, _)| *seen == name) {
                break;
            }
            let site = self.modules.get(name).and_then(|sites| sites.first());
            chain.push((name, site));
            let importer = site.map(|site| site.importer.as_str());
            next = importer.filter(|name| *name == "__main__" || self.modules.contains_key(*name));
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn site(importer: &str) -> Vec<Site> {
        vec![Site {
            importer: importer.into(),
            line: 3,
            optional: false,
        }]
    }

    #[test]
    fn writes_and_reads() {
        let record = Record {
            modules: BTreeMap::from([("a".into(), site("__main__"))]),
            ..Record::default()
        };
        assert_eq!(Record::from_json(&record.to_json()).unwrap(), record);
    }

    #[test]
    fn follows_importers_to_the_entry_point() {
        let record = Record {
            modules: BTreeMap::from([
                ("a".into(), site("__main__")),
                ("b".into(), site("a")),
                ("c".into(), site("d")),
                ("d".into(), site("c")),
            ]),
            ..Record::default()
        };
        let names = |module| {
            record
                .chain(module)
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("b"), ["b", "a", "__main__"]);
        assert_eq!(names("c"), ["c", "d"]);
    }
}
