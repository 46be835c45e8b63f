//! Whose a module is, and the distributions that are taken with it.

use super::reach::Wish;
use super::{Depth, Job, Scope, Walk};
use crate::discover::finder::{Found, module_file};
use crate::graph::{ModuleKind, Origin, Reason};
use crate::installed::Distribution;
use std::path::Path;
use std::sync::Arc;

/// Folders in distributions whose imports say nothing about what the application needs.
const SIDE_FOLDERS: [&str; 7] = [
    "test",
    "tests",
    "testing",
    "_testing",
    "benchmarks",
    "examples",
    "conftest",
];

impl Walk<'_> {
    /// Takes the distribution that a module belongs to; false when the module must be left alone.
    pub(super) fn take_owner(&mut self, name: &str, found: &Found, wish: &Wish) -> bool {
        if found.origin == Origin::Stdlib {
            return true;
        }
        let Some(owner) = self.owner(name, found) else {
            return true;
        };
        let weak = !wish.certain && wish.asker != Origin::App;
        if self.takings.is_excluded(&owner) || (weak && self.takings.is_mere_tool(&owner)) {
            return false;
        }
        self.take(owner, &[], Reason::Import(wish.site.clone()));
        true
    }

    /// The distribution of a module; for a third-party module that nobody recorded, its top-level file or folder.
    pub(super) fn owner(&self, name: &str, found: &Found) -> Option<Arc<Distribution>> {
        let path = module_file(&found.kind)?;
        if let Some(owner) = self.takings.owner(path) {
            return Some(owner);
        }
        if found.origin != Origin::ThirdParty {
            return None;
        }
        let site = self
            .finder
            .roots()
            .iter()
            .map(|root| &root.path)
            .filter(|root| path.starts_with(root));
        let site = site.max_by_key(|root| root.as_os_str().len())?;
        let below = path.strip_prefix(site).ok()?;
        let top = name.split('.').next().unwrap_or(name);
        let root = match below.components().count() {
            1 => path.to_owned(),
            // Of a namespace package only the part that was reached.
            _ if self.is_namespace(top) => path.parent()?.to_owned(),
            _ => site.join(below.components().next()?),
        };
        Some(Arc::new(Distribution::unowned(site, root)))
    }

    fn is_namespace(&self, name: &str) -> bool {
        let kind = self.graph.modules.get(name).map(|module| &module.kind);
        matches!(kind, Some(ModuleKind::Namespace { .. }))
    }

    /// Takes a distribution, those that it requires, and those that its files import from.
    pub(super) fn take(
        &mut self,
        distribution: Arc<Distribution>,
        extras: &[String],
        reason: Reason,
    ) {
        for new in self.takings.take(distribution, extras, reason) {
            if let Some(project) = &new.project {
                self.take_project(&new, project);
            }
            for path in new.sources() {
                let below = path.strip_prefix(&new.site).unwrap_or(&path);
                if is_side_file(below) {
                    continue;
                }
                let scope = Scope {
                    importer: dotted(below),
                    package: String::new(),
                    origin: Origin::ThirdParty,
                    depth: Depth::Scanned,
                    certain: false,
                };
                self.pending.push(Job { path, scope });
            }
        }
    }
}

pub(super) fn is_side_file(below: &Path) -> bool {
    below.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        SIDE_FOLDERS.contains(&part.strip_suffix(".py").unwrap_or(&part))
    })
}

/// `a.b` of `a/b.py` and of `a/b/__init__.py`.
fn dotted(path: &Path) -> String {
    let path = path.with_extension("");
    let mut parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| last == "__init__") {
        parts.pop();
    }
    parts.join(".")
}
