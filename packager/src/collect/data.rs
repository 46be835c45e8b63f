//! Data: what the settings name, and what the application's own sources name by a literal path.

use super::application::shown;
use super::bundle::Bundle;
use super::{CollectError, glob};
use crate::collection::{CollectedFile, FileRole, FileSource, NAMED};
use crate::graph::{DataHint, ModuleGraph};
use crate::inputs;
use crate::plan::{BuildPlan, DataRule, Entry};
use payload::{ArchivePath, PathError};
use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Names that are never data of a program.
const NEVER: [&str; 4] = ["__pycache__", "node_modules", ".git", ".hg"];

/// Ends of names of files that programs write: the one that lies here is the developer's own.
const WRITTEN: [&str; 8] = [
    ".db", ".sqlite", ".sqlite3", ".log", ".lock", ".pid", ".sock", ".tmp",
];

/// `[include] data` and `binaries`, with PyInstaller's meaning: a file goes into the folder `dest`, the content of a
/// folder goes under `dest`, and so do the matches of a glob.
pub(super) fn rules(bundle: &mut Bundle<'_>, plan: &BuildPlan) -> Result<(), CollectError> {
    let data = plan.include.data.iter().map(|rule| (rule, "--add-data"));
    let binaries = plan
        .include
        .binaries
        .iter()
        .map(|rule| (rule, "--add-binary"));
    for (rule, setting) in data.chain(binaries) {
        apply(bundle, plan, rule, setting)?;
    }
    Ok(())
}

/// What PyInstaller hooks ask for, where distributions have not put it already. What is not there is left out: hooks are
/// written for many versions. So is what can have no place beside what is there: a hook is none of the user's doing.
pub(super) fn of_hooks(bundle: &mut Bundle<'_>, graph: &ModuleGraph) {
    for hook in graph.hooks.all() {
        for rule in hook.files() {
            if let Some(problem) = of_hook(bundle, &rule, &hook.reason()) {
                bundle.warn(format!("{} asks for {problem}", hook.reason()));
            }
        }
    }
}

/// Places what `rule` asks for; returns what cannot be, of the first file that stays out for it.
fn of_hook(bundle: &mut Bundle<'_>, rule: &DataRule, why: &str) -> Option<String> {
    let mut problem = None;
    let sources = match inputs::exists(&rule.source) {
        true => vec![rule.source.clone()],
        false => glob::expand(&rule.source),
    };
    for source in sources.iter().filter(|source| inputs::exists(source)) {
        for (path, below) in files_of(source).unwrap_or_default() {
            let Some(dest) = below.and_then(|below| destination(rule, &below).ok()) else {
                continue;
            };
            if bundle.leaves_out(&dest) {
                continue;
            }
            match bundle.obstacle(&dest) {
                None => {
                    bundle.place(data_file(path, dest, why.to_owned()));
                }
                Some(obstacle) => {
                    problem.get_or_insert(format!("`{dest}`, which is left out: {obstacle}"));
                }
            }
        }
    }
    problem
}

/// The place of what lies at `below` in the source of `rule`.
fn destination(rule: &DataRule, below: &str) -> Result<ArchivePath, PathError> {
    ArchivePath::new(match rule.dest.trim_start_matches("./").trim_matches('/') {
        "" | "." => below.to_owned(),
        folder => format!("{folder}/{below}"),
    })
}

fn apply(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    rule: &DataRule,
    setting: &'static str,
) -> Result<(), CollectError> {
    let text = || format!("{}:{}", rule.source.display(), rule.dest);
    // What the bundle says of itself does not tell where it was built.
    let why = format!("{setting} {}:{}", shown(plan, &rule.source), rule.dest);
    // A name that exists is no pattern, whatever characters it has.
    let sources = match inputs::exists(&rule.source) || !glob::is_pattern(&rule.source) {
        true => vec![rule.source.clone()],
        false => glob::expand(&rule.source),
    };
    let mut sources = sources
        .into_iter()
        .filter(|source| inputs::exists(source))
        .peekable();
    if sources.peek().is_none() {
        return Err(CollectError::NothingMatches {
            rule: text(),
            setting,
        });
    }
    for source in sources {
        for (path, below) in files_of(&source)? {
            let below = below.ok_or_else(|| CollectError::Destination {
                rule: text(),
                setting,
                source: PathError {
                    name: path.to_string_lossy().into_owned(),
                    reason: "it is not Unicode",
                },
            })?;
            let dest = destination(rule, &below).map_err(|source| CollectError::Destination {
                rule: text(),
                setting,
                source,
            })?;
            bundle.add_asked(data_file(path, dest, why.clone()))?;
        }
    }
    Ok(())
}

/// The files that `source` stands for, with their paths below the destination where they are Unicode. Links are followed:
/// there are none in a bundle.
pub(super) fn files_of(source: &Path) -> Result<Vec<(PathBuf, Option<String>)>, CollectError> {
    if inputs::is_file(source) {
        let name = source.file_name().unwrap_or(source.as_os_str());
        return Ok(vec![(source.to_owned(), name.to_str().map(str::to_owned))]);
    }
    let walk = inputs::walk(source, true, |found| {
        found.depth == 0 || !NEVER.iter().any(|never| found.name() == *never)
    });
    let mut files = Vec::new();
    for found in walk {
        let found = found?;
        if found.kind.is_file() {
            let below = found.path.strip_prefix(source).unwrap_or(&found.path);
            let below = below.to_str().map(str::to_owned);
            files.push((found.path, below));
        }
    }
    Ok(files)
}

/// What the application's sources name and what lies beside them.
pub(super) fn hints(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    graph: &ModuleGraph,
) -> Result<(), CollectError> {
    let (mut warned, mut said) = (HashSet::new(), HashSet::new());
    for hint in &graph.data {
        for (folder, dest) in bases(bundle, plan, hint) {
            let source = folder.join(&hint.path);
            if is_data(plan, hint, &source) {
                if hint.relative && said.insert((hint.file.clone(), hint.line)) {
                    warn_relative(bundle, plan, hint, &source);
                }
                for private in follow(bundle, plan, hint, &source, &dest)? {
                    if warned.insert(private.clone()) {
                        warn_private(bundle, plan, hint, &private);
                    }
                }
                break;
            }
        }
    }
    Ok(())
}

/// The folders that a relative path may be meant from, with their places in the bundle: that of the file which names it,
/// that of the main script, then those above the file (`Path(__file__).parent.parent / "assets"`).
fn bases(bundle: &Bundle<'_>, plan: &BuildPlan, hint: &DataHint) -> Vec<(PathBuf, String)> {
    let place = |file: &Path| {
        let dest = bundle.dest_of(file)?.as_str();
        let folder = dest.rsplit_once('/').map_or("", |(folder, _)| folder);
        Some((file.parent()?.to_owned(), folder.to_owned()))
    };
    let main = match &plan.entry {
        Entry::Script(path) => place(path),
        _ => None,
    };
    let own = place(&hint.file);
    let above = own.clone().filter(|_| hint.named_by.is_none());
    let above = std::iter::successors(above, |(folder, dest)| {
        let (name, above) = match dest.rsplit_once('/') {
            Some((above, name)) => (name, above),
            None => (dest.as_str(), ""),
        };
        // The bundle has the folders of the sources, but for modules that come from elsewhere.
        let same = !name.is_empty() && folder.file_name().is_some_and(|own| own == name);
        same.then(|| Some((folder.parent()?.to_owned(), above.to_owned())))?
    });
    own.into_iter().chain(main).chain(above.skip(1)).collect()
}

/// Whether `source` is there and can be meant: no source of Python, no package, nothing that a build leaves behind.
fn is_data(plan: &BuildPlan, hint: &DataHint, source: &Path) -> bool {
    if NEVER
        .iter()
        .any(|never| hint.path.split('/').any(|part| part == *never))
        || source.starts_with(&plan.dist_dir)
    {
        return false;
    }
    if inputs::is_file(source) {
        return !source
            .extension()
            .is_some_and(|extension| extension == "py" || extension == "pyc");
    }
    let holds = |name: &str| inputs::exists(&source.join(name));
    hint.folder
        && inputs::is_folder(source)
        && !holds("__init__.py")
        && !holds("pyvenv.cfg")
        && !plan.dist_dir.starts_with(source)
}

/// Places what `source` stands for; returns the files that are left out because they look private.
fn follow(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    hint: &DataHint,
    source: &Path,
    dest: &str,
) -> Result<Vec<PathBuf>, CollectError> {
    let (file, line) = hint.site();
    let why = format!("{NAMED}{}:{line}", shown(plan, file));
    let place = Path::new(dest).join(&hint.path);
    let folder = if inputs::is_folder(source) {
        place.as_path()
    } else {
        place.parent().unwrap_or(Path::new(""))
    };
    let mut private = Vec::new();
    let roots =
        [&plan.root, source].map(|root| inputs::canonicalize(root).unwrap_or(root.to_owned()));
    for (path, below) in files_of(source)? {
        let Some(below) = below else { continue };
        let Ok(dest) = ArchivePath::new(folder.join(&below).to_string_lossy().into_owned()) else {
            continue;
        };
        // What is there already, as a module or by a setting, is not placed again.
        if bundle.dest_of(&path).is_some() {
            continue;
        }
        if is_private(&below) || leads_out(&path, &roots) {
            private.push(path);
        } else {
            bundle.place(data_file(path, dest, why.clone()));
        }
    }
    Ok(private)
}

/// Whether a file is better not sent to others unasked: state of a program, or something hidden such as `.env`.
fn is_private(below: &str) -> bool {
    below.split('/').any(|part| part.starts_with('.'))
        || WRITTEN.iter().any(|end| below.ends_with(end))
}

/// Whether links lead from `path` to a file outside of all `roots`: a folder of the program's may link to anything.
fn leads_out(path: &Path, roots: &[PathBuf]) -> bool {
    inputs::canonicalize(path).is_ok_and(|real| !roots.iter().any(|root| real.starts_with(root)))
}

fn warn_private(bundle: &mut Bundle<'_>, plan: &BuildPlan, hint: &DataHint, source: &Path) {
    let (file, line) = hint.site();
    bundle.warn(format!(
        "`{}` is left out, though {}:{line} names it: it looks like the developer's own; if it belongs to the program, add it \
         with `--add-data`",
        shown(plan, source),
        shown(plan, file),
    ));
}

/// The program finds the file where it is built and nowhere else.
fn warn_relative(bundle: &mut Bundle<'_>, plan: &BuildPlan, hint: &DataHint, source: &Path) {
    let folder = hint.file.parent().unwrap_or(Path::new(""));
    let above = folder
        .ancestors()
        .position(|above| source.starts_with(above))
        .unwrap_or_default();
    let below = folder.ancestors().nth(above);
    let below = below.and_then(|folder| source.strip_prefix(folder).ok());
    let parents = ".parent".repeat(above + 1);
    bundle.warn(format!(
        "{}:{} opens `{}` in the working directory, which is another one where the program is used; the file goes in, but \
         write `Path(__file__){parents} / \"{}\"` to open it",
        shown(plan, &hint.file),
        hint.line,
        hint.path,
        below.unwrap_or(source).display(),
    ));
}

pub(super) fn data_file(path: PathBuf, dest: ArchivePath, why: String) -> CollectedFile {
    let executable =
        inputs::metadata(&path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
    CollectedFile {
        dest,
        source: FileSource::Path(path),
        role: FileRole::Data,
        executable,
        why,
    }
}
