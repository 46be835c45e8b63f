//! From one import to the modules and distributions that it names.

use super::reach::{Wish, is_virtual};
use super::{Scope, Walk};
use crate::discover::finder::Found;
use crate::discover::imports::{self, Import, What};
use crate::graph::{ImportSite, ModuleKind, Origin};
use std::sync::Arc;

impl Walk<'_> {
    /// Reaches what a file imports. Of somebody else's file that imports what is not there, and that need not be imported,
    /// only that is followed: it ends with that import.
    pub(super) fn follow_imports(&mut self, scope: &Scope, imports: &[Import]) {
        let may_fail = scope.origin == Origin::ThirdParty && !scope.certain;
        let lost = may_fail && self.imports_what_is_lost(scope, imports);
        for import in imports {
            if !lost || self.is_lost(scope, import) {
                self.follow(scope, import);
            }
        }
    }

    fn follow(&mut self, scope: &Scope, import: &Import) {
        // The standard library imports its tools (doctest, pdb, tests of itself) in functions, and all of it that a
        // program could want that way goes in whether it is reached or not.
        if import.local && scope.origin == Origin::Stdlib {
            return;
        }
        // In somebody else's code a function is a condition like any other.
        let optional = import.optional || (import.local && scope.origin != Origin::App);
        let site = ImportSite {
            importer: scope.importer.clone(),
            line: import.line,
            optional,
        };
        let certain = scope.certain && !optional;
        let wish = Wish {
            site,
            asker: scope.origin.clone(),
            note_missing: true,
            whole: false,
            certain,
        };
        if let What::Beginning { level, prefix } = &import.what {
            self.follow_beginning(scope, *level, prefix, import.line);
            return;
        }
        let Some((base, names)) = targets(scope, &import.what) else {
            return;
        };
        if self.hooks.exclude(&scope.importer, &base) {
            return;
        }
        let names = self.not_excluded(scope, &base, names);
        let real = self.hooks.real(&base);
        let base = real.or_else(|| self.distutils(&base)).unwrap_or(base);
        let Some(found) = self.want(&base, &wish) else {
            return;
        };
        for name in names {
            if name == "*" {
                self.starred.insert(base.clone());
                self.follow_star(&base, &scope.origin);
            } else if found.is_package() {
                let name = format!("{base}.{name}");
                // What is no submodule is an attribute, unless the package has no code that could set one.
                let certain = matches!(found.kind, ModuleKind::Namespace { .. });
                if certain || self.finder.find(&name).is_some() {
                    self.want(&name, &wish);
                }
            }
        }
    }

    /// Where a module of `distutils` is for a Python that has none (3.12 and later): in setuptools, which answers for that
    /// name by a `.pth` file of its own.
    fn distutils(&mut self, name: &str) -> Option<String> {
        const COPY: &str = "setuptools._distutils";
        let rest = name.strip_prefix("distutils")?;
        let is_meant = rest.is_empty() || rest.starts_with('.');
        let is_needed = is_meant && self.finder.find("distutils").is_none();
        (is_needed && self.finder.find(COPY).is_some()).then(|| format!("{COPY}{rest}"))
    }

    /// Those of `names` that hooks let a file import from `base`: `from package import sub` imports `package.sub`.
    fn not_excluded<'i>(&self, scope: &Scope, base: &str, names: &'i [String]) -> Vec<&'i String> {
        let is_excluded = |name: &&String| {
            self.hooks
                .exclude(&scope.importer, &format!("{base}.{name}"))
        };
        names.iter().filter(|name| !is_excluded(name)).collect()
    }

    /// `from package import *` imports the submodules that its `__all__` names.
    pub(super) fn follow_star(&mut self, package: &str, asker: &Origin) {
        if !self.starred.contains(package) {
            return;
        }
        for name in self.exports.get(package).cloned().unwrap_or_default() {
            let name = format!("{package}.{name}");
            if self.finder.find(&name).is_some() {
                let site = ImportSite {
                    importer: package.to_owned(),
                    line: 0,
                    optional: true,
                };
                self.want(
                    &name,
                    &Wish {
                        site,
                        asker: asker.clone(),
                        note_missing: false,
                        whole: false,
                        certain: false,
                    },
                );
            }
        }
    }

    /// Takes the distributions that a file of a distribution imports from; reaches nothing. A file that imports what is
    /// not there cannot be imported itself, and the rest of its imports says nothing.
    pub(super) fn scan_file(&mut self, scope: &Scope, imports: &[Import]) {
        if !self.imports_what_is_lost(scope, imports) {
            for import in imports {
                self.scan(scope, import);
            }
        }
    }

    fn imports_what_is_lost(&mut self, scope: &Scope, imports: &[Import]) -> bool {
        let always = |import: &&Import| !import.optional && !import.local;
        imports
            .iter()
            .filter(always)
            .any(|import| self.is_lost(scope, import))
    }

    fn is_lost(&mut self, scope: &Scope, import: &Import) -> bool {
        if matches!(import.what, What::From { level: 1.., .. }) {
            return false;
        }
        let Some((base, _)) = targets(scope, &import.what) else {
            return false;
        };
        let top = base.split('.').next().unwrap_or_default();
        !self.stdlib.contains(top) && !is_virtual(top) && self.finder.find(top).is_none()
    }

    fn scan(&mut self, scope: &Scope, import: &Import) {
        if matches!(import.what, What::From { level: 1.., .. }) {
            return;
        }
        if let What::Beginning { level: 0, prefix } = &import.what {
            self.scan_beginning(scope, prefix, import.line);
            return;
        }
        let Some((base, names)) = targets(scope, &import.what) else {
            return;
        };
        let top = base.split('.').next().unwrap_or_default();
        let excluded = self.is_left_out(&base) || self.hooks.exclude(&scope.importer, &base);
        if self.stdlib.contains(top) || excluded {
            return;
        }
        let Some(found) = self.find_longest(&base) else {
            return;
        };
        self.note_scanned(scope, &base, &found, names);
        let site = ImportSite {
            importer: scope.importer.clone(),
            line: import.line,
            optional: true,
        };
        let wish = Wish {
            site,
            asker: scope.origin.clone(),
            note_missing: false,
            whole: false,
            certain: false,
        };
        if matches!(found.kind, ModuleKind::Namespace { .. }) {
            for name in names {
                if let Some(part) = self.finder.find(&format!("{base}.{name}")) {
                    self.take_owner(&base, &part, &wish);
                }
            }
        }
        self.take_owner(&base, &found, &wish);
    }

    /// Notes the modules that an import of somebody else's package names.
    fn note_scanned(&mut self, scope: &Scope, base: &str, found: &Found, names: &[String]) {
        if scope.importer.split('.').next() == base.split('.').next() {
            return;
        }
        let mut modules = vec![base.to_owned()];
        if found.is_package() {
            let names = self.not_excluded(scope, base, names).into_iter();
            modules.extend(names.map(|name| format!("{base}.{name}")));
        }
        for module in modules {
            if self.finder.find(&module).is_some() {
                let importers = self.graph.scanned.entry(module).or_default();
                importers.insert(scope.importer.clone());
            }
        }
    }

    fn find_longest(&mut self, name: &str) -> Option<Arc<Found>> {
        let mut name = name;
        loop {
            if let Some(found) = self.finder.find(name) {
                return Some(found);
            }
            name = name.rsplit_once('.')?.0;
        }
    }

    /// Whether `[exclude] modules` or a hook names it, or a package around it.
    pub(super) fn is_left_out(&self, name: &str) -> bool {
        let excluded = self.plan.exclude.modules.iter().map(String::as_str);
        excluded.chain(self.hooks.left_out()).any(|excluded| {
            name.strip_prefix(excluded)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// The absolute name of what is imported from, and the names imported from it.
fn targets<'i>(scope: &Scope, what: &'i What) -> Option<(String, &'i [String])> {
    match what {
        What::Module(name) => Some((name.clone(), &[])),
        What::From {
            level: 0,
            module,
            names,
        } => Some((module.clone(), names)),
        What::From {
            level,
            module,
            names,
        } => {
            let level = usize::try_from(*level).ok()?;
            Some((imports::absolute(&scope.package, level, module)?, names))
        }
        What::Beginning { .. } => None,
    }
}
