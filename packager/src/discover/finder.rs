//! Finds modules as the target's import system would, without running it.

mod listing;

use crate::facts::InterpreterFacts;
use crate::graph::{ModuleKind, Origin};
use crate::hooks::Hooks;
use listing::Listing;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Modules that are loaded before any path of the application is searched: a file of that name beside the script hides
/// none of them.
pub(crate) const STARTUP: [&str; 24] = [
    "_collections_abc",
    "_frozen_importlib",
    "_frozen_importlib_external",
    "_sitebuiltins",
    "abc",
    "builtins",
    "codecs",
    "encodings",
    "encodings.aliases",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_8",
    "genericpath",
    "importlib",
    "importlib._bootstrap",
    "importlib._bootstrap_external",
    "importlib.machinery",
    "importlib.util",
    "io",
    "os",
    "posixpath",
    "site",
    "stat",
    "zipimport",
];

/// A module that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) kind: ModuleKind,
    pub(crate) origin: Origin,
    /// The folder of the search path it was found in; for a namespace package that of its first portion.
    pub(crate) root: PathBuf,
    /// Found in a folder that an editable install added: its packages are taken whole.
    pub(crate) editable: bool,
}

impl Found {
    /// Whether it can have submodules.
    pub(crate) fn is_package(&self) -> bool {
        matches!(self.kind, ModuleKind::Namespace { .. }) || package_folder(&self.kind).is_some()
    }
}

/// One folder that is searched.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    pub(crate) origin: Origin,
    pub(crate) editable: bool,
}

/// Searches `sys.path` of the target; remembers what it found.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    roots: Vec<Root>,
    /// They may know better where a module is.
    hooks: &'a Hooks,
    builtin: HashSet<String>,
    startup: HashSet<&'static str>,
    /// Suffixes of modules in the order that they are tried in.
    suffixes: Vec<(String, FileKind)>,
    editable: Vec<(String, PathBuf)>,
    listings: HashMap<PathBuf, Option<Arc<Listing>>>,
    found: HashMap<String, Option<Arc<Found>>>,
    extends_path: HashMap<PathBuf, bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Extension,
    Source,
    Bytecode,
}

impl<'h> Finder<'h> {
    /// `own` are the application's folders, first the script's.
    pub(crate) fn new(own: &[PathBuf], facts: &InterpreterFacts, hooks: &'h Hooks) -> Self {
        let extensions = facts
            .extension_suffixes
            .iter()
            .map(|suffix| (suffix.clone(), FileKind::Extension));
        let others = [
            (".py".to_owned(), FileKind::Source),
            (".pyc".to_owned(), FileKind::Bytecode),
        ];
        Self {
            roots: roots(own, facts),
            hooks,
            builtin: facts.builtin_modules.iter().cloned().collect(),
            startup: STARTUP.into(),
            suffixes: extensions.chain(others).collect(),
            editable: facts
                .editable
                .iter()
                .map(|(name, path)| (name.clone(), path.clone()))
                .collect(),
            listings: HashMap::new(),
            found: HashMap::new(),
            extends_path: HashMap::new(),
        }
    }

    /// The folders that are searched, in order.
    pub(crate) fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The module `name`, if there is one.
    pub(crate) fn find(&mut self, name: &str) -> Option<Arc<Found>> {
        if let Some(found) = self.found.get(name) {
            return found.clone();
        }
        let found = self.search(name).map(Arc::new);
        self.found.insert(name.to_owned(), found.clone());
        found
    }

    fn search(&mut self, name: &str) -> Option<Found> {
        if name.is_empty() || name.split('.').any(str::is_empty) {
            return None;
        }
        if let Some(folders) = self.hooks.search(name) {
            let roots = folders.iter().map(|folder| self.root_of(folder)).collect();
            return self.search_in(roots, name.rsplit('.').next().unwrap_or(name));
        }
        let Some((parent, last)) = name.rsplit_once('.') else {
            return self.search_top(name);
        };
        let package = self.find(parent)?;
        let own = match &package.kind {
            ModuleKind::Namespace { portions } => portions.clone(),
            kind => vec![package_folder(kind)?],
        };
        let within = |path: PathBuf| Root {
            path,
            origin: package.origin.clone(),
            editable: package.editable,
        };
        let mut found = self.search_in(own.into_iter().map(within).collect(), last);
        if found.is_none() && self.extends_its_path(&package.kind) {
            found = self.search_in(self.roots_below(parent), last);
        }
        if found.is_none() {
            let further = self.hooks.package_path(parent).iter();
            let further = further.map(|folder| self.root_of(folder)).collect();
            found = self.search_in(further, last);
        }
        found.or_else(|| self.search_editable(name))
    }

    /// A folder that a hook names: whose it is tells the folder of the search path that it lies in.
    fn root_of(&self, folder: &Path) -> Root {
        let around = self
            .roots
            .iter()
            .filter(|root| folder.starts_with(&root.path));
        let around = around.max_by_key(|root| root.path.as_os_str().len());
        Root {
            path: folder.to_owned(),
            origin: around.map_or(Origin::App, |root| root.origin.clone()),
            editable: false,
        }
    }

    fn search_top(&mut self, name: &str) -> Option<Found> {
        if self.builtin.contains(name) {
            let (kind, root) = (ModuleKind::Builtin, PathBuf::new());
            return Some(Found {
                kind,
                origin: Origin::Stdlib,
                root,
                editable: false,
            });
        }
        let mut roots = self.roots.clone();
        if self.startup.contains(name) {
            roots.retain(|root| root.origin == Origin::Stdlib);
        }
        self.search_in(roots, name)
            .or_else(|| self.search_editable(name))
    }

    /// The path of an old-style namespace package (`pkgutil.extend_path`): the folder of its name in every root.
    fn roots_below(&self, package: &str) -> Vec<Root> {
        let relative: PathBuf = package.split('.').collect();
        self.roots
            .iter()
            .map(|root| Root {
                path: root.path.join(&relative),
                ..root.clone()
            })
            .collect()
    }

    /// PEP 420: a package or module in the first folder that has one, else the folders of that name together.
    fn search_in(&mut self, roots: Vec<Root>, name: &str) -> Option<Found> {
        let mut portions: Vec<PathBuf> = Vec::new();
        let mut first: Option<Root> = None;
        for root in roots {
            let Some(listing) = self.listing(&root.path) else {
                continue;
            };
            let is_folder = listing.folders.contains(name);
            let package = if is_folder {
                self.package_in(&root.path.join(name))
            } else {
                None
            };
            if let Some(kind) = package.or_else(|| self.module_in(&root.path, &listing, name)) {
                return Some(Found {
                    kind,
                    origin: root.origin,
                    root: root.path,
                    editable: root.editable,
                });
            }
            if is_folder {
                portions.push(root.path.join(name));
                first.get_or_insert(root);
            }
        }
        let root = first?;
        let kind = ModuleKind::Namespace { portions };
        Some(Found {
            kind,
            origin: root.origin,
            root: root.path,
            editable: root.editable,
        })
    }

    fn package_in(&mut self, folder: &Path) -> Option<ModuleKind> {
        let listing = self.listing(folder)?;
        let (path, kind) = self.file_in(folder, &listing, "__init__")?;
        Some(module_kind(path, kind, true))
    }

    fn module_in(&self, folder: &Path, listing: &Listing, name: &str) -> Option<ModuleKind> {
        let (path, kind) = self.file_in(folder, listing, name)?;
        Some(module_kind(path, kind, false))
    }

    fn file_in(&self, folder: &Path, listing: &Listing, stem: &str) -> Option<(PathBuf, FileKind)> {
        self.suffixes.iter().find_map(|(suffix, kind)| {
            let file = format!("{stem}{suffix}");
            listing
                .files
                .contains(&file)
                .then(|| (folder.join(file), *kind))
        })
    }

    /// What setuptools' finder kind of editable install maps to folders; tried last, as its finder is.
    fn search_editable(&mut self, name: &str) -> Option<Found> {
        let mapped = self.editable.iter().find(|(mapped, _)| mapped == name);
        let Some((_, path)) = mapped.cloned() else {
            return self.namespace_of_editable(name);
        };
        let kind = match self.package_in(&path) {
            Some(kind) => kind,
            None => {
                let folder = path.parent()?;
                let stem = path.file_name()?.to_string_lossy().into_owned();
                let stem = stem.strip_suffix(".py").unwrap_or(&stem);
                let listing = self.listing(folder)?;
                self.module_in(folder, &listing, stem)?
            }
        };
        Some(Found {
            kind,
            origin: Origin::App,
            root: path.parent()?.to_owned(),
            editable: true,
        })
    }

    /// A namespace package that exists around what is mapped only: `acme` of `acme.tools`.
    fn namespace_of_editable(&self, name: &str) -> Option<Found> {
        let is_around = |mapped: &str| {
            mapped
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let (_, path) = self.editable.iter().find(|(mapped, _)| is_around(mapped))?;
        Some(Found {
            kind: ModuleKind::Namespace {
                portions: Vec::new(),
            },
            origin: Origin::App,
            root: path.parent()?.to_owned(),
            editable: true,
        })
    }

    /// What finders of editable installs map to something below `folder`.
    pub(crate) fn mapped_below(&self, folder: &Path) -> Vec<String> {
        let below = self
            .editable
            .iter()
            .filter(|(_, path)| path.starts_with(folder));
        below.map(|(name, _)| name.clone()).collect()
    }

    /// Whether a package's `__init__.py` spreads it over other folders of the path.
    fn extends_its_path(&mut self, kind: &ModuleKind) -> bool {
        let ModuleKind::Source {
            path,
            package: true,
        } = kind
        else {
            return false;
        };
        *self.extends_path.entry(path.clone()).or_insert_with(|| {
            let text = crate::inputs::read(path).unwrap_or_default();
            let contains = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
            // `__path__ = pkgutil.extend_path(…)` and `pkg_resources.declare_namespace(…)` stand in small files.
            text.len() < 64 * 1024 && (contains(b"extend_path") || contains(b"declare_namespace"))
        })
    }

    /// The names of the direct submodules of `package`, sorted.
    pub(crate) fn submodules(&mut self, package: &Found) -> Vec<String> {
        let folders = match &package.kind {
            ModuleKind::Namespace { portions } => portions.clone(),
            kind => package_folder(kind).into_iter().collect(),
        };
        let mut names = BTreeSet::new();
        for folder in folders {
            let Some(listing) = self.listing(&folder) else {
                continue;
            };
            let modules = self.module_names(&listing);
            names.extend(
                modules
                    .filter(|name| *name != "__init__")
                    .map(str::to_owned),
            );
            for name in listing
                .folders
                .iter()
                .filter(|name| super::imports::is_identifier(name))
            {
                if *name != "__pycache__" && self.package_in(&folder.join(name)).is_some() {
                    names.insert(name.clone());
                }
            }
        }
        names.into_iter().collect()
    }

    /// The top-level modules and packages whose names begin with `prefix`, those of the standard library left out, sorted.
    pub(crate) fn top_level(&mut self, prefix: &str) -> Vec<String> {
        let own = |root: &&Root| root.origin != Origin::Stdlib;
        let folders: Vec<PathBuf> = self
            .roots
            .iter()
            .filter(own)
            .map(|root| root.path.clone())
            .collect();
        let mut names = BTreeSet::new();
        for folder in folders {
            let Some(listing) = self.listing(&folder) else {
                continue;
            };
            let modules = self.module_names(&listing).map(str::to_owned);
            let folders = listing.folders.iter().cloned();
            names.extend(
                modules
                    .chain(folders)
                    .filter(|name| name.starts_with(prefix) && super::imports::is_identifier(name)),
            );
        }
        names.into_iter().collect()
    }

    /// The modules that are files of a folder.
    fn module_names<'a>(&'a self, listing: &'a Listing) -> impl Iterator<Item = &'a str> {
        let files = listing.files.iter();
        files.filter_map(|file| self.module_name(file))
    }

    /// `name` of `name.py` and `name.cpython-311-x86_64-linux-gnu.so`.
    fn module_name<'a>(&self, file: &'a str) -> Option<&'a str> {
        let name = self
            .suffixes
            .iter()
            .find_map(|(suffix, _)| file.strip_suffix(suffix.as_str()))?;
        // No statement can import `0001_initial`, but `import_module` can, and Django does.
        let is_name = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_alphanumeric());
        is_name.then_some(name)
    }

    fn listing(&mut self, folder: &Path) -> Option<Arc<Listing>> {
        if let Some(listing) = self.listings.get(folder) {
            return listing.clone();
        }
        let listing = Listing::read(folder).map(Arc::new);
        self.listings.insert(folder.to_owned(), listing.clone());
        listing
    }
}

/// The application's folders, then `sys.path`; the origin of a module is that of its folder.
fn roots(own: &[PathBuf], facts: &InterpreterFacts) -> Vec<Root> {
    let mut roots: Vec<Root> = Vec::new();
    let mut add = |path: &Path, origin: Origin, editable: bool| {
        if crate::inputs::is_folder(path) && !roots.iter().any(|root| root.path == path) {
            roots.push(Root {
                path: path.to_owned(),
                origin,
                editable,
            });
        }
    };
    for path in own {
        add(path, Origin::App, facts.archives.contains(path));
    }
    for path in &facts.sys_path {
        let stdlib = *path == facts.stdlib || Some(path) == facts.dynload.as_ref();
        let third_party = facts
            .site_packages
            .iter()
            .any(|site| path.starts_with(site));
        match (stdlib, third_party) {
            (true, _) => add(path, Origin::Stdlib, false),
            (false, true) => add(path, Origin::ThirdParty, false),
            // Folders that `.pth` files of editable installs name.
            (false, false) => add(path, Origin::App, true),
        }
    }
    roots
}

fn module_kind(path: PathBuf, kind: FileKind, package: bool) -> ModuleKind {
    match kind {
        FileKind::Extension => ModuleKind::Extension { path, package },
        FileKind::Source => ModuleKind::Source { path, package },
        FileKind::Bytecode => ModuleKind::Bytecode { path, package },
    }
}

/// The folder of a regular package; `None` for a module.
pub(crate) fn package_folder(kind: &ModuleKind) -> Option<PathBuf> {
    match kind {
        ModuleKind::Source {
            path,
            package: true,
        }
        | ModuleKind::Bytecode {
            path,
            package: true,
        }
        | ModuleKind::Extension {
            path,
            package: true,
        } => path.parent().map(Path::to_owned),
        _ => None,
    }
}

/// The file of a module; `None` for what has none.
pub(crate) fn module_file(kind: &ModuleKind) -> Option<&Path> {
    match kind {
        ModuleKind::Source { path, .. }
        | ModuleKind::Bytecode { path, .. }
        | ModuleKind::Extension { path, .. } => Some(path),
        ModuleKind::Namespace { .. } | ModuleKind::Builtin => None,
    }
}

#[cfg(test)]
mod tests;
