//! The project: its folder, its settings files, and what its program runs.

use super::error::ConfigError;
use super::layer::Layer;
use super::settings::SETTINGS;
use super::value::{Given, Origin};
use super::{Request, absolute, entry, environment, file};
use crate::archives;
use crate::plan::Entry;
use std::path::{Path, PathBuf};

/// Settings that only a WSGI application has.
pub(super) fn of_server() -> impl Iterator<Item = &'static str> {
    let keys = SETTINGS.iter().map(|setting| setting.key);
    keys.filter(|key| key.starts_with("wsgi.") && !["wsgi.app", "wsgi.static"].contains(key))
}

/// A project with all its settings.
#[derive(Debug)]
pub struct Project {
    /// Settings of the command line, the environment and the file.
    pub settings: Layer,
    /// Where relative paths of its files are taken from.
    pub root: PathBuf,
    /// What its program runs.
    pub main: Main,
    /// `name` of `[project]` in pyproject.toml.
    pub name: Option<String>,
    /// `version` of `[project]`.
    pub version: Option<String>,
    /// Lines for the reader.
    pub notes: Vec<String>,
}

/// What a program runs when it is started without a command.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a build has one of them")]
pub enum Main {
    /// A script, module or function.
    Entry(Entry),
    /// A WSGI application; its settings are not read yet.
    Wsgi {
        /// Dotted module name.
        module: String,
        /// Callable in it.
        callable: String,
    },
}

/// Finds the project that `request` is about.
///
/// # Errors
/// When its files are wrong, or nothing says what the program runs.
pub fn find(request: &Request) -> Result<Project, ConfigError> {
    let target = request
        .target
        .as_ref()
        .map(|target| absolute(&request.current.join(target)));
    let (root, script) = match target {
        None => (request.current.clone(), None),
        Some(folder) if folder.is_dir() => (folder, None),
        Some(script) => {
            check_script(&script)?;
            (root_of(&script, &request.current), Some(script))
        }
    };
    let mut files = file::read(&root)?;
    let stronger = request
        .arguments
        .clone()
        .over(environment::settings(&request.environment)?);
    let mut notes = files.notes.clone();
    if script.is_none() && nothing_runs([&stronger, &files.settings], &root) {
        take_declared(&mut files);
    }
    let main = main(script, &stronger, &files, request, &root, &mut notes)?;
    Ok(Project {
        settings: stronger.over(files.settings),
        root,
        main,
        name: files.name,
        version: files.version,
        notes,
    })
}

/// The nearest folder with settings, from the script's up to the current one; else the script's.
fn root_of(script: &Path, current: &Path) -> PathBuf {
    let own = script.parent().unwrap_or(current);
    let upwards = own
        .ancestors()
        .take_while(|folder| folder.starts_with(current));
    let with_settings = std::iter::once(own)
        .chain(upwards)
        .find(|folder| file::has_settings(folder));
    with_settings.unwrap_or(own).to_owned()
}

fn check_script(script: &Path) -> Result<(), ConfigError> {
    let is = |wanted| script.extension().is_some_and(|suffix| suffix == wanted);
    let not = |instead| {
        Err(ConfigError::NotAScript {
            path: script.to_owned(),
            instead,
        })
    };
    if !script.is_file() {
        return Err(ConfigError::NoScript {
            path: script.to_owned(),
            nearest: similar_script(script),
        });
    }
    if is("spec") {
        return not(
            "a .spec file is a program for PyInstaller; give its options to `pack build`, or keep them in a pack.toml",
        );
    }
    let archive = archives::is_archive(script);
    if archive && !archives::has_main(script) {
        return not(
            "this archive holds no `__main__.py` to run; name what runs, and the archive with `--paths FILE`",
        );
    }
    if !archive && (is("pyz") || is("zip") || is("egg")) {
        return not(
            "it is no zip archive, or a damaged one: `python -m zipfile -t FILE` checks it",
        );
    }
    if is("toml") {
        return not("name the folder that holds it: `pack build DIR`");
    }
    Ok(())
}

fn similar_script(script: &Path) -> Option<PathBuf> {
    let folder = script.parent()?;
    let entries = fs_err::read_dir(folder).ok()?;
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".py"))
        .collect();
    let meant = super::suggest::nearest(
        script.file_name()?.to_str()?,
        names.iter().map(String::as_str),
    )?;
    Some(folder.join(meant))
}

/// What runs. The source that comes first decides: command line and environment, then the file.
fn main(
    script: Option<PathBuf>,
    stronger: &Layer,
    files: &file::Project,
    request: &Request,
    root: &Path,
    notes: &mut Vec<String>,
) -> Result<Main, ConfigError> {
    let layers = [stronger, &files.settings];
    if let Some(script) = script {
        return named_script(script, layers, notes);
    }
    for layer in layers {
        let entry = layer.text("app.entry");
        if let Some((text, origin)) = layer.text("wsgi.app") {
            if let Some((_, entry)) = entry {
                notes.push(format!(
                    "{entry} is not started: {origin} is what the program runs"
                ));
            }
            let (module, callable) = entry::wsgi(text, origin)?;
            return Ok(Main::Wsgi { module, callable });
        }
        if let Some((text, origin)) = entry {
            let given = Given {
                value: text.to_owned(),
                origin: origin.clone(),
            };
            return entry::entry(&given, &request.current).map(Main::Entry);
        }
    }
    let package = root.join("__main__.py");
    if package.is_file() {
        return Ok(Main::Entry(Entry::Script(package)));
    }
    Err(ConfigError::NoEntry {
        folder: root.to_owned(),
        file: files.file.clone(),
        has_wsgi: of_server().any(|key| files.settings.get(key).is_some()),
        found: crate::look::look(root).map(Box::new),
    })
}

/// Whether the settings do not tell what the program runs, and the folder does not either.
fn nothing_runs(layers: [&Layer; 2], root: &Path) -> bool {
    let mut keys = ["app.entry", "wsgi.app"].into_iter().chain(of_server());
    let is_set = |key| layers.iter().any(|layer| layer.get(key).is_some());
    !keys.any(is_set) && !root.join("__main__.py").is_file()
}

/// The one script of `[project]`, as if it were in the settings; which of several is meant, they have to tell.
fn take_declared(files: &mut file::Project) {
    if let [script] = files.scripts.as_slice() {
        files.settings = std::mem::take(&mut files.settings).over(script.settings());
    }
}

/// The script of the command line, which comes before all that names something else.
fn named_script(
    script: PathBuf,
    layers: [&Layer; 2],
    notes: &mut Vec<String>,
) -> Result<Main, ConfigError> {
    for (_, origin) in layers.iter().filter_map(|layer| layer.text("wsgi.app")) {
        if let Origin::Flag(_) = origin {
            let wsgi = origin.clone();
            return Err(ConfigError::TwoEntries { script, wsgi });
        }
        notes.push(format!("{origin} is not served: a script is named"));
    }
    Ok(Main::Entry(Entry::Script(script)))
}
