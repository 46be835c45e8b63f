//! Which files of distributions stay behind because they serve those who develop, build or debug a library.
//!
//! | kind | is | goes in nevertheless, where |
//! |---|---|---|
//! | tests | folders called `tests`; folders called `test` or `selftest` that hold `test_*.py` or `*_test.py` | an import leads into the folder |
//! | stubs | `.pyi` | the library's code names one, or its lazy imports read them; something bundled reads those of others ([`READ_STUBS`]) |
//! | sources | headers and sources of C, C++, Cython and SIP | the library's code names one; something bundled compiles at run time ([`COMPILE`]) |
//! | static libraries | `.a` and `.lib` archives | as sources |
//! | debug symbols | `.debug`, `.dwp`, `.pdb`, `.dSYM` | the library's code names one |
//! | bytecode caches | `__pycache__` | never: a bundle has bytecode of its own of every module. They are not even looked at |
//!
//! Metadata stays whole, and so does a distribution that a setting names. `--keep KIND` keeps a kind of all.
//!
//! A bundle has no `Python.h`, so no extension module can be compiled with it: what `numpy.get_include()` leads to is of no use.
//! Symbols *within* the libraries of distributions stay where they are: RECORD holds a hash of every file.

use super::demand::is_metadata;
use super::distribution::Item;
use crate::collection::{Because, LeftOut};
use crate::development::{Development, folders_of_tests};
use crate::graph::{ModuleGraph, ReachedDistribution, Reason};
use crate::inputs;
use payload::ArchivePath;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read as _;
use std::path::Path;

/// Distributions that read the stubs of others.
const READ_STUBS: [&str; 9] = [
    "basedpyright",
    "griffe",
    "jedi",
    "lazy-loader",
    "mypy",
    "pyre-check",
    "pyright",
    "pytype",
    "sphinx-autoapi",
];

/// Distributions that compile for a processor or a graphics card while the program runs, with headers of others.
const COMPILE: [&str; 12] = [
    "cppyy",
    "cppyy-cling",
    "cython",
    "numba-cuda",
    "pycuda",
    "pyopencl",
    "pystan",
    "pytensor",
    "pythran",
    "tensorflow",
    "torch",
    "triton",
];

/// Beginnings of names of more of them.
const COMPILE_ALSO: [&str; 3] = ["cupy", "jax", "nvidia-"];

/// Names headers in its code only to compile extension modules (`numpy.f2py`).
const COMPILE_MODULES: [&str; 1] = ["numpy"];

/// Ends of names, in the order that they are tried in.
const ENDS: [(&str, Development); 22] = [
    (".pyi", Development::Stubs),
    (".pyx", Development::Sources),
    (".pxd", Development::Sources),
    (".pxi", Development::Sources),
    (".pxd.in", Development::Sources),
    (".pyx.in", Development::Sources),
    (".pyx.tp", Development::Sources),
    (".sip", Development::Sources),
    (".h", Development::Sources),
    (".hh", Development::Sources),
    (".hpp", Development::Sources),
    (".hxx", Development::Sources),
    (".c", Development::Sources),
    (".cc", Development::Sources),
    (".cpp", Development::Sources),
    (".cxx", Development::Sources),
    (".h.in", Development::Sources),
    (".a", Development::StaticLibraries),
    (".lib", Development::StaticLibraries),
    (".debug", Development::DebugSymbols),
    (".dwp", Development::DebugSymbols),
    (".pdb", Development::DebugSymbols),
];

/// How lazy imports name the stub beside the source that calls it: by adding an `i` to its name.
const LAZY: &[u8] = b"attach_stub";

/// How archives, ELF files and Microsoft's symbols begin: names such as `.pdb` have other meanings, too.
const MAGIC: [&[u8]; 4] = [
    b"!<arch>\n",
    b"!<thin>\n",
    b"\x7fELF",
    b"Microsoft C/C++ MSF",
];

/// What stays behind of all distributions of a bundle.
pub(super) struct Leaving<'a> {
    graph: &'a ModuleGraph,
    /// Kinds that nothing keeps as a whole.
    kinds: BTreeSet<Development>,
}

impl<'a> Leaving<'a> {
    /// All kinds but `kept`, and but those that something in the bundle wants of everybody.
    pub(super) fn new(graph: &'a ModuleGraph, kept: &BTreeSet<Development>) -> Self {
        let names = || {
            let taken = graph.distributions.iter();
            taken.map(|taken| taken.distribution.name.as_str())
        };
        let compiles = |name: &str| {
            COMPILE.contains(&name) || COMPILE_ALSO.iter().any(|start| name.starts_with(start))
        };
        let mut kinds: BTreeSet<_> = Development::ALL.into_iter().collect();
        kinds.retain(|kind| !kept.contains(kind));
        if names().any(|name| READ_STUBS.contains(&name)) {
            kinds.remove(&Development::Stubs);
        }
        if names().any(compiles) {
            kinds.remove(&Development::Sources);
            kinds.remove(&Development::StaticLibraries);
        }
        Self { graph, kinds }
    }

    /// Takes what stays behind of `taken` out of `items`.
    pub(super) fn take(
        &self,
        taken: &ReachedDistribution,
        items: &mut Vec<Item>,
    ) -> BTreeMap<ArchivePath, LeftOut> {
        let mut left = BTreeMap::new();
        if matches!(taken.reason, Reason::Setting(_)) {
            return left;
        }
        let mut kinds = self.kinds_of(items);
        let name = &taken.distribution.name;
        let wanted = wanted(name, items, &kinds);
        for kind in kinds.iter_mut() {
            if kind.is_some_and(|kind| wanted.contains(&kind)) {
                *kind = None;
            }
        }
        let mut kinds = kinds.into_iter();
        items.retain(|item| {
            let Some(kind) = kinds.next().flatten() else {
                return true;
            };
            inputs::prove(&item.path);
            if let Ok(dest) = ArchivePath::new(item.dest.clone()) {
                let file = LeftOut {
                    distribution: name.clone(),
                    size: item.size,
                    because: Because::Development(kind),
                };
                left.insert(dest, file);
            }
            false
        });
        left
    }

    fn leaves(&self, kind: Development) -> bool {
        self.kinds.contains(&kind)
    }

    /// The kind of each of `items`, where it may stay behind.
    fn kinds_of(&self, items: &[Item]) -> Vec<Option<Development>> {
        let mut tests = self.tests_of(items);
        let kind = |item: &Item| {
            if item.inside && is_metadata(&item.dest) {
                return None;
            }
            if item.inside && folders_of_tests(&item.dest).any(|folder| tests.idle(folder)) {
                return Some(Development::Tests);
            }
            by_name(item)
        };
        let kinds = items.iter().map(kind);
        kinds
            .map(|kind| kind.filter(|kind| self.leaves(*kind)))
            .collect()
    }

    fn tests_of<'i>(&'i self, items: &'i [Item]) -> Tests<'i> {
        let of_tests = |item: &&Item| {
            let name = base_name(&item.dest);
            name.starts_with("test_") && name.ends_with(".py") || name.ends_with("_test.py")
        };
        let found = items.iter().filter(of_tests);
        Tests {
            graph: self.graph,
            holding: found
                .flat_map(|item| folders_of_tests(&item.dest))
                .collect(),
            idle: HashMap::new(),
        }
    }
}

/// Folders of tests of a distribution.
struct Tests<'a> {
    graph: &'a ModuleGraph,
    /// Those that hold files of tests by their names.
    holding: HashSet<&'a str>,
    /// What was found out.
    idle: HashMap<String, bool>,
}

impl Tests<'_> {
    /// Whether `folder` is one that a library can do without, and no import leads into it. `django.test` is another thing: it
    /// is for programs.
    fn idle(&mut self, folder: &str) -> bool {
        if base_name(folder) != "tests" && !self.holding.contains(folder) {
            return false;
        }
        if let Some(known) = self.idle.get(folder) {
            return *known;
        }
        let name = folder.replace('/', ".");
        let mut below = self.graph.modules.range(name.clone()..);
        let idle = !below.next().is_some_and(|(found, _)| {
            let rest = found.strip_prefix(&name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        self.idle.insert(folder.to_owned(), idle);
        idle
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn by_name(item: &Item) -> Option<Development> {
    if !item.inside && item.dest.starts_with("include/") {
        return Some(Development::Sources);
    }
    if item.dest.contains(".dSYM/") {
        return Some(Development::DebugSymbols);
    }
    let name = base_name(&item.dest);
    let (_, kind) = ENDS.into_iter().find(|(end, _)| name.ends_with(end))?;
    match kind {
        Development::StaticLibraries | Development::DebugSymbols => {
            has_magic(&item.path).then_some(kind)
        }
        _ => Some(kind),
    }
}

fn has_magic(path: &Path) -> bool {
    let mut start = [0; 32];
    let read = inputs::open(path).and_then(|mut file| file.read(&mut start));
    read.is_ok() && MAGIC.iter().any(|magic| start.starts_with(magic))
}

/// The kinds of `kinds` that the sources among `items` deal with.
fn wanted(
    distribution: &str,
    items: &[Item],
    kinds: &[Option<Development>],
) -> HashSet<Development> {
    let by_ends = |kind: &Development| ENDS.iter().any(|(_, known)| known == kind);
    let in_question = items.iter().zip(kinds);
    let in_question = in_question.filter(|(_, kind)| kind.as_ref().is_some_and(by_ends));
    let names: HashSet<&str> = in_question.map(|(item, _)| base_name(&item.dest)).collect();
    if names.is_empty() {
        return HashSet::new();
    }
    let sources = items.par_iter().zip(kinds);
    let sources = sources.filter(|(item, kind)| kind.is_none() && item.dest.ends_with(".py"));
    let named = sources.flat_map_iter(|(item, _)| {
        // Its stamp was noted when its distribution was gone through. What cannot be read is an error when it is packed.
        let content = inputs::read_unnoted(&item.path);
        named(
            &content.map_or_else(|_| Vec::new(), |(content, _)| content),
            &names,
        )
    });
    let mut named: HashSet<Development> = named.collect();
    if COMPILE_MODULES.contains(&distribution) {
        named.remove(&Development::Sources);
        named.remove(&Development::StaticLibraries);
    }
    named
}

/// The kinds of files that texts in `code` deal with: `'*.pyi'`, `f"{name}.pyx"`, and one of `names`, as in `"include/x.h"` or
/// `#include <x.h>`.
fn named(code: &[u8], names: &HashSet<&str>) -> HashSet<Development> {
    let ends = memchr::memchr3_iter(b'"', b'\'', b'>', code);
    let kinds = ends.filter_map(|at| {
        let text = &code[..at];
        let (_, kind) = ENDS
            .iter()
            .find(|(end, _)| text.ends_with(end.as_bytes()))?;
        let start = if code[at] == b'>' { b'<' } else { code[at] };
        let before = text
            .iter()
            .rposition(|byte| *byte == start || *byte == b'/')?;
        let name = std::str::from_utf8(&text[before + 1..]).ok()?;
        let stem = name.split('.').next().unwrap_or_default();
        let pattern = stem.is_empty() || stem.contains(['*', '{', '%']);
        (names.contains(name) || pattern).then_some(*kind)
    });
    let lazy = memchr::memmem::find(code, LAZY).map(|_| Development::Stubs);
    kinds.chain(lazy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_code_names() {
        let names = HashSet::from(["driver.c", "x.h"]);
        let check = |code: &str, expected: &[Development]| {
            let mut found: Vec<_> = named(code.as_bytes(), &names).into_iter().collect();
            found.sort();
            assert_eq!(found, expected, "{code}");
        };
        check("open('a/driver.c')", &[Development::Sources]);
        check("'#include <x.h>'", &[Development::Sources]);
        check("'%s.pdb' % name", &[Development::DebugSymbols]);
        check(
            "glob(\"*.pyi\") + f'{x}.h'",
            &[Development::Stubs, Development::Sources],
        );
        check(
            "lazy.attach_stub(__name__, __file__)",
            &[Development::Stubs],
        );
        check("self.c, '.py', x.h, 'x.html', 'a.c', 'see x.h', a>x.h", &[]);
    }
}
