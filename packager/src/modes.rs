//! What a server's GIL mode asks of the interpreter and of the extension modules that are packed.
//!
//! Whether an extension module agrees to a mode is known when it is loaded, so the target interpreter loads each of them, in
//! processes of their own (`pack_runtime/trial.py`). Nothing of them is executed beyond their initialisation functions.

use crate::cache::{self, Cache, Shelf};
use crate::collection::{CollectedModule, Collection, FileSource, ModuleCode};
use crate::facts::InterpreterFacts;
use crate::inputs::{self, Stamp};
use crate::plan::{BuildPlan, Entry};
use payload::Gil;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("../../runtime/python/pack_runtime/trial.py");
const MARKER: &str = "@pack-trial@";
/// Modules initialise in milliseconds; one that waits for something is not waited for.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The oldest CPython whose interpreters can have a GIL each.
const OWN_GIL: (u8, u8) = (3, 12);

/// Why an interpreter cannot serve in the mode that is asked for.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// Its interpreters share one GIL.
    #[error("`gil = \"per-interpreter\"` needs CPython {}.{} or later, and `{}` is {}.{}",
        OWN_GIL.0, OWN_GIL.1, path.display(), version.0, version.1)]
    OneGil {
        /// The interpreter.
        path: PathBuf,
        /// Its major and minor version.
        version: (u8, u8),
    },
    /// It cannot do without a GIL.
    #[error("`gil = \"free\"` needs a free-threaded CPython, and `{}` has a GIL", path.display())]
    HasGil {
        /// The interpreter.
        path: PathBuf,
    },
}

impl ModeError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::OneGil { .. } => {
                "name a newer one with `--python`, or serve with `processes` instead".into()
            }
            Self::HasGil { .. } => {
                "name one such as `python3.13t` with `--python`, or serve with `processes` instead"
                    .into()
            }
        }
    }
}

/// What the packed program is to know of its extension modules; `None` where no entry point makes it matter.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// Those that refuse an interpreter with a GIL of its own.
    pub refuse_own_gil: Option<Vec<String>>,
    /// Those that turn the GIL of a free-threaded interpreter on.
    pub need_gil: Option<Vec<String>>,
    /// For the reader, one line each.
    pub warnings: Vec<String>,
}

/// The modes that the entry points of `plan` serve in.
fn modes(plan: &BuildPlan) -> impl Iterator<Item = Gil> {
    let commands = plan.commands.iter().map(|(_, entry)| entry);
    std::iter::once(&plan.entry)
        .chain(commands)
        .filter_map(|entry| match entry {
            Entry::Wsgi(wsgi) => Some(wsgi.gil),
            _ => None,
        })
}

/// Refuses a mode that the interpreter does not have.
///
/// # Errors
/// See [`ModeError`].
pub fn check(plan: &BuildPlan, facts: &InterpreterFacts) -> Result<(), ModeError> {
    let path = || facts.executable.clone();
    let version = (facts.version.0, facts.version.1);
    for mode in modes(plan) {
        match mode {
            Gil::PerInterpreter if version < OWN_GIL => {
                return Err(ModeError::OneGil {
                    path: path(),
                    version,
                });
            }
            Gil::Free if !facts.free_threaded => return Err(ModeError::HasGil { path: path() }),
            _ => {}
        }
    }
    Ok(())
}

/// Tries the extension modules of `collection` for the modes that `plan` asks for.
#[must_use]
pub fn verdicts(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    collection: &Collection,
    cache: &Cache,
) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let wanted: Vec<Gil> = modes(plan).collect();
    let extensions = extensions(collection);
    if wanted.contains(&Gil::PerInterpreter) {
        let refusing = refusing("own-gil", facts, &extensions, cache);
        verdicts.refuse_own_gil = verdicts.take(refusing, collection, |names| {
            format!(
                "importing {names} will fail: extension modules that refuse an interpreter with a GIL of its own \
                 (`gil = \"per-interpreter\"`); where the application needs them, serve with `processes` and `gil = \"shared\"`"
            )
        });
    }
    if wanted.contains(&Gil::Free) {
        let refusing = refusing("no-gil", facts, &extensions, cache);
        verdicts.need_gil = verdicts.take(refusing, collection, |names| {
            format!(
                "importing {names} will turn the GIL on: extension modules that do not say that they work without one \
                 (`gil = \"free\"`); threads will not run in parallel then"
            )
        });
    }
    verdicts
}

impl Verdicts {
    /// Notes what was found, and tells the reader of those modules that the application may import.
    fn take(
        &mut self,
        found: Result<Vec<String>, String>,
        collection: &Collection,
        tell: impl FnOnce(&str) -> String,
    ) -> Option<Vec<String>> {
        match found {
            Ok(names) => {
                let shown = grouped(&names, collection);
                if !shown.is_empty() {
                    self.warnings.push(tell(&shown));
                }
                Some(names)
            }
            Err(reason) => {
                self.warnings.push(format!(
                    "the extension modules could not be tried for this `gil` mode, the program will do it itself: {reason}"
                ));
                None
            }
        }
    }
}

/// Extension modules and the files that they come from.
fn extensions(collection: &Collection) -> Vec<(&str, &Path)> {
    let files: BTreeMap<&str, &Path> = collection
        .files
        .iter()
        .filter_map(|file| match &file.source {
            FileSource::Path(path) => Some((file.dest.as_str(), path.as_path())),
            FileSource::Bytes(_) => None,
        })
        .collect();
    let mut extensions: Vec<(&str, &Path)> = collection
        .modules
        .iter()
        .filter(|module| is_extension(module))
        .filter_map(|module| Some((module.name.as_str(), *files.get(module.dest.as_str())?)))
        .collect();
    extensions.sort_unstable();
    extensions
}

fn is_extension(module: &CollectedModule) -> bool {
    matches!(module.code, ModuleCode::Extension { .. })
}

/// The modules that the application may import: those of the standard library that no import names are left out.
/// Several of one package are shown as one.
fn grouped(names: &[String], collection: &Collection) -> String {
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for module in &collection.modules {
        let name = module.name.as_str();
        let foreign = !module.dest.as_str().starts_with("lib/python");
        if names.contains(name) && (module.reached || foreign) {
            let top = name.split('.').next().unwrap_or(name);
            groups.entry(top).or_default().push(name);
        }
    }
    let shown = groups.into_iter().map(|(top, names)| match names[..] {
        [name] => format!("`{name}`"),
        _ => format!("`{top}` ({} modules)", names.len()),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The modules that are not for `mode`, out of the cache when none of their files has changed.
fn refusing(
    mode: &str,
    facts: &InterpreterFacts,
    extensions: &[(&str, &Path)],
    cache: &Cache,
) -> Result<Vec<String>, String> {
    let key = key(mode, facts, extensions, cache);
    if let Some(known) = key.and_then(|key| cache.get(Shelf::App, &key))
        && let Ok(names) = serde_json::from_slice(&known)
    {
        return Ok(names);
    }
    let names = ask(mode, &facts.executable, extensions)?;
    if let (Some(key), Ok(text)) = (key, serde_json::to_vec(&names)) {
        cache.put(Shelf::App, &key, &text);
    }
    Ok(names)
}

/// `None` when a file could be written again without a trace: its stamp stands for nothing then.
fn key(
    mode: &str,
    facts: &InterpreterFacts,
    extensions: &[(&str, &Path)],
    cache: &Cache,
) -> Option<cache::Key> {
    let mut text = Vec::new();
    for (name, path) in extensions {
        let stamp = Stamp::of(&inputs::metadata(path).ok()?);
        if !stamp.is_settled(cache.opened()) {
            return None;
        }
        text.extend(name.as_bytes());
        text.push(0);
        text.extend(path.as_os_str().as_encoded_bytes());
        text.push(0);
        text.extend(stamp.encode());
    }
    Some(cache::key(&[
        b"trial",
        SCRIPT.as_bytes(),
        mode.as_bytes(),
        inputs::boot().as_bytes(),
        facts.version_text.as_bytes(),
        facts.executable.as_os_str().as_encoded_bytes(),
        &text,
    ]))
}

fn ask(mode: &str, python: &Path, extensions: &[(&str, &Path)]) -> Result<Vec<String>, String> {
    let request = serde_json::json!({ "mode": mode, "modules": extensions });
    let mut child = Command::new(python)
        // With `site`: modules look for their neighbours.
        .args(["-E", "-B", "-c", SCRIPT])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start `{}`: {error}", python.display()))?;
    let output = talk(&mut child, request.to_string().as_bytes());
    if output.is_none() {
        // It may be waiting for one of its own.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let text = output.ok_or_else(|| format!("no answer within {} s", TIMEOUT.as_secs()))?;
    let (_, json) = text
        .rsplit_once(MARKER)
        .ok_or_else(|| format!("`{}` ended with {status}", python.display()))?;
    serde_json::from_str(json.trim()).map_err(|error| error.to_string())
}

/// Everything that `child` answers, when it does so in time.
fn talk(child: &mut Child, request: &[u8]) -> Option<String> {
    let (mut stdin, mut stdout) = (child.stdin.take()?, child.stdout.take()?);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before a failure has no marker.
        let _ = std::io::Read::read_to_end(&mut stdout, &mut text);
        let _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    let started = Instant::now();
    // It reads all before it does anything else.
    stdin.write_all(request).ok()?;
    drop(stdin);
    receiver
        .recv_timeout(TIMEOUT.saturating_sub(started.elapsed()))
        .ok()
}
