//! Which large parts of the standard library something in a bundle can want.
//!
//! Pure modules cost little and go in. Of some extension modules and the libraries below them the same cannot be said; they
//! stay behind where it is sure that no run imports them: no import reaches them, no file of the bundle holds their name or
//! that of a module in front of them (a source, a library, data that may be settings), and nothing in the bundle runs code
//! that comes from elsewhere, or imports what the application's users name.

use super::bundle::Bundle;
use crate::collection::{CollectedFile, FileRole, FileSource};
use crate::discover::module_file;
use crate::graph::{ModuleGraph, Origin};
use crate::inputs;
use crate::plan::{BuildPlan, Entry};
use memchr::memmem;
use rayon::prelude::*;
use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::Path;

/// A part that can stay behind.
struct Part {
    extensions: &'static [&'static str],
    /// What a program imports to have it; the first one is the usual.
    fronts: &'static [&'static str],
}

/// `dbm.sqlite3` is what `dbm` makes new files with, and `shelve` asks `dbm`.
const PARTS: [Part; 2] = [
    Part {
        extensions: &["_sqlite3"],
        fronts: &["sqlite3", "dbm", "shelve"],
    },
    Part {
        extensions: &["_curses", "_curses_panel"],
        fronts: &["curses", "_pyrepl"],
    },
];

/// In the application's own code: it may import what is named when it runs, or run what is written then.
const OWN_OPENNESS: [&str; 17] = [
    "Interactive",
    "__import__",
    "breakpoint(",
    "code.interact",
    "eval(",
    "exec(",
    "from_pyfile",
    "importlib",
    "logging.config",
    "pdb",
    "pkgutil",
    "pydoc",
    "runpy",
    "sys.executable",
    "sys.path",
    "unittest",
    "zipimport",
];

/// In code of libraries that is reached: it runs files or texts of its users. Of modules that it imports by a name that it is
/// given, the name stands in a file of the bundle.
const OPENNESS: [&str; 9] = [
    "InteractiveConsole",
    "InteractiveInterpreter",
    "SourceFileLoader",
    "code.interact",
    "exec(compile(",
    "execfile(",
    "run_module(",
    "run_path(",
    "spec_from_file_location",
];

/// A shorter name stands in a library by chance.
const LONG_ENOUGH: usize = 6;

/// Data that names modules is smaller.
const LARGEST_DATA: u64 = 4 << 20;

/// How much of a library is looked at in one go.
const PIECE: usize = 1 << 20;

/// What of the standard library a bundle can do without.
pub(super) struct Used {
    /// Sources of modules that no import reaches go in: the application's own code may lead to them, or its users.
    sources: bool,
    lacking: Vec<&'static Part>,
}

impl Used {
    pub(super) fn all_sources(&self) -> bool {
        self.sources
    }

    /// Whether the extension module of this name stays behind: what would be imported to have it.
    pub(super) fn lacks(&self, extension: &str) -> Option<&'static str> {
        let part = self
            .lacking
            .iter()
            .find(|part| part.extensions.contains(&extension))?;
        part.fronts.first().copied()
    }
}

/// Looks through what `bundle` holds before the standard library comes; the first `own` files are the application's.
pub(super) fn find(bundle: &Bundle<'_>, own: usize, plan: &BuildPlan, graph: &ModuleGraph) -> Used {
    let files = bundle.files();
    let (own, others) = files.split_at(own.min(files.len()));
    let reached: HashSet<&Path> = graph
        .modules
        .values()
        .filter_map(|module| module_file(&module.kind))
        .collect();
    let sources =
        plan.include.whole_stdlib || runs_others(plan, graph) || own_is_open(own, &reached);
    let whole = sources || is_open(others, &reached);
    let lacks = |part: &&Part| {
        let is_reached = |front: &&str| graph.modules.contains_key(*front);
        let mut names = part.fronts.iter().chain(part.extensions);
        !names.any(is_reached) && !files.par_iter().any(|file| names_any(file, part.fronts))
    };
    Used {
        sources,
        lacking: if whole {
            Vec::new()
        } else {
            PARTS.iter().filter(lacks).collect()
        },
    }
}

/// Whether an entry point is a module of somebody else: a tool such as `code` or pytest, which runs what it is given.
fn runs_others(plan: &BuildPlan, graph: &ModuleGraph) -> bool {
    let others = |entry: &Entry| {
        let (Entry::Module(name) | Entry::Function { module: name, .. }) = entry else {
            return false;
        };
        let module = graph.modules.get(name);
        module.is_some_and(|module| module.origin != Origin::App)
    };
    std::iter::once(&plan.entry)
        .chain(plan.commands.iter().map(|(_, entry)| entry))
        .any(others)
}

/// Whether the application's own code can run what is not in the bundle, or import what nothing in it names.
fn own_is_open(files: &[CollectedFile], reached: &HashSet<&Path>) -> bool {
    // What compiled code does cannot be seen.
    let compiled =
        |file: &CollectedFile| file.role == FileRole::Native && is_reached(file, reached);
    files
        .par_iter()
        .any(|file| compiled(file) || (is_source(file) && holds(file, &OWN_OPENNESS)))
}

/// Whether code of libraries can run what is not in the bundle.
fn is_open(files: &[CollectedFile], reached: &HashSet<&Path>) -> bool {
    files
        .par_iter()
        .any(|file| is_source(file) && is_reached(file, reached) && holds(file, &OPENNESS))
}

fn is_reached(file: &CollectedFile, reached: &HashSet<&Path>) -> bool {
    path(file).is_some_and(|path| reached.contains(path))
}

fn names_any(file: &CollectedFile, names: &[&str]) -> bool {
    if is_source(file) {
        return holds(file, names);
    }
    if file.role == FileRole::Native {
        let names: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| name.len() >= LONG_ENOUGH)
            .collect();
        return path(file).is_some_and(|path| holds_somewhere(path, &names).unwrap_or(true));
    }
    holds(file, names)
}

fn is_source(file: &CollectedFile) -> bool {
    file.dest.as_str().ends_with(".py")
}

fn path(file: &CollectedFile) -> Option<&Path> {
    match &file.source {
        FileSource::Path(path) => Some(path),
        FileSource::Bytes(_) => None,
    }
}

/// Whether a file of moderate size holds one of `texts`. What cannot be read is not ruled out; the build ends with it later.
fn holds(file: &CollectedFile, texts: &[&str]) -> bool {
    let any = |content: &[u8]| {
        texts
            .iter()
            .any(|text| memmem::find(content, text.as_bytes()).is_some())
    };
    match &file.source {
        FileSource::Bytes(bytes) => any(bytes),
        FileSource::Path(path) => {
            let large = || inputs::metadata(path).is_ok_and(|found| found.len() > LARGEST_DATA);
            (is_source(file) || !large())
                && inputs::read(path).map_or(true, |content| any(&content))
        }
    }
}

/// Whether a file of any size holds one of `texts`.
fn holds_somewhere(path: &Path, texts: &[&str]) -> io::Result<bool> {
    let mut file = inputs::open(path)?;
    let overlap = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    let mut window = Vec::with_capacity(PIECE + overlap);
    loop {
        let kept = window.len().min(overlap);
        window.drain(..window.len() - kept);
        let piece = u64::try_from(PIECE).unwrap_or(u64::MAX);
        if (&mut file).take(piece).read_to_end(&mut window)? == 0 {
            return Ok(false);
        }
        if texts
            .iter()
            .any(|text| memmem::find(&window, text.as_bytes()).is_some())
        {
            return Ok(true);
        }
    }
}
