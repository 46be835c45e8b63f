//! The application's own scripts and modules.

use super::bundle::{Bundle, Owner, Placed};
use super::{CollectError, data};
use crate::collection::{CollectedFile, FileRole, FileSource};
use crate::discover::{entries, module_file, package_folder};
use crate::facts::InterpreterFacts;
use crate::graph::{Module, ModuleGraph, ModuleKind, Origin};
use crate::plan::{BuildPlan, Entry};
use payload::ArchivePath;
use std::path::Path;

/// Folder of the bundle that holds runtime hooks.
const HOOKS: &str = "runtime_hooks";

pub(super) fn collect(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    graph: &ModuleGraph,
) -> Result<(), CollectError> {
    for entry in entries(plan) {
        if let Entry::Script(path) = entry {
            script(bundle, plan, path)?;
        }
    }
    for (index, path) in plan.runtime_hooks.iter().enumerate() {
        let dest = name(path, format!("{HOOKS}/{index}_{}", file_name(path)))?;
        let why = format!("runtime hook `{}`", shown(plan, path));
        bundle.add(own_file(path, dest.clone(), why));
        bundle.add_script(path, &dest);
    }
    for (dotted, module) in graph
        .modules
        .iter()
        .filter(|(_, module)| module.origin == Origin::App)
    {
        own_module(bundle, Owner::App, dotted, module)?;
    }
    Ok(())
}

/// The data files of packages that are installed editable, for an ordinary installation would have brought them along, and of
/// packages in archives.
pub(super) fn editable_data(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    graph: &ModuleGraph,
) -> Result<(), CollectError> {
    let projects: Vec<_> = graph
        .distributions
        .iter()
        .filter_map(|taken| taken.distribution.project.as_ref())
        .chain(&facts.archives)
        .collect();
    let folder_of = |name: &str| package_folder(&graph.modules.get(name)?.kind);
    for (name, module) in &graph.modules {
        let parent = name.rsplit_once('.').map(|(parent, _)| parent);
        if module.origin != Origin::App || parent.and_then(folder_of).is_some() {
            continue;
        }
        // A package at the top, or in a namespace: with all that is below.
        let Some(folder) = package_folder(&module.kind) else {
            continue;
        };
        if !projects.iter().any(|project| folder.starts_with(project)) {
            continue;
        }
        data_of_package(bundle, plan, name, &folder)?;
    }
    Ok(())
}

/// The data files of those of the application's packages that `--collect-data` and its like name.
pub(super) fn asked_data(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    graph: &ModuleGraph,
) -> Result<(), CollectError> {
    for name in &graph.data_packages {
        let Some(module) = graph.modules.get(name) else {
            continue;
        };
        let folders = match &module.kind {
            ModuleKind::Namespace { portions } => portions.clone(),
            kind => package_folder(kind).into_iter().collect(),
        };
        for folder in folders {
            data_of_package(bundle, plan, name, &folder)?;
        }
    }
    Ok(())
}

/// What lies in the `folder` of the package `name` and is no module, hidden or made by builds.
fn data_of_package(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    name: &str,
    folder: &Path,
) -> Result<(), CollectError> {
    for (path, below) in data::files_of(folder)? {
        let Some(below) = below else { continue };
        let Ok(dest) = ArchivePath::new(format!("{}/{below}", name.replace('.', "/"))) else {
            continue;
        };
        let is_module = bundle.module_name(dest.as_str()).is_some();
        let is_hidden = below.starts_with('.') || below.contains("/.");
        if !is_module && !is_hidden && !path.starts_with(&plan.dist_dir) {
            let why = format!("data of the package {name}");
            bundle.place(data::data_file(path, dest, why));
        }
    }
    Ok(())
}

/// Modules from site-packages that no distribution's list led to: found through a `.pth` file's folder, or put beside a
/// distribution's own files later.
pub(super) fn third_party_leftovers(
    bundle: &mut Bundle<'_>,
    graph: &ModuleGraph,
) -> Result<(), CollectError> {
    let modules = graph
        .modules
        .iter()
        .filter(|(_, module)| module.origin == Origin::ThirdParty);
    for (dotted, module) in modules {
        if bundle.has_module(dotted) {
            continue;
        }
        let placed = module_file(&module.kind)
            .and_then(|path| bundle.dest_of(path))
            .cloned();
        match placed {
            Some(dest) => bundle.add_graph_module(Owner::ThirdParty, dotted, &module.kind, &dest),
            None => own_module(bundle, Owner::ThirdParty, dotted, module)?,
        }
    }
    Ok(())
}

/// A namespace package is a folder, and folders come with their files: one of which nothing else goes in gets an empty file,
/// so that it can be imported and its resources asked for.
pub(super) fn empty_namespaces(
    bundle: &mut Bundle<'_>,
    graph: &ModuleGraph,
) -> Result<(), CollectError> {
    for (dotted, module) in &graph.modules {
        let ModuleKind::Namespace { .. } = module.kind else {
            continue;
        };
        let folder = dotted.replace('.', "/");
        if bundle.has_folder(&folder) {
            continue;
        }
        let dest = name(Path::new(&folder), format!("{folder}/.namespace"))?;
        bundle.add(CollectedFile {
            dest,
            source: FileSource::Bytes(Vec::new()),
            role: FileRole::Data,
            executable: false,
            why: format!("the namespace package {dotted}"),
        });
    }
    Ok(())
}

/// At the bundle's root under its own name; a second script of that name keeps its place below the project's folder.
fn script(bundle: &mut Bundle<'_>, plan: &BuildPlan, path: &Path) -> Result<(), CollectError> {
    let mut dest = name(path, file_name(path))?;
    let why = format!("entry script `{}`", shown(plan, path));
    if let Placed::Taken(_) = bundle.place(own_file(path, dest.clone(), why.clone())) {
        let below = path.strip_prefix(&plan.root).unwrap_or(path);
        dest = name(
            path,
            below.to_string_lossy().trim_start_matches('/').to_owned(),
        )?;
        bundle.add_asked(own_file(path, dest.clone(), why))?;
    }
    bundle.add_script(path, &dest);
    Ok(())
}

/// Placed by its dotted name, whatever folder it was found in.
fn own_module(
    bundle: &mut Bundle<'_>,
    owner: Owner,
    dotted: &str,
    module: &Module,
) -> Result<(), CollectError> {
    let Some(path) = module_file(&module.kind) else {
        return Ok(());
    };
    let folder = match package_folder(&module.kind) {
        Some(_) => dotted,
        None => dotted.rsplit_once('.').map_or("", |(parent, _)| parent),
    };
    let dest = format!("{}/{}", folder.replace('.', "/"), file_name(path));
    let dest = name(path, dest.trim_start_matches('/').to_owned())?;
    let why = match module.wanted_by.first() {
        Some(site) if site.line > 0 => format!("imported by {site}"),
        Some(site) => site.to_string(),
        None => "the application's own".to_owned(),
    };
    bundle.add(own_file(path, dest.clone(), why));
    bundle.add_graph_module(owner, dotted, &module.kind, &dest);
    Ok(())
}

fn own_file(path: &Path, dest: ArchivePath, why: String) -> CollectedFile {
    CollectedFile {
        dest,
        source: FileSource::Path(path.to_owned()),
        role: FileRole::Data,
        executable: false,
        why,
    }
}

fn name(path: &Path, dest: String) -> Result<ArchivePath, CollectError> {
    ArchivePath::new(dest).map_err(|source| CollectError::Name {
        path: path.to_owned(),
        source,
    })
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

/// `path` from where the project stands.
pub(super) fn shown(plan: &BuildPlan, path: &Path) -> String {
    path.strip_prefix(&plan.root)
        .unwrap_or(path)
        .display()
        .to_string()
}
