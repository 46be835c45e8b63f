//! The standard library: whole, but for tests, the tools of developers, what would bind a program to a licence or a
//! graphical system that it does not use, and what is large and nothing can want ([`Used`]). What the graph reaches goes in
//! whatever it is.

use super::CollectError;
use super::bundle::{Bundle, Owner};
use super::used::Used;
use crate::collection::{Because, CollectedFile, FileRole, FileSource, LeftOut};
use crate::facts::InterpreterFacts;
use crate::graph::{ModuleGraph, Origin};
use crate::inputs::{self, Found};
use payload::ArchivePath;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Folders, relative to the standard library's, that are left out unless one of their modules is reached: then all of
/// the folder goes in. `tkinter` is of no use without `_tkinter`, which reaches it.
const LEFT_OUT: [&str; 5] = ["ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"];

/// Modules that are left out unless reached.
const MODULES_LEFT_OUT: [&str; 1] = ["turtle.py"];

/// Names of folders of tests at any depth; of these only the modules that are reached go in.
const TESTS: [&str; 4] = ["test", "tests", "idle_test", "_test_multiprocessing"];

/// Extension modules left out unless reached, beside those that only test the interpreter: `readline` and `_gdbm` would
/// put a program under the GPL, `_dbm` under that of Berkeley DB, `_tkinter` brings Tcl, Tk and a good part of X11, `nis`
/// Kerberos, and `_crypt` a library that raises the glibc needed.
const UNLESS_REACHED: [&str; 6] = ["_crypt", "_dbm", "_gdbm", "_tkinter", "nis", "readline"];

/// Ends of names that are of no use at run time: what compilers read and write, tools for other systems.
const NO_DATA: [&str; 9] = [".a", ".bat", ".c", ".exe", ".h", ".la", ".o", ".rst", "~"];

/// Goes with the rest, as it asks for, and stays in memory.
const LICENSE: &str = "LICENSE.txt";

/// Where the standard library is in a bundle: `lib/python3.11`.
pub(super) fn folder(facts: &InterpreterFacts) -> String {
    let thread = if facts.free_threaded { "t" } else { "" };
    format!("lib/python{}.{}{thread}", facts.version.0, facts.version.1)
}

pub(super) fn collect(
    bundle: &mut Bundle<'_>,
    facts: &InterpreterFacts,
    graph: &ModuleGraph,
    used: &Used,
) -> Result<(), CollectError> {
    let reached: BTreeSet<&str> = graph
        .modules
        .iter()
        .filter(|(_, module)| module.origin == Origin::Stdlib)
        .map(|(name, _)| name.as_str())
        .collect();
    let library = Library {
        folder: folder(facts),
        root: &facts.stdlib,
        reached,
        used,
        // Without bytecode of it a program compiles the sources.
        sources: used.all_sources() || facts.uncompiled,
    };
    for (path, below) in library.files()? {
        library.place(bundle, path, &below);
    }
    if let Some(dynload) = &facts.dynload {
        for path in library.extensions(dynload)? {
            library.place_extension(bundle, path);
        }
    }
    Ok(())
}

struct Library<'a> {
    /// In the bundle.
    folder: String,
    root: &'a Path,
    reached: BTreeSet<&'a str>,
    used: &'a Used,
    /// All sources go in, for tracebacks and `inspect`, rather than those of the modules that are reached.
    sources: bool,
}

impl Library<'_> {
    /// The files below the standard library's folder, sorted, with their paths relative to it.
    fn files(&self) -> Result<Vec<(PathBuf, String)>, CollectError> {
        let mut files = Vec::new();
        for found in inputs::walk(self.root, false, |found| self.is_wanted(found)) {
            let found = found?;
            if found.kind.is_dir() {
                continue;
            }
            if let Some(below) = self.below(&found.path) {
                files.push((found.path, below));
            }
        }
        Ok(files)
    }

    fn below(&self, path: &Path) -> Option<String> {
        path.strip_prefix(self.root)
            .ok()?
            .to_str()
            .map(str::to_owned)
    }

    fn is_wanted(&self, found: &Found) -> bool {
        let Some(below) = self.below(&found.path) else {
            return false;
        };
        let name = found.name().to_string_lossy();
        if found.depth == 0 {
            return true;
        }
        if found.kind.is_dir() {
            return self.is_wanted_folder(&below, &name);
        }
        if NO_DATA.iter().any(|end| name.ends_with(end)) || name.starts_with("README") {
            return false;
        }
        // Debian's: a hook for crash reports.
        !matches!(below.as_str(), "sitecustomize.py" | "usercustomize.py")
            && (!(is_of_tests(&below) || MODULES_LEFT_OUT.contains(&below.as_str()))
                || self.is_reached_file(&below))
    }

    fn is_wanted_folder(&self, below: &str, name: &str) -> bool {
        match name {
            "__pycache__" | "site-packages" | "dist-packages" | "lib-dynload" => false,
            _ if name.starts_with("config-") || name.ends_with(".dSYM") => false,
            _ if LEFT_OUT.contains(&below) || is_of_tests(below) => self.is_reached_folder(below),
            _ => true,
        }
    }

    fn is_reached_folder(&self, below: &str) -> bool {
        let name = below.replace('/', ".");
        let next = self.reached.range(name.as_str()..).next();
        next.is_some_and(|found| {
            found
                .strip_prefix(&name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    fn is_reached_file(&self, below: &str) -> bool {
        let name = below
            .strip_suffix(".py")
            .map(|stem| stem.strip_suffix("/__init__").unwrap_or(stem));
        name.is_some_and(|name| self.reached.contains(name.replace('/', ".").as_str()))
    }

    fn place(&self, bundle: &mut Bundle<'_>, path: PathBuf, below: &str) {
        let is_module = bundle.module_name(below).is_some();
        if bundle.is_left_out(below) || !(is_module || self.is_wanted_data(below)) {
            return;
        }
        let Ok(dest) = ArchivePath::new(format!("{}/{below}", self.folder)) else {
            return;
        };
        let role = if below.ends_with(".py") || below == LICENSE {
            FileRole::StdlibSource
        } else {
            FileRole::Data
        };
        bundle.add_module_file(Owner::Stdlib, below, &path, &dest);
        let unread = is_module && !self.sources && !self.is_reached_file(below);
        if below.ends_with(".pyc") || unread {
            // Its code goes in as that of all modules, and nobody reads the file.
            inputs::prove(&path);
            return;
        }
        let (source, why) = (FileSource::Path(path), "standard library".to_owned());
        bundle.add(CollectedFile {
            dest,
            source,
            role,
            executable: false,
            why,
        });
    }

    /// Data of a package goes in with the package: it is unpacked at every first start, and nothing else reads it. Of
    /// what lies beside the packages only the licence, which has to go with the rest.
    fn is_wanted_data(&self, below: &str) -> bool {
        match below.split_once('/') {
            Some((package, _)) => self.reached.contains(package),
            None => below == LICENSE,
        }
    }

    fn extensions(&self, folder: &Path) -> Result<Vec<PathBuf>, CollectError> {
        let read = |source| CollectError::Read {
            path: folder.to_owned(),
            source,
        };
        let entries = inputs::entries(folder).map_err(read)?;
        let mut found: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
        found.sort();
        Ok(found)
    }

    fn place_extension(&self, bundle: &mut Bundle<'_>, path: PathBuf) {
        let Some(file) = path
            .file_name()
            .and_then(|name| name.to_str())
            .map(str::to_owned)
        else {
            return;
        };
        let Some((name, true)) = bundle.module_name(&file) else {
            return;
        };
        let for_tests = name.starts_with("_test")
            || name.starts_with("xx")
            || name == "_ctypes_test"
            || name == "_xxtestfuzz";
        if bundle.is_left_out(&file) {
            return;
        }
        if (for_tests || UNLESS_REACHED.contains(&name.as_str()))
            && !self.reached.contains(name.as_str())
        {
            return;
        }
        let Ok(dest) = ArchivePath::new(format!("{}/lib-dynload/{file}", self.folder)) else {
            return;
        };
        if let Some(package) = self.used.lacks(&name) {
            leave_behind(bundle, &name, package, &path, dest);
            return;
        }
        bundle.add_module_file(Owner::Stdlib, &file, &path, &dest);
        let (source, why) = (FileSource::Path(path), "standard library".to_owned());
        bundle.add(CollectedFile {
            dest,
            source,
            role: FileRole::Native,
            executable: false,
            why,
        });
    }
}

/// Leaves the extension module `name` out, and lets its import say how to have it.
fn leave_behind(
    bundle: &mut Bundle<'_>,
    name: &str,
    package: &str,
    path: &Path,
    dest: ArchivePath,
) {
    let size = inputs::metadata(path).map_or(0, |metadata| metadata.len());
    let text = format!(
        "raise ModuleNotFoundError(\n    \"No module named '{name}': nothing in this program names `{package}` when it is \"\n    \
         \"built; `pack build --hidden-import {package}` puts it in\", name='{name}')\n"
    );
    bundle.add_text_module(name, dest.clone(), text);
    let file = LeftOut {
        distribution: "Python".to_owned(),
        size,
        because: Because::Unnamed,
    };
    bundle.leave_behind(BTreeMap::from([(dest, file)]));
}

/// Whether a path relative to the standard library's folder lies in tests.
fn is_of_tests(below: &str) -> bool {
    below.split('/').any(|part| TESTS.contains(&part))
}

/// Makes real files of the modules that an interpreter without a shared library imports before the runtime is there to
/// serve them from memory: everything that the start of the interpreter always imports.
pub(super) fn keep_startup_on_disk(
    bundle: &mut Bundle<'_>,
    facts: &InterpreterFacts,
    startup: &[String],
) {
    let folder = folder(facts);
    for name in startup {
        let stem = format!("{folder}/{}", name.replace('.', "/"));
        for file in [format!("{stem}.py"), format!("{stem}/__init__.py")] {
            if let Ok(dest) = ArchivePath::new(file) {
                bundle.set_role(&dest, FileRole::Data);
            }
        }
    }
}

/// The same for all codecs: which of them the start asks for depends on the machine.
pub(super) fn keep_codecs_on_disk(bundle: &mut Bundle<'_>, facts: &InterpreterFacts) {
    let codecs = format!("{}/encodings/", folder(facts));
    bundle.set_roles(FileRole::Data, |file| {
        file.role == FileRole::StdlibSource && file.dest.as_str().starts_with(&codecs)
    });
}
