//! The collection: which files a bundle holds, and why each is there.

use crate::development::{Development, StayedBehind};
use payload::ArchivePath;
use std::collections::{BTreeMap, BTreeSet};
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
    /// The same of libstdc++, where the bundle does not bring one.
    pub libstdcxx: Option<(LibstdcxxVersion, String)>,
    /// What the reader should know, one line each, most important first.
    pub warnings: Vec<String>,
    /// Files that are written when the program asks for them, where one file holds the bundle.
    pub on_demand: BTreeSet<ArchivePath>,
    /// The files of distributions that are not here, as nothing needs them.
    pub left_out: BTreeMap<ArchivePath, LeftOut>,
}

/// A file of a distribution that nothing needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose it is.
    pub distribution: String,
    /// In bytes.
    pub size: u64,
    /// Why it is not here.
    pub because: Because,
}

/// Why a file of a distribution is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// `--slim`: no trace has used it.
    Unused,
    /// It serves modules of Qt that nothing imports.
    IdleQt,
    /// It serves those who develop the distribution.
    Development(Development),
    /// It is of the standard library, and nothing can want it.
    Unnamed,
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unused => f.write_str("by --slim: no trace has used it, and nothing that was kept needs it"),
            Self::IdleQt => f.write_str(
                "with the modules of Qt that nothing imports; `--collect-all` of its distribution takes all",
            ),
            Self::Development(kind) => {
                write!(f, "with the {kind} of libraries; `--keep {}` takes all of them", kind.word())
            }
            Self::Unnamed => f.write_str(
                "with the parts of the standard library that nothing names; `--stdlib whole` takes all",
            ),
        }
    }
}

/// Begins the reason of data that a source of the application names; the place follows.
pub(crate) const NAMED: &str = "named at ";

/// The distributions that a build tells the sizes of.
const LARGEST: usize = 10;

/// Data that one line of the application's sources names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FoundData {
    /// The file in the bundle, or the folder that holds all of them.
    pub place: String,
    /// How many.
    pub files: usize,
    /// Source file and line.
    pub named_at: String,
}

impl Collection {
    /// The largest distributions.
    pub(crate) fn largest(&self) -> Vec<(String, u64)> {
        let mut sizes: Vec<(String, u64)> = self
            .distributions
            .iter()
            .map(|distribution| (distribution.name.clone(), distribution.size))
            .collect();
        sizes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        sizes.truncate(LARGEST);
        sizes
    }

    /// The files that `--slim` leaves out, with their sizes.
    pub(crate) fn left_out(&self) -> Vec<(String, u64)> {
        let unused = |(_, file): &(&ArchivePath, &LeftOut)| file.because == Because::Unused;
        let files = self.left_out.iter().filter(unused);
        files
            .map(|(dest, file)| (dest.to_string(), file.size))
            .collect()
    }

    /// How much of what serves developers stayed behind, by its kind.
    pub(crate) fn stayed_behind(&self) -> Vec<StayedBehind> {
        let mut found: BTreeMap<Development, (usize, u64)> = BTreeMap::new();
        for file in self.left_out.values() {
            if let Because::Development(kind) = file.because {
                let (files, size) = found.entry(kind).or_default();
                (*files, *size) = (*files + 1, *size + file.size);
            }
        }
        let found = found.into_iter();
        found
            .map(|(kind, (files, size))| StayedBehind { kind, files, size })
            .collect()
    }

    /// The data that sources name, by the lines that name it.
    pub(crate) fn found(&self) -> Vec<FoundData> {
        let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in &self.files {
            if let Some(place) = file.why.strip_prefix(NAMED) {
                found.entry(place).or_default().push(file.dest.as_str());
            }
        }
        let data = found.into_iter().map(|(named_at, files)| FoundData {
            place: common(&files),
            files: files.len(),
            named_at: named_at.to_owned(),
        });
        data.collect()
    }
}

/// The only one of `files`, or the folder that all of them are in.
fn common(files: &[&str]) -> String {
    let [first, rest @ ..] = files else {
        return String::new();
    };
    if rest.is_empty() {
        return (*first).to_owned();
    }
    let folders = first.match_indices('/').map(|(at, _)| &first[..=at]);
    let holds_all = |folder: &&str| rest.iter().all(|file| file.starts_with(folder));
    let deepest = folders.take_while(holds_all).last();
    deepest.unwrap_or_default().trim_end_matches('/').to_owned()
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
    /// Compile this text, which lies in no file.
    Text(String),
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

/// A version of libstdc++'s symbols such as 3.4.32.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct LibstdcxxVersion(pub u16, pub u16, pub u16);

impl std::fmt::Display for LibstdcxxVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl std::fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_several_files() {
        let check = |files: &[&str], expected: &str| assert_eq!(common(files), expected);
        check(&["a/b.txt"], "a/b.txt");
        check(&["a/b/c", "a/b/d/e"], "a/b");
        check(&["a/b", "ab/c"], "");
        check(&["a/b", "a/c/d"], "a");
    }
}
