//! Which distributions are taken: those of reached modules, and all that these require.

use crate::facts::InterpreterFacts;
use crate::graph::{ReachedDistribution, Reason};
use crate::hooks;
use crate::installed::{Distribution, Installed, Markers, normalise};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Tools of developers that many libraries import when they happen to be there. An optional import in somebody else's
/// code is no reason to ship them; the application's own import, a requirement and an import that always happens are.
const DEVELOPER_TOOLS: [&str; 19] = [
    "black",
    "coverage",
    "hypothesis",
    "ipykernel",
    "ipython",
    "ipywidgets",
    "jupyter-client",
    "jupyter-core",
    "mypy",
    "nose",
    "notebook",
    "pip",
    "pyinstaller",
    "pylint",
    "pytest",
    "setuptools",
    "sphinx",
    "tox",
    "wheel",
];

/// The distributions taken so far.
#[derive(Debug)]
pub(super) struct Takings<'a> {
    facts: &'a InterpreterFacts,
    markers: Markers,
    /// Scanned when the first third-party module is reached.
    installed: OnceLock<Installed>,
    excluded: HashSet<String>,
    taken: BTreeMap<String, Taken>,
    /// Of which the metadata is wanted, whether they are taken or not.
    metadata: BTreeMap<String, ReachedDistribution>,
    unsatisfied: BTreeSet<(String, String)>,
}

#[derive(Debug)]
struct Taken {
    distribution: Arc<Distribution>,
    reason: Reason,
    extras: BTreeSet<String>,
}

impl<'a> Takings<'a> {
    pub(super) fn new(facts: &'a InterpreterFacts, excluded: &[String]) -> Self {
        Self {
            facts,
            markers: Markers::of(facts),
            installed: OnceLock::new(),
            excluded: excluded.iter().map(|name| normalise(name)).collect(),
            taken: BTreeMap::new(),
            metadata: BTreeMap::new(),
            unsatisfied: BTreeSet::new(),
        }
    }

    fn installed(&self) -> &Installed {
        self.installed.get_or_init(|| Installed::scan(self.facts))
    }

    pub(super) fn named(&self, name: &str) -> Option<Arc<Distribution>> {
        self.installed().named(name).cloned()
    }

    /// The distributions with entry points of `group`.
    pub(super) fn declaring(&self, group: &str) -> Vec<Arc<Distribution>> {
        self.installed().declaring(group)
    }

    pub(super) fn owner(&self, path: &Path) -> Option<Arc<Distribution>> {
        self.installed().owner(path).cloned()
    }

    pub(super) fn is_excluded(&self, distribution: &Distribution) -> bool {
        self.excluded.contains(&distribution.name)
    }

    /// Whether an optional import in somebody else's code is too weak a reason to take `distribution`.
    pub(super) fn is_mere_tool(&self, distribution: &Distribution) -> bool {
        DEVELOPER_TOOLS.contains(&distribution.name.as_str())
            && !self.taken.contains_key(&distribution.name)
    }

    /// What the distributions taken so far require for extras that nobody asked for, where it is installed and not taken:
    /// who requires, and what.
    pub(super) fn untaken_options(&self) -> Vec<(Arc<Distribution>, Arc<Distribution>)> {
        let mut found = Vec::new();
        for host in self.taken.values().map(|taken| &taken.distribution) {
            for text in &host.requires {
                let Some(requirement) = self.markers.optional(text) else {
                    continue;
                };
                let Some(option) = self.installed().named(&requirement.name) else {
                    continue;
                };
                if !self.taken.contains_key(&option.name)
                    && !self.is_excluded(option)
                    && !self.is_mere_tool(option)
                {
                    found.push((Arc::clone(host), Arc::clone(option)));
                }
            }
        }
        found
    }

    /// Takes `distribution` with `extras` and everything it requires; returns those that are new.
    pub(super) fn take(
        &mut self,
        distribution: Arc<Distribution>,
        extras: &[String],
        reason: Reason,
    ) -> Vec<Arc<Distribution>> {
        let mut new = Vec::new();
        let mut pending = vec![(distribution, extras.to_vec(), reason)];
        while let Some((distribution, extras, reason)) = pending.pop() {
            if self.is_excluded(&distribution)
                || !self.note(&distribution, &extras, reason, &mut new)
            {
                continue;
            }
            pending.extend(self.requirements(&distribution));
        }
        new
    }

    /// Takes the metadata of `distribution`, and with `recursive` that of all it requires.
    pub(super) fn take_metadata(
        &mut self,
        distribution: &Distribution,
        recursive: bool,
        reason: &Reason,
    ) {
        if self.is_excluded(distribution) || self.metadata.contains_key(&distribution.name) {
            return;
        }
        let taken = ReachedDistribution {
            distribution: Arc::new(distribution.metadata_alone()),
            reason: reason.clone(),
        };
        self.metadata.insert(distribution.name.clone(), taken);
        for text in distribution.requires.iter().filter(|_| recursive) {
            let requirement = self.markers.active(text, &[]);
            if let Some(required) = requirement.and_then(|found| self.named(&found.name)) {
                let reason = Reason::RequiredBy(distribution.name.clone());
                self.take_metadata(&required, true, &reason);
            }
        }
    }

    /// Those of which the metadata alone is taken.
    pub(super) fn with_metadata_alone(&mut self) -> Vec<ReachedDistribution> {
        let mut found = std::mem::take(&mut self.metadata);
        found.retain(|name, _| !self.taken.contains_key(name));
        found.into_values().collect()
    }

    /// Notes a distribution and the extras asked of it; returns whether anything of that is new.
    fn note(
        &mut self,
        distribution: &Arc<Distribution>,
        extras: &[String],
        reason: Reason,
        new: &mut Vec<Arc<Distribution>>,
    ) -> bool {
        match self.taken.get_mut(&distribution.name) {
            Some(taken) => {
                let before = taken.extras.len();
                taken.extras.extend(extras.iter().cloned());
                taken.extras.len() > before
            }
            None => {
                let extras = extras.iter().cloned().collect();
                let taken = Taken {
                    distribution: Arc::clone(distribution),
                    reason,
                    extras,
                };
                self.taken.insert(distribution.name.clone(), taken);
                new.push(Arc::clone(distribution));
                true
            }
        }
    }

    fn requirements(
        &mut self,
        distribution: &Distribution,
    ) -> Vec<(Arc<Distribution>, Vec<String>, Reason)> {
        let extras: Vec<String> = match self.taken.get(&distribution.name) {
            Some(taken) => taken.extras.iter().cloned().collect(),
            None => Vec::new(),
        };
        let mut found = Vec::new();
        for text in &distribution.requires {
            let Some(requirement) = self.markers.active(text, &extras) else {
                continue;
            };
            match self.named(&requirement.name) {
                Some(required) => {
                    let reason = Reason::RequiredBy(distribution.name.clone());
                    found.push((required, requirement.extras, reason));
                }
                // An extra's requirement may be missing: somebody asked for the extra, perhaps for another system.
                None if extras.is_empty() && !self.excluded.contains(&requirement.name) => {
                    self.unsatisfied
                        .insert((distribution.name.clone(), requirement.name));
                }
                None => {}
            }
        }
        // The last is taken from the stack first: keep the order of the metadata.
        found.reverse();
        found
    }

    /// The distributions that declare PyInstaller hooks, of those that are taken, and the one that has nothing else.
    pub(super) fn with_hooks(&self) -> Vec<String> {
        let Some(installed) = self.installed.get() else {
            return Vec::new();
        };
        let names = installed.declaring(hooks::GROUP).into_iter();
        let names = names.map(|distribution| distribution.name.clone());
        names
            .filter(|name| self.taken.contains_key(name) || name == hooks::CONTRIBUTED)
            .filter(|name| !self.excluded.contains(name))
            .collect()
    }

    /// Whether `distribution` is taken already.
    pub(super) fn has(&self, distribution: &Distribution) -> bool {
        self.taken.contains_key(&distribution.name)
    }

    /// The distributions by name, and what the reader should know.
    pub(super) fn finish(self) -> (Vec<ReachedDistribution>, Vec<String>) {
        let warnings = self.unsatisfied.iter().map(|(who, what)| {
            format!("distribution `{who}` requires `{what}`, which is not installed (`pip install {what}`, if it is needed)")
        });
        let warnings = warnings.collect();
        let taken = self.taken.into_values();
        let taken = taken.map(
            |Taken {
                 distribution,
                 reason,
                 ..
             }| ReachedDistribution {
                distribution,
                reason,
            },
        );
        (taken.collect(), warnings)
    }
}
