//! The bundle as it grows: files by destination, modules by name.

use super::CollectError;
use crate::collection::{
    CollectedFile, CollectedModule, FileRole, FileSource, LeftOut, ModuleCode,
};
use crate::discover::{is_identifier, module_file};
use crate::facts::InterpreterFacts;
use crate::graph::{ModuleGraph, ModuleKind};
use crate::inputs;
use payload::ArchivePath;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What is collected so far.
#[derive(Debug)]
pub(super) struct Bundle<'a> {
    graph: &'a ModuleGraph,
    /// Suffixes of modules, in the order that they are tried in.
    suffixes: Vec<(String, Suffix)>,
    files: Vec<CollectedFile>,
    by_dest: HashMap<ArchivePath, usize>,
    /// Those that destinations lie in.
    folders: HashSet<String>,
    by_source: HashMap<PathBuf, ArchivePath>,
    modules: BTreeMap<String, (Rank, CollectedModule)>,
    /// `[exclude] modules` and those that hooks exclude, as paths.
    excluded: Vec<String>,
    warnings: Vec<String>,
    /// Files of distributions that are not to be placed.
    left_out: BTreeMap<ArchivePath, LeftOut>,
    /// Files of distributions that serve who develops them.
    stayed_behind: BTreeMap<ArchivePath, LeftOut>,
}

/// Which of several files a module name stands for: the lowest. Whose it is, package before module, suffix.
type Rank = (Owner, bool, usize);

/// Whose a module is, in the order of the search path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    App,
    Stdlib,
    ThirdParty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suffix {
    Extension,
    Source,
    Bytecode,
}

/// What happened to a file that was to be placed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is there now.
    New,
    /// The same file was there already.
    Known,
    /// Another file is there: which, and why.
    Taken(String),
}

/// A file that can be imported, by its name.
#[derive(Debug)]
struct ModuleFile {
    name: String,
    package: bool,
    suffix: Suffix,
    /// Place of its suffix in the order.
    order: usize,
}

impl<'a> Bundle<'a> {
    pub(super) fn new<'e>(
        facts: &InterpreterFacts,
        graph: &'a ModuleGraph,
        excluded: impl Iterator<Item = &'e str>,
    ) -> Self {
        let extensions = facts
            .extension_suffixes
            .iter()
            .map(|suffix| (suffix.clone(), Suffix::Extension));
        let others = [
            (".py".to_owned(), Suffix::Source),
            (".pyc".to_owned(), Suffix::Bytecode),
        ];
        Self {
            graph,
            suffixes: extensions.chain(others).collect(),
            files: Vec::new(),
            by_dest: HashMap::new(),
            folders: HashSet::new(),
            by_source: HashMap::new(),
            modules: BTreeMap::new(),
            excluded: excluded.map(|name| name.replace('.', "/")).collect(),
            warnings: Vec::new(),
            left_out: BTreeMap::new(),
            stayed_behind: BTreeMap::new(),
        }
    }

    /// From now on these files are not placed; the application's own and those that a setting asks for come before.
    pub(super) fn leave_out(&mut self, files: BTreeMap<ArchivePath, LeftOut>) {
        self.left_out = files;
    }

    pub(super) fn leaves_out(&self, dest: &ArchivePath) -> bool {
        self.left_out.contains_key(dest)
    }

    /// These files were not placed; others may have places among theirs.
    pub(super) fn leave_behind(&mut self, files: BTreeMap<ArchivePath, LeftOut>) {
        self.stayed_behind.extend(files);
    }

    /// All that was left out and that nothing else has brought.
    pub(super) fn take_left_out(&mut self) -> BTreeMap<ArchivePath, LeftOut> {
        let mut left_out = std::mem::take(&mut self.stayed_behind);
        left_out.retain(|dest, _| !self.by_dest.contains_key(dest));
        left_out.append(&mut self.left_out);
        left_out
    }

    /// The module that the importer knows by this name.
    pub(super) fn module(&self, name: &str) -> Option<&CollectedModule> {
        self.modules.get(name).map(|(_, module)| module)
    }

    /// Places `file` unless its place is taken.
    pub(super) fn place(&mut self, file: CollectedFile) -> Placed {
        if let Some(at) = self.by_dest.get(&file.dest) {
            let there = &self.files[*at];
            return if same(&there.source, &file.source) {
                Placed::Known
            } else {
                Placed::Taken(described(there))
            };
        }
        self.by_dest.insert(file.dest.clone(), self.files.len());
        for folder in folders_of(file.dest.as_str()) {
            if !self.folders.insert(folder.to_owned()) {
                break;
            }
        }
        if let FileSource::Path(path) = &file.source {
            self.by_source
                .entry(path.clone())
                .or_insert_with(|| file.dest.clone());
        }
        self.files.push(file);
        Placed::New
    }

    /// Whether files lie below `folder`, a path in the bundle.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.folders.contains(folder)
    }

    /// Why there can be no file at `dest`: a folder is there, or a file where one of its folders would be.
    pub(super) fn obstacle(&self, dest: &ArchivePath) -> Option<String> {
        if self.has_folder(dest.as_str()) {
            return Some(format!("`{dest}` is a folder"));
        }
        folders_of(dest.as_str())
            .filter_map(|folder| ArchivePath::new(folder).ok())
            .find(|folder| self.by_dest.contains_key(folder))
            .map(|folder| format!("`{folder}` is a file"))
    }

    /// Places `file`; a warning when another one is in its place.
    pub(super) fn add(&mut self, file: CollectedFile) {
        let (dest, second) = (file.dest.clone(), described(&file));
        if let Placed::Taken(first) = self.place(file) {
            self.warn(format!("`{dest}` is {first}; {second} is left out"));
        }
    }

    /// Places a file that a setting asks for.
    pub(super) fn add_asked(&mut self, file: CollectedFile) -> Result<(), CollectError> {
        let (dest, second) = (file.dest.to_string(), described(&file));
        match self.place(file) {
            Placed::Taken(first) => Err(CollectError::Collision {
                dest,
                first,
                second,
            }),
            Placed::New | Placed::Known => Ok(()),
        }
    }

    pub(super) fn warn(&mut self, line: String) {
        self.warnings.push(line);
    }

    /// Where the file at `source` went first.
    pub(super) fn dest_of(&self, source: &Path) -> Option<&ArchivePath> {
        self.by_source.get(source)
    }

    pub(super) fn files(&self) -> &[CollectedFile] {
        &self.files
    }

    pub(super) fn set_role(&mut self, dest: &ArchivePath, role: FileRole) {
        if let Some(at) = self.by_dest.get(dest) {
            self.files[*at].role = role;
        }
    }

    /// The same for all files that `of` picks.
    pub(super) fn set_roles(&mut self, role: FileRole, of: impl Fn(&CollectedFile) -> bool) {
        for file in self.files.iter_mut().filter(|file| of(file)) {
            file.role = role;
        }
    }

    /// Whether the importer knows `name`.
    pub(super) fn has_module(&self, name: &str) -> bool {
        self.modules.contains_key(name)
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &CollectedModule> {
        self.modules.values().map(|(_, module)| module)
    }

    pub(super) fn modules_mut(&mut self) -> impl Iterator<Item = &mut CollectedModule> {
        self.modules.values_mut().map(|(_, module)| module)
    }

    /// The name and the kind (an extension module or not) of a file that can be imported; `relative` is its path below
    /// the folder that is searched, `/`-separated.
    pub(super) fn module_name(&self, relative: &str) -> Option<(String, bool)> {
        let file = self.parse(relative)?;
        Some((file.name, file.suffix == Suffix::Extension))
    }

    /// Whether `relative`, a path below a folder that is searched, is of a module that `[exclude] modules` names, or lies
    /// in a package that it names.
    pub(super) fn is_left_out(&self, relative: &str) -> bool {
        let of = |excluded: &String| {
            relative
                .strip_prefix(excluded.as_str())
                .is_some_and(|rest| rest.starts_with(['/', '.']))
        };
        self.excluded.iter().any(of)
    }

    /// Lets the importer know the module whose file was placed at `dest`, if it is one by its name.
    pub(super) fn add_module_file(
        &mut self,
        owner: Owner,
        relative: &str,
        path: &Path,
        dest: &ArchivePath,
    ) {
        if let Some(file) = self.parse(relative) {
            self.add_module((owner, !file.package, file.order), file, path, dest);
        }
    }

    /// Lets the importer know the module `name` of the graph, whose file was placed at `dest`.
    pub(super) fn add_graph_module(
        &mut self,
        owner: Owner,
        name: &str,
        kind: &ModuleKind,
        dest: &ArchivePath,
    ) {
        let (suffix, package) = match kind {
            ModuleKind::Source { package, .. } => (Suffix::Source, *package),
            ModuleKind::Bytecode { package, .. } => (Suffix::Bytecode, *package),
            ModuleKind::Extension { package, .. } => (Suffix::Extension, *package),
            ModuleKind::Namespace { .. } | ModuleKind::Builtin => return,
        };
        if let Some(path) = module_file(kind) {
            let file = ModuleFile {
                name: name.to_owned(),
                package,
                suffix,
                order: 0,
            };
            // What the graph found is what the import system finds: before everything else of the same owner.
            self.add_module((owner, false, 0), file, path, dest);
        }
    }

    /// Adds the code of a script, under the name that the runtime looks for.
    pub(super) fn add_script(&mut self, path: &Path, dest: &ArchivePath) {
        let name = format!("[script] {dest}");
        let code = ModuleCode::Source(path.to_owned());
        let module = CollectedModule {
            name: name.clone(),
            package: false,
            dest: dest.clone(),
            code,
            needs: Vec::new(),
            reached: true,
        };
        self.modules.insert(name, ((Owner::App, false, 0), module));
    }

    /// Lets the importer know a module of the standard library that is no file.
    pub(super) fn add_text_module(&mut self, name: &str, dest: ArchivePath, text: String) {
        let module = CollectedModule {
            name: name.to_owned(),
            package: false,
            dest,
            code: ModuleCode::Text(text),
            needs: Vec::new(),
            reached: false,
        };
        let rank = (Owner::Stdlib, true, 0);
        let entry = self.modules.entry(name.to_owned());
        entry.or_insert((rank, module));
    }

    fn add_module(&mut self, rank: Rank, file: ModuleFile, path: &Path, dest: &ArchivePath) {
        if self
            .modules
            .get(&file.name)
            .is_some_and(|(there, _)| *there <= rank)
        {
            return;
        }
        let code = match file.suffix {
            Suffix::Source => ModuleCode::Source(path.to_owned()),
            Suffix::Bytecode => ModuleCode::Bytecode(path.to_owned()),
            Suffix::Extension => ModuleCode::Extension {
                preload: Vec::new(),
            },
        };
        let reached = self
            .graph
            .modules
            .get(&file.name)
            .is_some_and(|module| module_file(&module.kind) == Some(path));
        let name = file.name.clone();
        let module = CollectedModule {
            name: file.name,
            package: file.package,
            dest: dest.clone(),
            code,
            needs: Vec::new(),
            reached,
        };
        self.modules.insert(name, (rank, module));
    }

    fn parse(&self, relative: &str) -> Option<ModuleFile> {
        let mut suffixes = self.suffixes.iter().enumerate();
        let (order, (stem, suffix)) = suffixes.find_map(|(order, (text, suffix))| {
            Some((order, (relative.strip_suffix(text.as_str())?, *suffix)))
        })?;
        let (stem, package) = match stem.strip_suffix("/__init__") {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        // `_sysconfigdata__linux_x86_64-linux-gnu` is no identifier, and `sysconfig` imports it: `zoneinfo` does so.
        let named = stem.split('/').all(is_identifier) || stem.starts_with("_sysconfigdata_");
        named.then(|| ModuleFile {
            name: stem.replace('/', "."),
            package,
            suffix,
            order,
        })
    }

    pub(super) fn finish(self) -> (Vec<CollectedFile>, Vec<CollectedModule>, Vec<String>) {
        let modules = self
            .modules
            .into_values()
            .map(|(_, module)| module)
            .collect();
        (self.files, modules, self.warnings)
    }
}

/// The folders that `dest` lies in, from the innermost.
fn folders_of(dest: &str) -> impl Iterator<Item = &str> {
    dest.rmatch_indices('/').map(|(at, _)| &dest[..at])
}

fn same(one: &FileSource, other: &FileSource) -> bool {
    match (one, other) {
        (FileSource::Path(one), FileSource::Path(other)) => {
            one == other
                || inputs::canonicalize(one)
                    .is_ok_and(|one| inputs::canonicalize(other).is_ok_and(|other| one == other))
        }
        (FileSource::Bytes(one), FileSource::Bytes(other)) => one == other,
        _ => false,
    }
}

fn described(file: &CollectedFile) -> String {
    match &file.source {
        FileSource::Path(path) => format!("`{}` ({})", path.display(), file.why),
        FileSource::Bytes(_) => file.why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::facts;

    #[test]
    fn names_of_module_files() {
        let graph = ModuleGraph::default();
        let bundle = Bundle::new(&facts(), &graph, std::iter::empty());
        let check = |relative: &str, expected: Option<(&str, bool)>| {
            let found = bundle.parse(relative);
            assert_eq!(
                found
                    .as_ref()
                    .map(|file| (file.name.as_str(), file.package)),
                expected,
                "{relative}"
            );
        };
        check("a.py", Some(("a", false)));
        check("a/b/__init__.py", Some(("a.b", true)));
        check(
            "a/_c.cpython-311-x86_64-linux-gnu.so",
            Some(("a._c", false)),
        );
        check("a/_c.abi3.so", Some(("a._c", false)));
        check("a/lib-c.so", None);
        check("a/c.cpython-39-x86_64-linux-gnu.so", None);
        check("a/data.txt", None);
        check("a-b/c.py", None);
    }
}
