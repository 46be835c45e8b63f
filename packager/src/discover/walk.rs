//! The walk: parses what is pending in parallel, follows what was found in order, until nothing is pending.

mod beginnings;
mod follow;
mod hooked;
mod metadata;
mod names;
mod options;
mod owners;
mod plugins;
mod projects;
mod reach;
mod resources;

pub(crate) use reach::startup_modules;

use super::DiscoverError;
use super::condition::Target;
use super::evidence::Evidence;
use super::finder::{Finder, Found, STARTUP};
use super::imports::{self, Imports, Reading};
use super::takings::Takings;
use crate::facts::InterpreterFacts;
use crate::graph::{DataHint, ModuleGraph, Origin, Reason};
use crate::hooks::Hooks;
use crate::inputs;
use crate::plan::BuildPlan;
use crate::progress::{Progress, Stage};
use rayon::prelude::*;
use reach::Wish;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Deep expressions recurse deep when they are visited; threads of rayon's own pool have 2 MiB.
const STACK: usize = 32 << 20;

/// The state of a walk.
pub(super) struct Walk<'a> {
    plan: &'a BuildPlan,
    progress: &'a dyn Progress,
    target: Target,
    finder: Finder<'a>,
    takings: Takings<'a>,
    stdlib: HashSet<&'a str>,
    graph: ModuleGraph,
    pending: Vec<Job>,
    /// Files read already: a file of a distribution may be scanned first and reached later.
    read: HashMap<PathBuf, Arc<Imports>>,
    /// Who wants what, to note each pair once: (module, importer) -> place in `wanted_by`.
    sites: HashMap<(String, String), usize>,
    /// (name, importer) -> place in the graph's list.
    missing: HashMap<(String, String), usize>,
    starred: HashSet<String>,
    exports: HashMap<String, Vec<String>>,
    whole: BTreeSet<String>,
    /// Modules that are imported in every run.
    certain: HashSet<String>,
    /// Modules that run as `__main__`.
    mains: BTreeSet<String>,
    /// Who names whom as an option, each pair looked at once.
    options: HashSet<(String, String)>,
    /// What PyInstaller hooks ask for, as far as they were run.
    hooks: &'a Hooks,
}

/// A file whose imports are to be followed.
struct Job {
    path: PathBuf,
    scope: Scope,
}

/// Where imports stand.
#[derive(Clone)]
struct Scope {
    /// As in [`ImportSite`].
    importer: String,
    /// What relative imports are relative to.
    package: String,
    origin: Origin,
    depth: Depth,
    /// Imported in every run.
    certain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// An entry script.
    Script,
    /// Reached by an import.
    Reached,
    /// One of the application's own modules that belongs to a whole package and need not even be Python.
    Whole,
    /// A file of a distribution that is taken whole: only the distributions that it imports from count.
    Scanned,
}

type Parsed = Result<Arc<Imports>, DiscoverError>;

impl<'a> Walk<'a> {
    pub(super) fn new(
        plan: &'a BuildPlan,
        facts: &'a InterpreterFacts,
        progress: &'a dyn Progress,
        own: &[PathBuf],
        hooks: &'a Hooks,
    ) -> Self {
        Self {
            plan,
            progress,
            target: Target::of(facts),
            finder: Finder::new(own, facts, hooks),
            takings: Takings::new(facts, &plan.exclude.distributions),
            stdlib: facts.stdlib_modules.iter().map(String::as_str).collect(),
            graph: ModuleGraph::default(),
            pending: Vec::new(),
            read: HashMap::new(),
            sites: HashMap::new(),
            missing: HashMap::new(),
            starred: HashSet::new(),
            exports: HashMap::new(),
            whole: BTreeSet::new(),
            certain: HashSet::new(),
            mains: BTreeSet::new(),
            options: HashSet::new(),
            hooks,
        }
    }

    /// What every start of the interpreter imports.
    pub(super) fn reach_startup(&mut self) {
        for name in STARTUP {
            if self.finder.find(name).is_some() {
                self.want(name, &Wish::setting("the start of the interpreter", false));
            }
        }
    }

    pub(super) fn enter_script(
        &mut self,
        path: &Path,
        importer: &str,
    ) -> Result<(), DiscoverError> {
        if !inputs::is_file(path) {
            return Err(DiscoverError::MissingScript {
                path: path.to_owned(),
            });
        }
        let scope = Scope {
            importer: importer.to_owned(),
            package: String::new(),
            origin: Origin::App,
            depth: Depth::Script,
            certain: true,
        };
        self.pending.push(Job {
            path: path.to_owned(),
            scope,
        });
        Ok(())
    }

    /// Tells that `name` runs as `__main__`.
    pub(super) fn run_as_main(&mut self, name: &str) {
        self.mains.insert(name.to_owned());
    }

    /// A module that an entry point names; the application's own package goes in whole.
    pub(super) fn enter_module(&mut self, name: &str, setting: &str) -> Result<(), DiscoverError> {
        self.include_module(name, setting)?;
        let top = name.split('.').next().unwrap_or(name);
        if self
            .finder
            .find(top)
            .is_some_and(|found| found.origin == Origin::App)
        {
            self.take_package_whole(top);
        }
        Ok(())
    }

    pub(super) fn include_module(
        &mut self,
        name: &str,
        wanted_by: &str,
    ) -> Result<(), DiscoverError> {
        if self.want(name, &Wish::setting(wanted_by, false)).is_some() {
            return Ok(());
        }
        let searched = self
            .finder
            .roots()
            .iter()
            .map(|root| root.path.clone())
            .collect();
        Err(DiscoverError::NoModule {
            name: name.to_owned(),
            wanted_by: wanted_by.to_owned(),
            searched,
        })
    }

    /// All that can be found below `package`.
    pub(super) fn include_submodules(&mut self, package: &str, wanted_by: &str) {
        let Some(found) = self.finder.find(package) else {
            return;
        };
        for name in self.finder.submodules(&found) {
            let name = format!("{package}.{name}");
            if self.want(&name, &Wish::setting(wanted_by, true)).is_some() {
                self.include_submodules(&name, wanted_by);
            }
        }
    }

    /// Takes the distribution, or that of the top-level package, of this name whole; false when there is neither.
    pub(super) fn include_distribution(&mut self, name: &str) -> bool {
        let (bare, extras) = name.split_once('[').unwrap_or((name, ""));
        let extras: Vec<String> = extras
            .trim_end_matches(']')
            .split(',')
            .filter(|e| !e.is_empty())
            .map(crate::installed::normalise)
            .collect();
        let reason = Reason::Setting("[include] distributions");
        if let Some(distribution) = self.takings.named(bare) {
            self.take(distribution, &extras, reason);
            return true;
        }
        let Some(found) = self.finder.find(bare) else {
            return false;
        };
        match found.origin {
            Origin::ThirdParty => match self.owner(bare, &found) {
                Some(owner) => self.take(owner, &extras, reason),
                // A namespace: the distributions that have a part of it.
                None => {
                    for part in self.finder.submodules(&found) {
                        self.include_distribution(&format!("{bare}.{part}"));
                    }
                }
            },
            Origin::App => self.include_own(bare, &found),
            Origin::Stdlib => self.include_whole(bare),
        }
        true
    }

    fn include_whole(&mut self, name: &str) {
        self.want(name, &Wish::setting("[include] distributions", true));
        self.take_package_whole(name);
    }

    /// A package of the application itself, with its data. It may lie in the project's folder, with anything beside it, so
    /// nobody's data is taken unasked.
    fn include_own(&mut self, name: &str, found: &Found) {
        self.include_whole(name);
        if found.is_package() {
            self.graph.data_packages.insert(name.to_owned());
        } else {
            self.warn(format!(
                "`{name}` is a module, which goes in; data files belong to packages, and files beside a module are added \
                 with `--add-data`"
            ));
        }
    }

    pub(super) fn warn(&mut self, line: String) {
        self.graph.warnings.push(line);
    }

    pub(super) fn finds(&mut self, name: &str) -> bool {
        self.finder.find(name).is_some()
    }

    pub(super) fn is_package(&mut self, name: &str) -> bool {
        self.finder
            .find(name)
            .is_some_and(|found| found.is_package())
    }

    /// Follows everything that is pending and gives the graph.
    pub(super) fn finish(mut self) -> Result<ModuleGraph, DiscoverError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .stack_size(STACK)
            .start_handler(inputs::carry())
            .thread_name(|_| "parse".into())
            .build()
            .ok();
        while !self.pending.is_empty() || self.take_options() {
            let wave = std::mem::take(&mut self.pending);
            let parsed = match &pool {
                Some(pool) => pool.install(|| self.parse(&wave)),
                None => self.parse(&wave),
            };
            for (job, parsed) in wave.into_iter().zip(parsed) {
                self.follow_file(job, parsed)?;
            }
        }
        Ok(self.conclude())
    }

    fn parse(&self, wave: &[Job]) -> Vec<Parsed> {
        wave.par_iter().map(|job| self.parse_one(job)).collect()
    }

    fn parse_one(&self, job: &Job) -> Parsed {
        if let Some(imports) = self.read.get(&job.path) {
            return Ok(Arc::clone(imports));
        }
        self.progress.advance(Stage::Discover, 1);
        let own = job.scope.origin == Origin::App;
        let bytes = match inputs::read(&job.path) {
            Ok(bytes) => bytes,
            Err(source) if own => {
                return Err(DiscoverError::Read {
                    path: job.path.clone(),
                    source,
                });
            }
            // A RECORD may name what is gone; that is found out, with its name, when files are collected.
            Err(_) => return Ok(Arc::default()),
        };
        let reading = Reading {
            target: &self.target,
            own,
            script: job.scope.depth == Depth::Script || self.mains.contains(&job.scope.importer),
        };
        imports::read(&bytes, reading)
            .map(Arc::new)
            .map_err(|problem| DiscoverError::Syntax {
                path: job.path.clone(),
                line: problem.line,
                column: problem.column,
                message: problem.message,
            })
    }

    fn follow_file(&mut self, job: Job, parsed: Parsed) -> Result<(), DiscoverError> {
        let Job { path, scope } = job;
        let imports = match parsed {
            Ok(imports) => imports,
            Err(DiscoverError::Syntax { .. }) if scope.depth == Depth::Whole => {
                self.forget(&path, &scope.importer);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        // A file that is followed again has told what data it names.
        if !self.read.contains_key(&path) {
            self.note_data(&path, &scope, &imports);
            self.follow_stub(&path, &scope, &imports);
            self.follow_names(&path, &scope, &imports.names);
            self.take_metadata(&scope, &imports.metadata);
        }
        self.take_plugins(&scope, &imports.groups);
        if scope.depth == Depth::Scanned {
            self.scan_file(&scope, &imports.imports);
        } else {
            self.follow_imports(&scope, &imports.imports);
        }
        if scope.depth == Depth::Reached
            && !imports.exports.is_empty()
            && self.is_package(&scope.importer)
        {
            self.exports
                .insert(scope.importer.clone(), imports.exports.clone());
            self.follow_star(&scope.importer, &scope.origin);
        }
        self.read.insert(path, imports);
        Ok(())
    }

    fn note_data(&mut self, path: &Path, scope: &Scope, imports: &Imports) {
        let hint = |evidence: &Evidence| DataHint {
            file: path.to_owned(),
            line: evidence.line,
            named_by: None,
            path: evidence.path.clone(),
            folder: evidence.folder,
            relative: evidence.relative,
        };
        self.graph
            .data
            .extend(imports.evidence.paths.iter().map(hint));
        self.note_resources(path, scope, &imports.evidence);
        let libraries = imports.libraries.iter().cloned();
        let libraries = libraries.map(|library| (path.to_owned(), library));
        self.graph.libraries.extend(libraries);
    }

    /// Lazy imports stand in a stub, which is read at run time.
    fn follow_stub(&mut self, path: &Path, scope: &Scope, imports: &Imports) {
        let stub = path.with_extension("pyi");
        let (Some(line), Some(name)) = (imports.lazy, stub.file_name()) else {
            return;
        };
        if scope.origin != Origin::App || !inputs::is_file(&stub) {
            return;
        }
        self.graph.data.push(DataHint {
            file: path.to_owned(),
            line,
            named_by: None,
            path: name.to_string_lossy().into_owned(),
            folder: false,
            relative: false,
        });
        self.pending.push(Job {
            path: stub,
            scope: scope.clone(),
        });
    }

    /// A file of a whole package that is no Python (a template for sources, say) is no module.
    fn forget(&mut self, path: &Path, module: &str) {
        self.graph.modules.remove(module);
        self.graph.warnings.push(format!(
            "`{}` is no Python for the target and is left out",
            path.display()
        ));
    }
}
