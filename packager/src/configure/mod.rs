//! Flags, `PACK_*` variables, `pack.toml` and defaults become a [`BuildPlan`] with nothing left to guess.

mod brand;
pub mod command_line;
pub mod entry;
pub mod environment;
pub mod error;
pub mod file;
mod identity;
pub mod layer;
mod limits;
pub mod project;
pub mod python;
pub mod rules;
pub mod settings;
mod statics;
pub mod suggest;
pub mod value;

use crate::archives;
use crate::collection::GlibcVersion;
use crate::development::Development;
use crate::layout::is_windows;
use crate::plan::{Brand, BuildPlan, BundleMode, DataRule, Entry, Exclude, Include, UnpackPolicy};
use environment::Environment;
pub use error::ConfigError;
use layer::Layer;
use payload::Wsgi;
use project::{Main, Project};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use value::Given;

/// What a user asks for: permissive, nothing resolved.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `SCRIPT` or `DIR`.
    pub target: Option<PathBuf>,
    /// The current folder, absolute.
    pub current: PathBuf,
    /// Settings of the command line.
    pub arguments: Layer,
    /// The environment.
    pub environment: Environment,
    /// `--clean`.
    pub clean: bool,
    /// `--noconfirm`.
    pub noconfirm: bool,
    /// `--no-cache`.
    pub no_cache: bool,
}

/// The triple of the system that `pack` runs on.
#[must_use]
pub fn host_target() -> String {
    let arch = std::env::consts::ARCH;
    match std::env::consts::OS {
        "linux" => format!("{arch}-unknown-linux-gnu"),
        "macos" => format!("{arch}-apple-darwin"),
        "windows" => format!("{arch}-pc-windows-gnu"),
        other => format!("{arch}-unknown-{other}"),
    }
}

/// Makes the plan, and lines for the reader about settings that change nothing.
///
/// # Errors
/// When settings are wrong, contradict each other, name what is not there, or ask for what is not supported yet.
pub fn resolve(request: &Request) -> Result<(BuildPlan, Vec<String>), ConfigError> {
    let project = project::find(request)?;
    let Project {
        settings,
        root,
        main,
        ..
    } = &project;
    limits::supported(settings)?;
    let commands = commands(settings, &request.current)?;
    let target = settings
        .text("bundle.target")
        .map_or_else(host_target, |(target, _)| target.to_owned());
    let choice = if is_windows(&target) {
        python::for_windows(settings, &request.current, &request.environment)?
    } else {
        python::choose(settings, root, &request.current, &request.environment)?
    };
    let name = identity::name(&project)?;
    let statics = statics::folders(settings, &request.current)?;
    let mut include = include(settings, &request.current)?;
    if matches!(main, Main::Wsgi { .. }) {
        let new = |rule: &DataRule| !include.data.contains(rule);
        let new: Vec<DataRule> = statics.data.into_iter().filter(new).collect();
        include.data.extend(new);
    }
    let plan = BuildPlan {
        id: identity::id(settings, &name, &target)?,
        version: settings
            .text("app.version")
            .map(|(text, _)| text.to_owned())
            .or_else(|| project.version.clone()),
        root: root.clone(),
        entry: match main {
            Main::Entry(entry) => entry.clone(),
            Main::Wsgi { module, callable } => Entry::Wsgi(Wsgi {
                statics: statics.served,
                ..wsgi(settings, module, callable)?
            }),
        },
        paths: paths(&project, &commands, request),
        commands,
        python: choice.program,
        python_reason: choice.reason,
        include,
        exclude: exclude(settings, &request.current)?,
        runtime_hooks: existing(settings.list("bundle.runtime-hooks"), &request.current)?,
        mode: match settings.text("bundle.mode") {
            Some(("onedir", _)) => BundleMode::OneDir,
            _ => BundleMode::OneFile,
        },
        unpack: match settings.text("bundle.unpack") {
            Some(("each", _)) => UnpackPolicy::Each,
            _ => UnpackPolicy::Reuse,
        },
        runtime_tmpdir: runtime_tmpdir(settings)?,
        optimize: number(settings, "bundle.optimize", 0),
        compression: number(settings, "bundle.compression-level", 6),
        max_glibc: max_glibc(settings)?,
        windowed: settings.truth("app.windowed").unwrap_or(false),
        windowed_traceback: settings.truth("app.windowed-traceback").unwrap_or(true),
        signing: if is_windows(&target) {
            brand::signing(settings, &request.current, &request.environment)?
        } else {
            None
        },
        brand: if is_windows(&target) {
            brand::brand(settings, &request.current)?
        } else {
            Brand::default()
        },
        dist_dir: path(settings, "bundle.distpath", &request.current)
            .unwrap_or_else(|| request.current.join("dist")),
        contents_directory: identity::contents_directory(settings)?,
        site_packages: folders(settings.list("bundle.site-packages"), &request.current)?,
        requirements: requirements(settings, &request.current)?,
        target,
        cache_dir: if request.no_cache {
            None
        } else {
            cache_dir(settings, request)
        },
        clean: request.clean,
        noconfirm: request.noconfirm,
        name,
    };
    let mut notes = project.notes;
    notes.extend(environment::misspelt(&request.environment));
    notes.extend(limits::without_effect(&project.settings, &plan));
    Ok((plan, notes))
}

/// A folder of the machine that the program runs on: nothing that is there can be checked here.
fn runtime_tmpdir(settings: &Layer) -> Result<Option<PathBuf>, ConfigError> {
    match settings.text("bundle.runtime-tmpdir") {
        Some((text, origin)) if !is_absolute_somewhere(text) => Err(ConfigError::Invalid {
            origin: origin.clone(),
            got: format!("`{text}`"),
            expected: "an absolute path on the machine that the program runs on".into(),
        }),
        given => Ok(given.map(|(text, _)| PathBuf::from(text))),
    }
}

fn max_glibc(settings: &Layer) -> Result<Option<GlibcVersion>, ConfigError> {
    let Some((text, origin)) = settings.text("bundle.max-glibc") else {
        return Ok(None);
    };
    let version = text
        .split_once('.')
        .and_then(|(major, minor)| Some(GlibcVersion(major.parse().ok()?, minor.parse().ok()?)));
    version.map(Some).ok_or_else(|| ConfigError::Invalid {
        origin: origin.clone(),
        got: format!("`{text}`"),
        expected: "a version of glibc, such as `2.28`".into(),
    })
}

/// On Unix, or on Windows.
fn is_absolute_somewhere(text: &str) -> bool {
    let drive = text.split_once(":\\").or_else(|| text.split_once(":/"));
    text.starts_with('/')
        || text.starts_with(r"\\")
        || drive.is_some_and(|(letter, _)| {
            letter.len() == 1 && letter.starts_with(|c: char| c.is_ascii_alphabetic())
        })
}

/// The `[wsgi]` settings.
fn wsgi(settings: &Layer, module: &str, callable: &str) -> Result<Wsgi, ConfigError> {
    let mut wsgi = Wsgi {
        module: module.to_owned(),
        callable: callable.to_owned(),
        ..Wsgi::default()
    };
    let bind = settings
        .list("wsgi.bind")
        .iter()
        .map(entry::address)
        .collect::<Result<Vec<_>, _>>()?;
    if !bind.is_empty() {
        wsgi.bind = bind;
    }
    for setting in payload::wsgi::SETTINGS {
        let Some(Given { value, origin }) = settings.get(&format!("wsgi.{}", setting.name)) else {
            continue;
        };
        let text = value.to_string();
        setting
            .read(&text, &mut wsgi)
            .map_err(|expected| ConfigError::Invalid {
                origin: origin.clone(),
                got: format!("`{text}`"),
                expected,
            })?;
    }
    Ok(wsgi)
}

fn commands(settings: &Layer, current: &Path) -> Result<Vec<(String, Entry)>, ConfigError> {
    let mut commands = Vec::new();
    for (word, given) in settings.table("commands") {
        if word.is_empty() || word.starts_with('-') || word.contains(char::is_whitespace) {
            let expected = "one word that does not begin with `-`".to_owned();
            return Err(ConfigError::Invalid {
                origin: given.origin.clone(),
                got: format!("called `{word}`"),
                expected,
            });
        }
        commands.push((word.clone(), entry::entry(given, current)?));
    }
    commands.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(commands)
}

/// Folders to search: those of the scripts, or the project and its `src` for what is named by module; then the
/// setting's, then those of PYTHONPATH.
fn paths(project: &Project, commands: &[(String, Entry)], request: &Request) -> Vec<PathBuf> {
    let source = project.root.join("src");
    let project_folders =
        || std::iter::once(project.root.clone()).chain(source.is_dir().then(|| source.clone()));
    let mut paths = Vec::new();
    let main = match &project.main {
        Main::Entry(entry) => Some(entry),
        Main::Wsgi { .. } => None,
    };
    if main.is_none() {
        paths.extend(project_folders());
    }
    for entry in main
        .into_iter()
        .chain(commands.iter().map(|(_, entry)| entry))
    {
        match entry {
            // As Python does: the script's folder, and not the project's.
            Entry::Script(script) if archives::is_archive(script) => paths.push(script.clone()),
            Entry::Script(script) => paths.extend(script.parent().map(Path::to_owned)),
            _ => paths.extend(project_folders()),
        }
    }
    let given = project.settings.list("include.paths").iter();
    let base = |given: &Given<String>| given.origin.base(&request.current).join(&given.value);
    paths.extend(given.map(|given| absolute(&base(given))));
    // The interpreter is asked without it, so that its own path is known for what it is.
    let variable = request.environment.get("PYTHONPATH").map(String::as_str);
    let folders = std::env::split_paths(variable.unwrap_or_default())
        .filter(|path| !path.as_os_str().is_empty())
        .map(|path| absolute(&request.current.join(path)));
    paths.extend(folders.filter(|path| path.exists()));
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    paths
}

fn include(settings: &Layer, current: &Path) -> Result<Include, ConfigError> {
    let rules = |key| {
        settings
            .list(key)
            .iter()
            .map(|given| rules::data_rule(given, current))
            .collect::<Result<_, _>>()
    };
    Ok(Include {
        data: rules("include.data")?,
        binaries: rules("include.binaries")?,
        modules: dotted(settings.list("include.modules"))?,
        submodules: dotted(settings.list("include.submodules"))?,
        distributions: texts(settings.list("include.distributions")),
        hooks: folders(settings.list("include.hooks"), current)?,
        development: development(settings.list("include.development"))?,
        whole_stdlib: matches!(settings.text("include.stdlib"), Some(("whole", _))),
    })
}

fn development(given: &[Given<String>]) -> Result<BTreeSet<Development>, ConfigError> {
    let read = |given: &Given<String>| {
        Development::called(&given.value).ok_or_else(|| ConfigError::Invalid {
            origin: given.origin.clone(),
            got: format!("`{}`", given.value),
            expected: value::one_of(&Development::WORDS),
        })
    };
    given.iter().map(read).collect()
}

fn exclude(settings: &Layer, current: &Path) -> Result<Exclude, ConfigError> {
    Ok(Exclude {
        slim: existing(settings.list("exclude.slim"), current)?,
        modules: dotted(settings.list("exclude.modules"))?,
        distributions: texts(settings.list("exclude.distributions")),
        libraries: texts(settings.list("exclude.libraries")),
    })
}

fn texts(given: &[Given<String>]) -> Vec<String> {
    given.iter().map(|given| given.value.clone()).collect()
}

fn dotted(given: &[Given<String>]) -> Result<Vec<String>, ConfigError> {
    let check = |given: &Given<String>| match entry::is_importable(&given.value) {
        true => Ok(given.value.clone()),
        false => Err(ConfigError::Invalid {
            origin: given.origin.clone(),
            got: format!("`{}`", given.value),
            expected: "a dotted module name, such as `package.module`".into(),
        }),
    };
    given.iter().map(check).collect()
}

fn existing(given: &[Given<String>], current: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let check = |given: &Given<String>| {
        let path = absolute(&given.origin.base(current).join(&given.value));
        let origin = || given.origin.clone();
        if path.is_file() {
            Ok(path)
        } else {
            Err(ConfigError::Missing {
                origin: origin(),
                path,
            })
        }
    };
    given.iter().map(check).collect()
}

fn folders(given: &[Given<String>], current: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let check = |given: &Given<String>| {
        let path = absolute(&given.origin.base(current).join(&given.value));
        let origin = given.origin.clone();
        if path.is_dir() {
            Ok(path)
        } else {
            Err(ConfigError::Missing { origin, path })
        }
    };
    given.iter().map(check).collect()
}

fn requirements(settings: &Layer, current: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let Some((text, origin)) = settings.text("bundle.requirements") else {
        return Ok(None);
    };
    let path = absolute(&origin.base(current).join(text));
    match path.is_file() {
        true => Ok(Some(path)),
        false => Err(ConfigError::Missing {
            origin: origin.clone(),
            path,
        }),
    }
}

fn path(settings: &Layer, key: &str, current: &Path) -> Option<PathBuf> {
    settings
        .text(key)
        .map(|(text, origin)| absolute(&origin.base(current).join(text)))
}

/// A number whose bounds its setting has checked.
fn number<T: TryFrom<i64>>(settings: &Layer, key: &str, default: T) -> T {
    settings
        .integer(key)
        .and_then(|number| number.try_into().ok())
        .unwrap_or(default)
}

/// A folder of its own below `--workpath` (which may hold other things, and `--clean` removes ours), or below the
/// user's cache directory.
fn cache_dir(settings: &Layer, request: &Request) -> Option<PathBuf> {
    let variable = |name| {
        request
            .environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    path(settings, "bundle.workpath", &request.current)
        .or_else(|| variable("XDG_CACHE_HOME"))
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|folder| folder.join("pack"))
}

/// `path` without `.` components; without `..` too, as far as it exists. It must be absolute already.
#[must_use]
pub fn absolute(path: &Path) -> PathBuf {
    let is_up = |component| component == Component::ParentDir;
    let components: Vec<Component<'_>> = path.components().collect();
    let Some(last) = components.iter().rposition(|component| is_up(*component)) else {
        return components.iter().collect();
    };
    // `..` of a link's target is not the link's folder: the system has to be asked. What comes after the last one is
    // kept as it was given: the `python` of a virtual environment is a link that must not be followed.
    let (climbing, rest) = components.split_at(last + 1);
    let climbing: PathBuf = climbing.iter().collect();
    let real: Option<PathBuf> = climbing.ancestors().find_map(|part| {
        let rest = climbing.strip_prefix(part).ok()?;
        // Joining an empty rest would leave a `/` at the end.
        Some(
            part.canonicalize()
                .ok()?
                .components()
                .chain(rest.components())
                .collect(),
        )
    });
    let mut real = real.unwrap_or_else(|| climbing.clone());
    real.extend(rest);
    real
}

#[cfg(test)]
mod tests;
