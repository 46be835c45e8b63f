//! Hooks that were written for PyInstaller: what others know about libraries that no source tells.
//!
//! They are Python programs, and run in a process of the target interpreter against a stand-in for the modules of PyInstaller
//! that they import (`stand_in.py`). Most only collect what is bundled anyway, because distributions are packed whole; what
//! counts is the rest: modules that a string names, data outside of the distribution, imports to be left out, scripts that
//! run before the program. A hook that fails is told and harms nothing.

mod before;
mod worker;

use crate::facts::InterpreterFacts;
use crate::graph::ModuleGraph;
use crate::inputs;
use crate::plan::{BuildPlan, DataRule};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

/// The group of entry points by which distributions declare folders of hooks.
pub(crate) const GROUP: &str = "pyinstaller40";

/// Holds nothing but hooks for others; nobody imports it.
pub(crate) const CONTRIBUTED: &str = "pyinstaller-hooks-contrib";

/// Run-time modules of PyInstaller's own, which no packed program has.
const NOT_HERE: [&str; 3] = ["_pyi_rth_utils", "pyimod0", "_pyi_splash"];

/// What the hooks that were run so far ask for.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    by_module: BTreeMap<String, Hook>,
    /// Every module that was asked about when it was there.
    asked: HashSet<String>,
    /// And when it was not.
    asked_missing: HashSet<String>,
    problems: BTreeSet<String>,
}

/// What one module's hook asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Hook {
    /// The module, dotted.
    pub(crate) module: String,
    /// The hooks; there may be scripts to run before the program alone.
    #[serde(default)]
    files: Vec<PathBuf>,
    /// Modules that nothing imports.
    #[serde(default)]
    pub(crate) imports: Vec<String>,
    /// Nothing is said of those of them that are not there.
    #[serde(default)]
    pub(crate) quiet: bool,
    /// Modules whose imports by this one count for nothing.
    #[serde(default)]
    excluded: Vec<String>,
    #[serde(default)]
    data: Vec<(PathBuf, String)>,
    #[serde(default)]
    binaries: Vec<(PathBuf, String)>,
    #[serde(default)]
    runtime: Vec<PathBuf>,
    /// Of the hooks that run before the module is looked for.
    #[serde(default)]
    before: Option<before::Before>,
}

impl Hook {
    /// Files to put in: data and native libraries.
    pub(crate) fn files(&self) -> impl Iterator<Item = DataRule> + '_ {
        let files = self.data.iter().chain(&self.binaries);
        files.map(|(source, dest)| DataRule {
            source: source.clone(),
            dest: dest.clone(),
        })
    }

    /// How it is named as a reason.
    pub(crate) fn reason(&self) -> String {
        format!("the hook of {}", self.module)
    }
}

impl Hooks {
    /// Runs the hooks of modules in `graph`, and of those that it misses, that were not asked about yet; returns whether there is anything new.
    pub(crate) fn run(
        &mut self,
        plan: &BuildPlan,
        facts: &InterpreterFacts,
        graph: &ModuleGraph,
    ) -> bool {
        let none = plan.include.hooks.is_empty() && graph.hook_distributions.is_empty();
        // They run in the Python that is packed, which for Windows cannot be run here.
        if none || crate::layout::is_windows(&plan.target) {
            return false;
        }
        let (there, missing) = self.unasked(graph);
        if there.is_empty() && missing.is_empty() {
            return false;
        }
        let answer = match worker::ask(plan, facts, &graph.hook_distributions, &there, &missing) {
            Ok(answer) => answer,
            Err(problem) => {
                self.problems.insert(problem);
                return false;
            }
        };
        self.problems.extend(answer.problems);
        let mut anything_new = false;
        for hook in answer.results {
            for path in hook.files.iter().chain(&hook.runtime) {
                inputs::note_path(path);
            }
            let known = self.by_module.insert(hook.module.clone(), hook.clone());
            anything_new |= known.is_none_or(|known| known != hook);
        }
        anything_new
    }

    /// The modules of `graph` that were not asked about, and those that it misses: there may be hooks that know where they are.
    fn unasked(&mut self, graph: &ModuleGraph) -> (Vec<String>, Vec<String>) {
        let there = graph.modules.keys().cloned();
        let there = there.filter(|module| self.asked.insert(module.clone()));
        let there: Vec<String> = there.collect();
        let missing = before::missing(graph).into_iter();
        let missing = missing.filter(|module| self.asked_missing.insert(module.clone()));
        (there, missing.collect())
    }

    /// The hook of `module`.
    pub(crate) fn of(&self, module: &str) -> Option<&Hook> {
        self.by_module.get(module)
    }

    /// All of them, by the names of their modules.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Hook> {
        self.by_module.values()
    }

    /// Whether a hook of `importer`, or of a package around it, says that its import of `name` counts for nothing.
    pub(crate) fn exclude(&self, importer: &str, name: &str) -> bool {
        let ends = importer.match_indices('.').map(|(at, _)| at);
        let around = ends.chain([importer.len()]).map(|end| &importer[..end]);
        around.filter_map(|module| self.of(module)).any(|hook| {
            hook.excluded.iter().any(|excluded| {
                name.strip_prefix(excluded.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    }

    /// Scripts that run before the program, in the order of the modules' names.
    pub(crate) fn runtime_hooks(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in self.all().flat_map(|hook| &hook.runtime) {
            let code = inputs::read(path).unwrap_or_default();
            let code = String::from_utf8_lossy(&code);
            let runs = !code.is_empty() && !NOT_HERE.iter().any(|name| code.contains(name));
            if runs && !found.contains(path) {
                found.push(path.clone());
            }
        }
        found
    }

    /// What the reader should know.
    pub(crate) fn problems(&self) -> impl Iterator<Item = String> + '_ {
        self.problems.iter().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_that_hooks_exclude() {
        let mut hooks = Hooks::default();
        let hook = Hook {
            module: "a.b".into(),
            excluded: vec!["gtk".into(), "x.y".into()],
            ..Hook::default()
        };
        hooks.by_module.insert("a.b".into(), hook);
        let check = |importer: &str, name: &str, expected: bool| {
            assert_eq!(hooks.exclude(importer, name), expected, "{importer} {name}");
        };
        check("a.b", "gtk", true);
        check("a.b.c", "gtk.gdk", true);
        check("a.b.c", "x.y", true);
        check("a.b", "x", false);
        check("a.b", "gtk3", false);
        check("a", "gtk", false);
        check("a.bc", "gtk", false);
    }
}
