//! What a program is: the settings that its packer fixed and that bootloader and runtime act on.

use crate::Wsgi;
use serde::{Deserialize, Serialize};

/// The settings of a packed program; JSON in the manifest. Paths are relative to the unpack directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program's name.
    pub name: String,
    /// `app.id`.
    pub id: String,
    /// The application's version; empty when it has none.
    pub version: String,
    /// The interpreter.
    pub python: Python,
    /// The runtime library.
    pub runtime: String,
    /// Entry points; the one with an empty name is the main one.
    pub entries: Vec<EntryPoint>,
    /// Scripts (modules of the index, run as `__main__`-less code) that run before the entry point, by bundle path.
    pub runtime_hooks: Vec<String>,
    /// How files are unpacked.
    pub unpack: Unpack,
    /// Parent of the unpack directory to try first.
    pub runtime_tmpdir: Option<String>,
    /// Folder beside the executable that holds the files, for a one-folder bundle.
    pub contents_directory: Option<String>,
    /// Bytecode optimisation level.
    pub optimize: u8,
    /// No console (Windows).
    pub windowed: bool,
    /// Extension modules of the bundle that refuse an interpreter with a GIL of its own; `None` when nobody asked.
    #[serde(default)]
    pub refuse_own_gil: Option<Vec<String>>,
    /// Extension modules of the bundle that turn the GIL of a free-threaded interpreter on; `None` when nobody asked.
    #[serde(default)]
    pub need_gil: Option<Vec<String>>,
    /// The lowest glibc that will do; `None` for systems without, and for programs of earlier packers.
    #[serde(default)]
    pub glibc: Option<Glibc>,
    /// Build facts, shown by `sys._pack` and `pack inspect`: packer version, target, …
    pub facts: std::collections::BTreeMap<String, String>,
}

/// Versions of glibc that a program needs: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glibc {
    /// For the interpreter to start at all.
    pub start: (u16, u16),
    /// For all that is in the bundle.
    pub all: (u16, u16),
}

/// The packed interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Python {
    /// Major, minor, micro.
    pub version: (u8, u8, u8),
    /// Built with `--disable-gil`.
    pub free_threaded: bool,
    /// How it is started.
    pub start: PythonStart,
    /// Libraries loaded before it, in order.
    pub preload: Vec<String>,
}

/// How the interpreter is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PythonStart {
    /// This shared libpython is loaded into the bootloader's process.
    Library(String),
    /// This program, an interpreter without a shared libpython, replaces the bootloader's process.
    Program(String),
}

/// One entry point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryPoint {
    /// The word that selects it; empty for the main one.
    pub name: String,
    /// What it runs.
    pub target: Target,
}

/// What an entry point runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of them")]
pub enum Target {
    /// A script: its path in the bundle. Its code is in the module table under the name `[script] PATH`.
    Script(String),
    /// A module, as of `python -m`.
    Module(String),
    /// `sys.exit(module.function())`.
    Function {
        /// Dotted module name.
        module: String,
        /// Dotted attribute path.
        function: String,
    },
    /// A WSGI application.
    Wsgi(Wsgi),
}

/// How files are unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unpack {
    /// Once, reused by later runs.
    Reuse,
    /// For each run, removed at its end.
    Each,
}

impl Program {
    /// Every path in it that leads to something of the bundle, or to the folder beside the executable that holds it.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let (PythonStart::Library(start) | PythonStart::Program(start)) = &self.python.start;
        let scripts = self.entries.iter().filter_map(|entry| match &entry.target {
            Target::Script(path) => Some(path),
            _ => None,
        });
        // Right beside it.
        let folder = self.contents_directory.iter().filter(|name| *name != ".");
        [start, &self.runtime]
            .into_iter()
            .chain(&self.python.preload)
            .chain(&self.runtime_hooks)
            .chain(scripts)
            .chain(folder)
            .map(String::as_str)
    }
}

impl Default for Program {
    /// A program without a name that runs nothing: something to start from.
    fn default() -> Self {
        Self {
            name: String::new(),
            id: String::new(),
            version: String::new(),
            python: Python {
                version: (3, 9, 0),
                free_threaded: false,
                start: PythonStart::Library(String::new()),
                preload: Vec::new(),
            },
            runtime: String::new(),
            entries: Vec::new(),
            runtime_hooks: Vec::new(),
            unpack: Unpack::Reuse,
            runtime_tmpdir: None,
            contents_directory: None,
            optimize: 0,
            windowed: false,
            refuse_own_gil: None,
            need_gil: None,
            glibc: None,
            facts: std::collections::BTreeMap::new(),
        }
    }
}
