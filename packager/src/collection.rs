//! The collection: which files a bundle holds, and why each is there.

use payload::ArchivePath;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Every file of a bundle, unsorted; `layout` sorts it and refuses collisions.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    /// Files, bytecode not among them.
    pub files: Vec<CollectedFile>,
    /// Modules the importer will know.
    pub modules: Vec<CollectedModule>,
    /// Third-party distributions, in the order of their names.
    pub distributions: Vec<CollectedDistribution>,
    /// The interpreter as it is packed.
    pub interpreter: CollectedInterpreter,
    /// The lowest glibc the native files need, with the file that needs it; without the kit's own files.
    pub glibc: Option<(GlibcVersion, String)>,
    /// What the reader should know, one line each, most important first.
    pub warnings: Vec<String>,
    /// Files that are written when the program asks for them, where one file holds the bundle.
    pub on_demand: BTreeSet<ArchivePath>,
}

/// One file.
#[derive(Debug, Clone)]
pub struct CollectedFile {
    /// Where it goes, relative to `sys._MEIPASS`.
    pub dest: ArchivePath,
    /// Where it comes from.
    pub source: FileSource,
    /// What it is for.
    pub role: FileRole,
    /// Executable bits are kept (`0o755`), all else is `0o644`.
    pub executable: bool,
    /// One line that `pack inspect` shows: `distribution flask 3.1.0`, `--add-data`, `needed by _ssl`.
    pub why: String,
}

/// Where a file's bytes come from.
#[derive(Debug, Clone)]
pub enum FileSource {
    /// A file of this machine, links followed.
    Path(PathBuf),
    /// Bytes made by a stage before.
    Bytes(Vec<u8>),
}

/// What a file is for; decides whether it is unpacked and how it is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRole {
    /// ELF library or extension module: unpacked, debug symbols removed.
    Native,
    /// A program: unpacked with its executable bit.
    Program,
    /// Data, metadata, sources of the application and of distributions: unpacked.
    Data,
    /// Source of a standard library module: stays in the executable's memory.
    StdlibSource,
}

/// One module the importer will know.
#[derive(Debug, Clone)]
pub struct CollectedModule {
    /// Dotted name.
    pub name: String,
    /// An `__init__`.
    pub package: bool,
    /// Where its file (`__file__`) is in the bundle; also the path in its code objects.
    pub dest: ArchivePath,
    /// What the importer loads.
    pub code: ModuleCode,
    /// Files of [`Collection::on_demand`] that must be written before it is executed.
    pub needs: Vec<ArchivePath>,
    /// Reached by the graph: its bytecode is stored for speed, the rest is compressed for size.
    pub reached: bool,
}

/// What the importer loads for a module.
#[derive(Debug, Clone)]
pub enum ModuleCode {
    /// Compile this source.
    Source(PathBuf),
    /// Take this sourceless `.pyc` as it is.
    Bytecode(PathBuf),
    /// Load the shared library at `dest`, after these libraries of the bundle, in this order.
    Extension {
        /// Libraries loaded first, because the search path of the extension module does not lead to them.
        preload: Vec<ArchivePath>,
    },
}

/// One third-party distribution.
#[derive(Debug, Clone)]
pub struct CollectedDistribution {
    /// Normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who asked for it: a module's import site, or the distribution that requires it.
    pub why: String,
    /// Bytes of its files.
    pub size: u64,
}

/// The interpreter as it is packed.
#[derive(Debug, Clone, Default)]
pub struct CollectedInterpreter {
    /// libpython (loaded into the process) or, when `executable` is set, the interpreter's program, in the bundle.
    pub library: Option<ArchivePath>,
    /// Libraries of the bundle to load before it, in order.
    pub preload: Vec<ArchivePath>,
    /// The interpreter's program, for an interpreter without a shared libpython.
    pub program: Option<ArchivePath>,
}

/// A glibc version such as 2.17.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct GlibcVersion(pub u16, pub u16);

impl std::fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}
