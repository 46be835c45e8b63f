//! The module graph: what can be imported, and who asked for it.

use crate::discover::NamedLibrary;
use crate::hooks::Hooks;
use crate::installed::Distribution;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every module that the entry points can reach.
#[derive(Debug, Clone, Default)]
pub struct ModuleGraph {
    /// By dotted name. The entry script itself is not in it (it is `__main__`), unless something imports it by name.
    pub modules: BTreeMap<String, Module>,
    /// Imports for which no module was found: the application's own first, and in each part those that always happen.
    pub missing: Vec<MissingImport>,
    /// Third-party distributions, taken whole, in the order of their names.
    pub distributions: Vec<ReachedDistribution>,
    /// Those of which the metadata alone is taken.
    pub metadata: Vec<ReachedDistribution>,
    /// Modules that files of distributions import, reached or not, and those files' dotted names.
    pub scanned: BTreeMap<String, BTreeSet<String>>,
    /// Paths that the application's own sources name; whether anything lies there is not known yet.
    pub data: Vec<DataHint>,
    /// Libraries that the application's own sources load by name, and the files that do.
    pub(crate) libraries: Vec<(PathBuf, NamedLibrary)>,
    /// Packages of the application whose data files a setting asks for, by dotted name.
    pub data_packages: BTreeSet<String>,
    /// The distributions that declare PyInstaller hooks: those taken, and the one that has nothing else.
    pub hook_distributions: Vec<String>,
    /// What the hooks ask for.
    pub hooks: Hooks,
    /// What the reader should know, one line each.
    pub warnings: Vec<String>,
}

/// One module that can be imported.
#[derive(Debug, Clone)]
pub struct Module {
    /// What it is on disk.
    pub kind: ModuleKind,
    /// Whose it is.
    pub origin: Origin,
    /// Who asked for it; the first one is the one to show.
    pub wanted_by: Vec<ImportSite>,
}

/// What a module is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleKind {
    /// A `.py` file; `package` when it is an `__init__.py`.
    Source {
        /// The file.
        path: PathBuf,
        /// A package's `__init__.py`.
        package: bool,
    },
    /// A `.pyc` without source.
    Bytecode {
        /// The file.
        path: PathBuf,
        /// A package's `__init__.pyc`.
        package: bool,
    },
    /// A shared library with a `PyInit_` function.
    Extension {
        /// The file.
        path: PathBuf,
        /// A package's `__init__.<suffix>.so`.
        package: bool,
    },
    /// A namespace package (PEP 420).
    Namespace {
        /// Its folders.
        portions: Vec<PathBuf>,
    },
    /// Compiled into the interpreter.
    Builtin,
}

/// Whose a module is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Origin {
    /// The application's own.
    App,
    /// The standard library's.
    Stdlib,
    /// Found in site-packages (or elsewhere on the interpreter's path); distributions are resolved when files are
    /// collected.
    ThirdParty,
}

/// A place that imports something.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImportSite {
    /// Importing module (`__main__` for the entry script), or a setting such as `--hidden-import`.
    pub importer: String,
    /// 1-based line in it; 0 when there is none to name.
    pub line: u32,
    /// Inside `try`/`except ImportError`, or under a condition.
    pub optional: bool,
}

/// An import for which no module was found.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct MissingImport {
    /// Dotted name as imported, made absolute.
    pub name: String,
    /// The place that asks for it.
    pub site: ImportSite,
    /// Whose code asks.
    pub origin: Origin,
}

/// A third-party distribution that is taken whole.
#[derive(Debug, Clone)]
pub struct ReachedDistribution {
    /// What it is.
    pub distribution: Arc<Distribution>,
    /// Who asked for it first.
    pub reason: Reason,
}

/// Who asked for a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A module imports from it.
    Import(ImportSite),
    /// The distribution of this name requires it.
    RequiredBy(String),
    /// It has entry points of a group that a bundled module reads.
    PlugIn {
        /// The group.
        group: String,
        /// The module.
        host: String,
    },
    /// The module of this name looks for it, without an import.
    LookedFor(String),
    /// The distribution of this name requires it for an extra, and names its module.
    OptionOf(String),
    /// This place reads its metadata.
    MetadataReadBy(ImportSite),
    /// A setting names it.
    Setting(&'static str),
}

impl std::fmt::Display for ImportSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.importer),
            line => write!(f, "{}:{line}", self.importer),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Import(site) if site.line == 0 => site.fmt(f),
            Self::Import(site) => write!(f, "imported by {site}"),
            Self::RequiredBy(name) => write!(f, "required by {name}"),
            Self::PlugIn { group, host } => write!(f, "plug-in of {host}: entry points `{group}`"),
            Self::LookedFor(module) => write!(f, "looked for by {module}"),
            Self::OptionOf(name) => write!(f, "optional requirement of {name}, which names it"),
            Self::MetadataReadBy(site) => write!(f, "metadata, read by {site}"),
            Self::Setting(setting) => f.write_str(setting),
        }
    }
}

/// A path that one of the application's own sources names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataHint {
    /// The source file that the path is relative to.
    pub file: PathBuf,
    /// 1-based line in it.
    pub line: u32,
    /// Another file and line that say so, rather than this file.
    pub named_by: Option<(PathBuf, u32)>,
    /// Relative, `/`-separated, without `..`.
    pub path: String,
    /// A folder may be meant, with all that is in it; else only a file.
    pub folder: bool,
    /// It is looked for in the working directory.
    pub relative: bool,
}

impl DataHint {
    /// The file and the line that name it.
    #[must_use]
    pub fn site(&self) -> (&Path, u32) {
        match &self.named_by {
            Some((file, line)) => (file, *line),
            None => (&self.file, self.line),
        }
    }
}
