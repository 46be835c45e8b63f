//! Modules become part of the graph, and their distributions are taken.

use super::{Depth, Job, Scope, Walk};
use crate::discover::finder::{Found, STARTUP};
use crate::graph::{ImportSite, MissingImport, Module, ModuleGraph, ModuleKind, Origin};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Names that are in `sys.modules` without any file: put there by a module of another name, by the interpreter, or by the
/// runtime (`pyi_splash`).
const VIRTUAL: [&str; 9] = [
    "__main__",
    "_frozen_importlib",
    "_frozen_importlib_external",
    // From 3.13 on `collections` itself puts it there.
    "collections.abc",
    "os.path",
    "pkg_resources.extern",
    "pyi_splash",
    "setuptools.extern",
    "six.moves",
];

/// Parts of a package of the application that are not taken with it.
pub(super) const TESTS: [&str; 3] = ["test", "tests", "conftest"];

/// How something is wanted.
pub(super) struct Wish {
    pub(super) site: ImportSite,
    /// Whose code asks.
    pub(super) asker: Origin,
    /// Its absence is worth noting.
    pub(super) note_missing: bool,
    /// Wanted as a part of a whole package, not by any import.
    pub(super) whole: bool,
    /// Happens in every run: nothing on a chain from an entry point to it is optional.
    pub(super) certain: bool,
}

impl Wish {
    /// A setting or a rule, rather than a line of source.
    pub(super) fn setting(name: &str, optional: bool) -> Self {
        let site = ImportSite {
            importer: name.to_owned(),
            line: 0,
            optional,
        };
        Self {
            site,
            asker: Origin::App,
            note_missing: false,
            whole: false,
            certain: !optional,
        }
    }
}

impl Walk<'_> {
    /// Reaches `name` and the packages around it; returns it when there is one.
    pub(super) fn want(&mut self, name: &str, wish: &Wish) -> Option<Arc<Found>> {
        let ends = name
            .match_indices('.')
            .map(|(at, _)| at)
            .chain([name.len()]);
        let mut last: Option<Arc<Found>> = None;
        for end in ends {
            let part = &name[..end];
            if self.is_left_out(part) {
                return None;
            }
            let Some(found) = self.finder.find(part) else {
                // What a module (not a package) is asked for below itself, it makes itself.
                if wish.note_missing && last.as_ref().is_none_or(|parent| parent.is_package()) {
                    self.note_missing(name, wish);
                }
                return None;
            };
            if !self.take_owner(part, &found, wish) {
                return None;
            }
            self.reach(part, &found, wish);
            last = Some(found);
        }
        last
    }

    fn reach(&mut self, name: &str, found: &Arc<Found>, wish: &Wish) {
        let is_new = self.note_site(name, found, &wish.site);
        if is_new {
            self.take_companions(name);
            self.follow_hook(name);
        }
        // Known to be optional so far: what it imports weighs more now, and is followed again.
        let is_certain_now = wish.certain && self.certain.insert(name.to_owned());
        if !is_new && !is_certain_now {
            return;
        }
        // `site` does not run in a packed program; what it could import is not reached through it.
        if name != "site" || found.origin != Origin::Stdlib {
            self.push_module(name, found, wish);
        }
        if found.editable && found.is_package() && !name.contains('.') {
            self.take_package_whole(name);
        }
    }

    /// Returns whether the module is new in the graph.
    fn note_site(&mut self, name: &str, found: &Found, site: &ImportSite) -> bool {
        let new = || Module {
            kind: found.kind.clone(),
            origin: found.origin.clone(),
            wanted_by: Vec::new(),
        };
        let module = self
            .graph
            .modules
            .entry(name.to_owned())
            .or_insert_with(new);
        let is_new = module.wanted_by.is_empty();
        let key = (name.to_owned(), site.importer.clone());
        match self.sites.get(&key) {
            // The same importer asks again: what always happens says more than what may.
            Some(at) if module.wanted_by[*at].optional && !site.optional => {
                module.wanted_by[*at] = site.clone();
            }
            Some(_) => {}
            None => {
                self.sites.insert(key, module.wanted_by.len());
                module.wanted_by.push(site.clone());
            }
        }
        is_new
    }

    fn push_module(&mut self, name: &str, found: &Found, wish: &Wish) {
        if let ModuleKind::Source { path, package } = &found.kind {
            let parent = name.rsplit_once('.').map_or("", |(parent, _)| parent);
            let scope = Scope {
                importer: name.to_owned(),
                package: if *package { name } else { parent }.to_owned(),
                origin: found.origin.clone(),
                depth: if wish.whole {
                    Depth::Whole
                } else {
                    Depth::Reached
                },
                certain: wish.certain,
            };
            self.pending.push(Job {
                path: path.clone(),
                scope,
            });
        }
    }

    pub(super) fn note_missing(&mut self, name: &str, wish: &Wish) {
        if is_virtual(name) || self.hooks.makes(name) {
            return;
        }
        let key = (name.to_owned(), wish.site.importer.clone());
        if let Some(at) = self.missing.get(&key) {
            let known = &mut self.graph.missing[*at].site;
            if known.optional && !wish.site.optional {
                *known = wish.site.clone();
            }
            return;
        }
        self.missing.insert(key, self.graph.missing.len());
        let (site, origin) = (wish.site.clone(), wish.asker.clone());
        self.graph.missing.push(MissingImport {
            name: name.to_owned(),
            site,
            origin,
        });
    }

    /// Puts all modules of a package of the application in, tests left out.
    pub(super) fn take_package_whole(&mut self, package: &str) {
        let Some(found) = self.finder.find(package) else {
            return;
        };
        if !found.is_package() || !self.whole.insert(package.to_owned()) {
            return;
        }
        for name in self.finder.submodules(&found) {
            if TESTS.contains(&name.as_str()) {
                continue;
            }
            let name = format!("{package}.{name}");
            let wish = Wish {
                whole: true,
                ..Wish::setting("the whole package", true)
            };
            if self.want(&name, &wish).is_some() {
                self.take_package_whole(&name);
            }
        }
    }

    /// Orders what is missing by how much it matters, and gives the graph.
    pub(super) fn conclude(mut self) -> ModuleGraph {
        for missing in &mut self.graph.missing {
            let importer = &missing.site.importer;
            missing.site.optional |=
                self.graph.modules.contains_key(importer) && !self.certain.contains(importer);
        }
        let rank = |origin: &Origin| match origin {
            Origin::App => 0,
            Origin::ThirdParty => 1,
            Origin::Stdlib => 2,
        };
        self.graph
            .missing
            .sort_by_key(|missing| (rank(&missing.origin), missing.site.optional));
        self.graph.hook_distributions = self.takings.with_hooks();
        self.graph.metadata = self.takings.with_metadata_alone();
        let (distributions, warnings) = self.takings.finish();
        self.graph.distributions = distributions;
        self.graph.warnings.extend(warnings);
        self.graph
    }
}

/// The modules that every start of the interpreter imports, in no order that matters.
pub(crate) fn startup_modules(graph: &ModuleGraph) -> Vec<String> {
    let startup = STARTUP
        .iter()
        .copied()
        .filter(|name| graph.modules.contains_key(*name));
    let mut names: Vec<String> = always_imported(graph, startup.collect())
        .into_iter()
        .collect();
    names.sort();
    names
}

/// `from`, and all that is imported from there without a condition.
fn always_imported(graph: &ModuleGraph, from: Vec<&str>) -> HashSet<String> {
    let mut imports: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, module) in &graph.modules {
        for site in module.wanted_by.iter().filter(|site| !site.optional) {
            imports.entry(&site.importer).or_default().push(name);
        }
    }
    let mut pending = from;
    let mut found = HashSet::new();
    while let Some(name) = pending.pop() {
        if found.insert(name.to_owned()) {
            pending.extend(imports.get(name).into_iter().flatten());
        }
    }
    found
}

/// Whether the absence of `name` is no news.
pub(super) fn is_virtual(name: &str) -> bool {
    let below = |known: &str| {
        name.strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    VIRTUAL.iter().any(|known| below(known)) || name.contains(".six.moves")
}
