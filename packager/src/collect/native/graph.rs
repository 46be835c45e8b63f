//! Libraries and who needs them.

use super::system::System;
use super::{policy, search_path};
use crate::collection::{CollectedFile, FileRole, FileSource, GlibcVersion, LibstdcxxVersion};
use crate::elf::ElfFile;
use crate::facts::InterpreterFacts;
use crate::layout::is_windows;
use crate::plan::BuildPlan;
use crate::windows::system;
use payload::ArchivePath;
use platform::path::normal;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

const LIBSTDCXX: &str = "libstdc++.so.6";

/// An ELF file of the bundle.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) dest: ArchivePath,
    pub(super) source: PathBuf,
    pub(super) elf: ElfFile,
}

/// A library that was not found.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) wanted_by: ArchivePath,
    pub(super) source: PathBuf,
    pub(super) needed: String,
    /// Folders, for the message.
    pub(super) searched: String,
}

/// One needed library.
#[derive(Debug, Clone, Copy)]
struct Edge {
    target: usize,
    /// The search path of the one who needs it leads to it inside the bundle.
    reachable: bool,
}

/// The ELF files of a bundle for the interpreter's machine.
#[derive(Debug)]
pub(in crate::collect) struct LibraryGraph {
    nodes: Vec<Node>,
    edges: Vec<Vec<Edge>>,
    by_dest: HashMap<String, usize>,
    /// By SONAME and by file name.
    by_name: HashMap<String, Vec<usize>>,
    missing: Vec<Missing>,
    system: System,
    /// For Windows, where names of files have no case.
    windows: bool,
    /// `exclude.libraries`.
    excluded: HashSet<String>,
    /// The interpreter's program or library.
    interpreter: Option<ArchivePath>,
}

impl LibraryGraph {
    pub(super) fn new(
        machine: u16,
        plan: &BuildPlan,
        facts: &InterpreterFacts,
        interpreter: Option<ArchivePath>,
    ) -> Self {
        let windows = is_windows(&plan.target);
        Self {
            windows,
            nodes: Vec::new(),
            edges: Vec::new(),
            by_dest: HashMap::new(),
            by_name: HashMap::new(),
            missing: Vec::new(),
            system: if windows {
                System::of_windows(machine, &facts.base_prefix)
            } else {
                System::new(
                    machine,
                    &[&facts.base_prefix, &facts.prefix],
                    &facts.multiarch,
                )
            },
            excluded: plan.exclude.libraries.iter().cloned().collect(),
            interpreter,
        }
    }

    pub(super) fn add(&mut self, node: Node) -> usize {
        let at = self.nodes.len();
        let dest = node.dest.as_str();
        let file = dest.rsplit('/').next().unwrap_or(dest);
        for name in HashSet::from([file, node.elf.soname.as_deref().unwrap_or(file)]) {
            self.by_name.entry(self.key(name)).or_default().push(at);
        }
        self.by_dest.insert(self.key(dest), at);
        self.nodes.push(node);
        at
    }

    /// What a name is found by.
    fn key(&self, name: &str) -> String {
        if self.windows {
            name.to_lowercase()
        } else {
            name.to_owned()
        }
    }

    /// Whether the target has the library by itself, or the program before anything else.
    fn is_there_anyway(&self, soname: &str) -> bool {
        if self.windows {
            return system::is_guaranteed(soname) || system::is_python(soname);
        }
        soname.starts_with("libpython3.") || policy::is_guaranteed(soname)
    }

    /// The SONAME of the library that a source loads as `name` (or has `searched` for as such), when this machine has it
    /// and neither the bundle nor every target does.
    pub(in crate::collect) fn left_to_target(&self, name: &str, searched: bool) -> Option<String> {
        if self.windows {
            return None;
        }
        let names = match searched {
            true => self.system.versions(name),
            false => vec![name.to_owned()],
        };
        let (found, elf) = names
            .iter()
            .find_map(|name| Some((name, self.system.find(name, &[])?.1)))?;
        let soname = elf.soname.unwrap_or_else(|| found.clone());
        let is_here =
            |name: &String| self.excluded.contains(name) || self.by_name.contains_key(name);
        let is_settled = self.is_there_anyway(&soname) || is_here(&soname) || is_here(found);
        (!is_settled).then_some(soname)
    }

    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Finds everything that is needed, transitively; returns the files taken from this machine.
    pub(super) fn close(&mut self) -> Vec<CollectedFile> {
        let bundled = self.nodes.len();
        // Nodes that are added on the way come last, and are visited in turn.
        let mut at = 0;
        while at < self.nodes.len() {
            let edges = self.edges_of(at);
            self.edges.push(edges);
            at += 1;
        }
        let wanted_by = self.first_wanted_by();
        let added = self.nodes[bundled..]
            .iter()
            .enumerate()
            .map(|(offset, node)| CollectedFile {
                dest: node.dest.clone(),
                source: FileSource::Path(node.source.clone()),
                role: FileRole::Native,
                executable: false,
                why: format!(
                    "needed by {}",
                    wanted_by
                        .get(&(bundled + offset))
                        .map_or("?", String::as_str)
                ),
            });
        added.collect()
    }

    fn first_wanted_by(&self) -> HashMap<usize, String> {
        let mut found = HashMap::new();
        for (at, edges) in self.edges.iter().enumerate() {
            for edge in edges {
                found
                    .entry(edge.target)
                    .or_insert_with(|| self.nodes[at].dest.to_string());
            }
        }
        found
    }

    fn edges_of(&mut self, at: usize) -> Vec<Edge> {
        let node = &self.nodes[at];
        // Programs of distributions run by themselves, with what the target has.
        if node.elf.program && self.interpreter.as_ref() != Some(&node.dest) {
            return Vec::new();
        }
        let needed = node.elf.needed.clone();
        needed
            .iter()
            .filter_map(|soname| self.edge(at, soname))
            .collect()
    }

    fn edge(&mut self, at: usize, soname: &str) -> Option<Edge> {
        if let Some(target) = self.reachable(at, soname) {
            return Some(Edge {
                target,
                reachable: true,
            });
        }
        // libpython is loaded, or is the program itself, before anything else.
        if self.is_there_anyway(soname)
            || policy::is_of_desktop(self.nodes[at].dest.as_str(), soname)
            || self.excluded.contains(soname)
        {
            return None;
        }
        let target = self
            .neighbour(at, soname)
            .or_else(|| self.taken_from_system(at, soname));
        let target = target.or_else(|| {
            self.by_name
                .get(&self.key(soname))
                .and_then(|found| found.first().copied())
        });
        if target.is_none() {
            let node = &self.nodes[at];
            let searched = self.system.searched(&search_path(&node.source, &node.elf));
            let (wanted_by, source) = (node.dest.clone(), node.source.clone());
            self.missing.push(Missing {
                wanted_by,
                source,
                needed: soname.to_owned(),
                searched,
            });
        }
        target.map(|target| Edge {
            target,
            reachable: false,
        })
    }

    /// The library in the bundle that the search path of `at` leads to.
    fn reachable(&self, at: usize, soname: &str) -> Option<usize> {
        let node = &self.nodes[at];
        let entries = if node.elf.runpath.is_empty() {
            &node.elf.rpath
        } else {
            &node.elf.runpath
        };
        let folder = Path::new("/").join(node.dest.as_str());
        let folder = folder.parent()?.to_string_lossy().into_owned();
        entries.iter().find_map(|entry| {
            let entry = entry.replace("${ORIGIN}", "$ORIGIN");
            let below = entry.strip_prefix("$ORIGIN")?;
            let path = normal(&Path::new(&format!("{folder}{below}")).join(soname));
            self.by_dest
                .get(&self.key(path.strip_prefix("/").ok()?.to_str()?))
                .copied()
        })
    }

    /// The library of that name in the same distribution, or one that was taken from the system before.
    fn neighbour(&self, at: usize, soname: &str) -> Option<usize> {
        let top = |node: usize| {
            self.nodes[node]
                .dest
                .as_str()
                .split_once('/')
                .map(|(top, _)| top)
        };
        let found = self.by_name.get(&self.key(soname))?;
        let same = |node: &&usize| top(**node) == top(at) || top(**node) == Some("lib");
        found.iter().find(same).copied()
    }

    fn taken_from_system(&mut self, at: usize, soname: &str) -> Option<usize> {
        let own = search_path(&self.nodes[at].source, &self.nodes[at].elf);
        let (source, elf) = self.system.find(soname, &own)?;
        let dest = ArchivePath::new(format!("lib/{soname}")).ok()?;
        Some(self.add(Node { dest, source, elf }))
    }

    /// What is to be loaded before the file at `dest`, in order: libraries to which no search path leads, each after
    /// those that it needs itself.
    pub(super) fn preload(&self, dest: &ArchivePath) -> Vec<ArchivePath> {
        let Some(root) = self.by_dest.get(&self.key(dest.as_str())) else {
            return Vec::new();
        };
        let mut order = Vec::new();
        let mut unreachable = HashSet::new();
        self.visit(
            *root,
            &mut HashSet::from([*root]),
            &mut unreachable,
            &mut order,
        );
        order
            .into_iter()
            .filter(|at| unreachable.contains(at))
            .map(|at| self.nodes[at].dest.clone())
            .collect()
    }

    /// The file at `dest` and everything that it needs, transitively.
    pub(in crate::collect) fn closure(&self, dest: &ArchivePath) -> Vec<ArchivePath> {
        let Some(root) = self.by_dest.get(&self.key(dest.as_str())) else {
            return vec![dest.clone()];
        };
        let reached = self.reached(std::iter::once(*root));
        let names = reached.into_iter().map(|at| self.nodes[at].dest.clone());
        names.collect()
    }

    fn reached(&self, roots: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut pending: Vec<usize> = roots.collect();
        while let Some(at) = pending.pop() {
            if reached.insert(at) {
                let edges = self.edges.get(at).into_iter().flatten();
                pending.extend(edges.map(|edge| edge.target));
            }
        }
        reached
    }

    /// Whether the file at `dest` is a native one that is looked after here.
    pub(in crate::collect) fn contains(&self, dest: &ArchivePath) -> bool {
        self.by_dest.contains_key(&self.key(dest.as_str()))
    }

    /// Whether the file at `dest` is an extension module by what it defines, and not by its name alone.
    pub(in crate::collect) fn is_extension(&self, dest: &ArchivePath) -> bool {
        self.by_dest
            .get(&self.key(dest.as_str()))
            .is_some_and(|at| self.nodes[*at].elf.extension)
    }

    /// Those of `waiting` that are native, and the libraries that nothing but these needs.
    pub(in crate::collect) fn needed_by_those_alone(
        &self,
        waiting: &BTreeSet<ArchivePath>,
        interpreter: Option<&ArchivePath>,
    ) -> BTreeSet<ArchivePath> {
        let all = 0..self.nodes.len();
        let waits = |at: &usize| waiting.contains(&self.nodes[*at].dest);
        let reached = self.reached(all.clone().filter(waits));
        // Who is not needed by one that waits, and does not wait itself, is used by code that we do not see.
        let is_used =
            |at: &usize| !reached.contains(at) || Some(&self.nodes[*at].dest) == interpreter;
        let present = self.reached(all.filter(is_used));
        reached
            .difference(&present)
            .map(|at| self.nodes[*at].dest.clone())
            .collect()
    }

    fn visit(
        &self,
        at: usize,
        seen: &mut HashSet<usize>,
        unreachable: &mut HashSet<usize>,
        order: &mut Vec<usize>,
    ) {
        for edge in self.edges.get(at).into_iter().flatten() {
            if !edge.reachable {
                unreachable.insert(edge.target);
            }
            if seen.insert(edge.target) {
                self.visit(edge.target, seen, unreachable, order);
                order.push(edge.target);
            }
        }
    }

    /// The highest libstdc++ that any of the files needs, with the first of them; `None` when one is among them.
    pub(super) fn libstdcxx(&self) -> Option<(LibstdcxxVersion, String)> {
        if self.by_name.contains_key(LIBSTDCXX) {
            return None;
        }
        let needs = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.elf.libstdcxx?, node.dest.as_str())));
        let highest = needs.min_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)))?;
        Some((highest.0, highest.1.to_owned()))
    }

    /// The highest glibc that any of the files needs, with the first of them that needs it.
    pub(super) fn glibc(&self) -> Option<(GlibcVersion, String)> {
        let needs = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.elf.glibc?, node.dest.as_str())));
        let highest = needs.min_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)))?;
        Some((highest.0, highest.1.to_owned()))
    }
}
