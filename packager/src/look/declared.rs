//! Programs that `[project]` of pyproject.toml declares.

use super::{Found, Kind, as_name, data_beside};
use crate::configure::file::{Project, Script};
use crate::installed::normalise;
use std::path::{Path, PathBuf};

/// The declared program that is the project's: its only one, else the one that is called like it, else the first. The
/// others become commands.
pub(super) fn program(
    folder: &Path,
    project: &Project,
    wanted: Option<Kind>,
    seen: Option<&Found>,
) -> Option<Found> {
    let called = |script: &&Script| is_called(script, project);
    let named = project.scripts.iter().find(called);
    let main = named.or(project.scripts.first())?;
    // Many programs with windows are declared as if they had none.
    let window = seen.filter(|seen| seen.kind == Kind::Gui);
    let kind = match main.windowed || window.is_some() {
        true => Kind::Gui,
        false => Kind::Script,
    };
    let others = project.scripts.iter().filter(|script| *script != main);
    let commands = others.map(|script| (script.name.clone(), script.entry.value.clone()));
    let mut found = Found {
        kind: wanted.unwrap_or(kind),
        entry: main.entry.value.clone(),
        with: window.map_or("", |seen| seen.with),
        commands: commands.collect(),
        data: source_of(folder, &main.entry.value)
            .map(|file| data_beside(folder, &file, true))
            .unwrap_or_default(),
        certain: true,
        ..Found::nothing(folder, kind)
    };
    if named.is_some() || project.scripts.len() == 1 {
        found.name = as_name(&main.name);
    }
    Some(found)
}

/// Whether `script` has the project's name, as package indexes compare names.
fn is_called(script: &Script, project: &Project) -> bool {
    let name = project.name.as_deref().map(normalise);
    name.is_some_and(|name| name == normalise(&script.name))
}

/// The file of the module in `entry`, relative to the project.
fn source_of(folder: &Path, entry: &str) -> Option<PathBuf> {
    let module = entry.split(':').next()?.replace('.', "/");
    let files = [format!("{module}.py"), format!("{module}/__init__.py")];
    let below = |source: &str| files.clone().map(|file| Path::new(source).join(file));
    let mut files = below("").into_iter().chain(below("src"));
    files.find(|file| folder.join(file).is_file())
}
