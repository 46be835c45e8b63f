//! Entry points -> module graph: what can be imported, and who asked for it.
//!
//! Sources are parsed, never run. What the application reaches is followed as the import system would; a third-party
//! distribution of which anything is reached is taken whole, and so are the distributions it requires.

mod condition;
mod evidence;
mod finder;
mod groups;
mod guard;
mod imports;
mod libraries;
mod metadata;
mod names;
mod source;
mod takings;
mod walk;

pub(crate) use imports::Lines;

pub(crate) use finder::{module_file, package_folder};
pub(crate) use imports::is_identifier;
pub(crate) use libraries::NamedLibrary;
pub(crate) use walk::startup_modules;

use crate::facts::InterpreterFacts;
use crate::graph::ModuleGraph;
use crate::hooks::Hooks;
use crate::inputs;
use crate::plan::{BuildPlan, Entry};
use crate::progress::{Progress, Stage};
use std::path::{Path, PathBuf};
use walk::Walk;

/// Why the modules of an application could not be found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// An entry script or runtime hook is not there.
    #[error("there is no script `{}`{}", path.display(), if inputs::is_folder(path) { "; it is a folder" } else { "" })]
    MissingScript {
        /// The script.
        path: PathBuf,
    },
    /// One of the application's own files cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// One of the application's own files is no Python for the target.
    #[error("{}:{line}:{column}: syntax error: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: u32,
        /// 1-based, in characters.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// A module that an entry point names is not there.
    #[error(
        "there is no module `{name}`, which {wanted_by} names (looked in: {})",
        listed(searched)
    )]
    NoModule {
        /// Dotted name.
        name: String,
        /// The setting.
        wanted_by: String,
        /// The folders searched.
        searched: Vec<PathBuf>,
    },
    /// `-m package` of a package without `__main__`.
    #[error(
        "`{package}` is a package without a `__main__` module and cannot be run; name one of its modules"
    )]
    NotRunnable {
        /// Dotted name.
        package: String,
    },
}

fn listed(folders: &[PathBuf]) -> String {
    folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Follows the entry points and the included modules of `plan` through everything they import.
///
/// # Errors
/// When a script or a module that an entry point names is missing, or one of the application's own files is no Python.
pub fn modules(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    progress: &dyn Progress,
) -> Result<ModuleGraph, DiscoverError> {
    progress.start(Stage::Discover, 0);
    let graph = walk(plan, facts, progress);
    progress.finish(Stage::Discover);
    graph
}

fn walk(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    progress: &dyn Progress,
) -> Result<ModuleGraph, DiscoverError> {
    let (own, vendored): (Vec<_>, Vec<_>) = application_folders(plan)
        .into_iter()
        .partition(|folder| !is_vendored(plan, folder));
    let mut facts = facts.clone();
    facts.sys_path.splice(0..0, vendored.iter().cloned());
    facts.site_packages.splice(0..0, vendored);
    let mut hooks = Hooks::default();
    loop {
        // What hooks know about a module may change what its imports lead to: the walk begins anew when there is any.
        let mut graph = walk_with(plan, &facts, progress, &own, &hooks)?;
        if !hooks.run(plan, &facts, &graph) {
            graph.warnings.extend(hooks.problems());
            graph.hooks = hooks;
            return Ok(graph);
        }
    }
}

fn walk_with(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    progress: &dyn Progress,
    own: &[PathBuf],
    hooks: &Hooks,
) -> Result<ModuleGraph, DiscoverError> {
    let mut walk = Walk::new(plan, facts, progress, own, hooks);
    walk.reach_startup();
    for (index, entry) in entries(plan).into_iter().enumerate() {
        enter(&mut walk, entry, index == 0)?;
    }
    let of_libraries = hooks.runtime_hooks();
    for hook in plan.runtime_hooks.iter().chain(&of_libraries) {
        walk.enter_script(hook, &script_name(hook))?;
    }
    include(&mut walk, plan, facts);
    walk.finish()
}

/// All entry points, the main one first.
pub(crate) fn entries(plan: &BuildPlan) -> Vec<&Entry> {
    std::iter::once(&plan.entry)
        .chain(plan.commands.iter().map(|(_, entry)| entry))
        .collect()
}

/// The folders of the application's own modules: those of the settings, those of its scripts and, for entry points that
/// are modules, the project's root and its `src` folder (as `python -m` searches the working directory).
fn application_folders(plan: &BuildPlan) -> Vec<PathBuf> {
    let mut folders = plan.paths.clone();
    for entry in entries(plan) {
        match entry {
            Entry::Script(path) => {
                folders.extend(path.parent().map(Path::to_owned));
                // Of a link Python searches the folder that it leads to.
                let target = inputs::canonicalize(path).ok();
                folders.extend(target.as_deref().and_then(Path::parent).map(Path::to_owned));
            }
            Entry::Module(_) | Entry::Function { .. } | Entry::Wsgi(_) => {
                let src = plan.root.join("src");
                let src = (!inputs::exists(&src.join("__init__.py"))).then_some(src);
                folders.extend(std::iter::once(plan.root.clone()).chain(src));
            }
        }
    }
    folders
}

/// Whether a folder of the settings holds distributions (`pip install --target vendor`) rather than the application's own
/// modules: then it is searched like a site-packages folder that comes first.
fn is_vendored(plan: &BuildPlan, folder: &Path) -> bool {
    let mut scripts = entries(plan).into_iter().filter_map(|entry| match entry {
        Entry::Script(path) => path.parent(),
        _ => None,
    });
    let is_metadata = |entry: std::fs::DirEntry| {
        entry
            .path()
            .extension()
            .is_some_and(|end| end == "dist-info")
    };
    let mut entries = inputs::entries(folder).into_iter().flatten();
    folder != plan.root && !scripts.any(|own| own == folder) && entries.any(is_metadata)
}

fn enter(walk: &mut Walk<'_>, entry: &Entry, main: bool) -> Result<(), DiscoverError> {
    match entry {
        Entry::Script(path) => {
            let importer = if main {
                "__main__".to_owned()
            } else {
                script_name(path)
            };
            walk.enter_script(path, &importer)
        }
        Entry::Module(name) => {
            let package = walk.is_package(name);
            let main = if package {
                format!("{name}.__main__")
            } else {
                name.clone()
            };
            if package && !walk.finds(&main) {
                return Err(DiscoverError::NotRunnable {
                    package: name.clone(),
                });
            }
            walk.run_as_main(&main);
            walk.enter_module(&main, "the entry point")
        }
        Entry::Function { module, .. } => walk.enter_module(module, "the entry point"),
        Entry::Wsgi(wsgi) => walk.enter_module(&wsgi.module, "`wsgi.app`"),
    }
}

/// How a script that is not the main one is called as an importer; its code has this name in the bundle.
fn script_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    format!("[script] {}", name.to_string_lossy())
}

/// What the settings put in beyond the imports. A name that nothing has is told and ends nothing, as with PyInstaller: build
/// scripts name modules of versions that came and went.
fn include(walk: &mut Walk<'_>, plan: &BuildPlan, facts: &InterpreterFacts) {
    let modules = plan.include.modules.iter();
    let modules = modules.map(|name| (name, "--hidden-import"));
    let submodules = plan.include.submodules.iter();
    let submodules = submodules.map(|name| (name, "--collect-submodules"));
    for (name, setting) in modules.chain(submodules) {
        if let Err(error) = walk.include_module(name, setting) {
            walk.warn(format!("{error}; {WITHOUT}"));
        }
    }
    for name in &plan.include.submodules {
        walk.include_submodules(name, "--collect-submodules");
    }
    for name in &plan.include.distributions {
        if !walk.include_distribution(name) {
            walk.warn(format!(
                "there is no distribution or package `{name}`, which --collect-all or its like names, in the environment of \
                 `{}`; {WITHOUT}",
                facts.executable.display()
            ));
        }
    }
}

const WITHOUT: &str = "the program is built without it";

#[cfg(test)]
mod tests;
