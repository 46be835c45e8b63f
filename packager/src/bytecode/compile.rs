//! From modules to canonical bytecode, in parallel.

use super::worker::{Answer, Worker};
use super::{installed, marshal};
use crate::cache::{self, Cache, Key, Shelf};
use crate::facts::InterpreterFacts;
use crate::progress::{Progress, Stage};
use rayon::prelude::*;
use std::borrow::Cow;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Source bytes that are worth a process of their own: starting one costs about as much as compiling this.
const BYTES_PER_WORKER: usize = 64 << 10;

/// A module to be compiled, or taken over.
#[derive(Debug, Clone)]
pub enum SourceModule<'a> {
    /// A source file.
    File(&'a Path),
    /// Source without a file.
    Text(&'a [u8]),
    /// A sourceless `.pyc`.
    Bytecode(&'a Path),
}

/// What compiles.
pub struct Compiler<'a> {
    /// The target interpreter.
    pub facts: &'a InterpreterFacts,
    /// Optimisation level, 0 to 2.
    pub optimize: u8,
    /// Where results are kept.
    pub cache: &'a Cache,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// A module's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiled {
    /// Canonical marshal data.
    Code(Vec<u8>),
    /// Nothing here compiles it; the program does.
    Left,
    /// The source does not compile.
    Refused {
        /// 1-based line, 0 when none is known.
        line: u32,
        /// CPython's words.
        message: String,
    },
}

/// Where bytecode came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Taken from installed `.pyc` files.
    pub installed: usize,
    /// Compiled by an earlier build.
    pub cached: usize,
    /// Compiled now.
    pub compiled: usize,
    /// Left to the program.
    #[serde(default)]
    pub left: usize,
}

/// Why bytecode could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A module's file cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A sourceless `.pyc` of another interpreter.
    #[error("`{}` was compiled by another Python than {version}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The target's version.
        version: String,
    },
    /// A sourceless `.pyc` that is damaged.
    #[error("`{}` is not valid bytecode: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: marshal::MarshalError,
    },
    /// The interpreter did not start or did not last.
    #[error("`{}` failed while compiling {what}{}", python.display(), quoted(complaints))]
    Worker {
        /// The interpreter.
        python: PathBuf,
        /// A module's file name.
        what: String,
        /// What it wrote to stderr.
        complaints: String,
        /// The failure as it was seen from here.
        source: io::Error,
    },
}

fn quoted(complaints: &str) -> String {
    if complaints.is_empty() {
        String::new()
    } else {
        format!(":\n{complaints}")
    }
}

/// A module that no result was found for.
struct Pending<'a> {
    number: usize,
    name: &'a str,
    source: Cow<'a, [u8]>,
    key: Key,
    shelf: Shelf,
}

enum Found<'a> {
    Installed(Vec<u8>),
    Cached(Vec<u8>),
    Left,
    Pending(Pending<'a>),
}

/// One module: what it is, the file name in its code objects, and whose it is.
pub type Job<'a> = (SourceModule<'a>, &'a str, Shelf);

impl Compiler<'_> {
    /// The bytecode of `jobs`, in their order.
    ///
    /// # Errors
    /// When a file cannot be read or the interpreter fails; a source that does not compile is an outcome, not an error.
    pub fn compile(&self, jobs: &[Job<'_>]) -> Result<(Vec<Compiled>, Counts), CompileError> {
        self.progress.start(Stage::Compile, jobs.len() as u64);
        let found = (0..jobs.len())
            .into_par_iter()
            .map(|number| self.find(number, &jobs[number]))
            .collect::<Result<Vec<_>, _>>()?;
        let mut counts = Counts::default();
        let mut pending = Vec::new();
        let mut outcomes: Vec<Compiled> = Vec::with_capacity(found.len());
        for found in found {
            outcomes.push(match found {
                Found::Installed(code) => {
                    counts.installed += 1;
                    Compiled::Code(code)
                }
                Found::Cached(code) => {
                    counts.cached += 1;
                    Compiled::Code(code)
                }
                Found::Left => {
                    counts.left += 1;
                    Compiled::Left
                }
                Found::Pending(module) => {
                    pending.push(module);
                    // Until the workers are done.
                    Compiled::Code(Vec::new())
                }
            });
        }
        counts.compiled = pending.len();
        let compiled = self.run_workers(&pending)?;
        for (module, outcome) in pending.iter().zip(compiled) {
            outcomes[module.number] = outcome;
        }
        self.progress.finish(Stage::Compile);
        Ok((outcomes, counts))
    }

    fn find<'j>(
        &self,
        number: usize,
        (module, name, shelf): &Job<'j>,
    ) -> Result<Found<'j>, CompileError> {
        let found = match module {
            SourceModule::Bytecode(path) => {
                return self.take_over(path, name).map(Found::Installed);
            }
            SourceModule::Text(source) => self.look_up(number, name, Cow::Borrowed(source), *shelf),
            SourceModule::File(path) => {
                // Installed bytecode that is not understood is compiled anew.
                let installed = installed::code(self.facts, path, self.optimize);
                match installed
                    .and_then(|code| marshal::canonical(&code, self.facts.version, name).ok())
                {
                    Some(code) => Found::Installed(code),
                    None => self.look_up(number, name, Cow::Owned(read(path)?), *shelf),
                }
            }
        };
        if !matches!(found, Found::Pending(_)) {
            self.progress.advance(Stage::Compile, 1);
        }
        Ok(found)
    }

    fn look_up<'j>(
        &self,
        number: usize,
        name: &'j str,
        source: Cow<'j, [u8]>,
        shelf: Shelf,
    ) -> Found<'j> {
        let facts = self.facts;
        if facts.uncompiled {
            // What an earlier build has compiled is not looked for: the same inputs give the same bytes.
            return Found::Left;
        }
        let key = cache::key(&[
            b"code",
            facts.implementation.as_bytes(),
            facts.version_text.as_bytes(),
            facts.magic_number.as_bytes(),
            &[self.optimize],
            name.as_bytes(),
            &source,
        ]);
        match self.cache.get(shelf, &key) {
            Some(code) => Found::Cached(code),
            None => Found::Pending(Pending {
                number,
                name,
                source,
                key,
                shelf,
            }),
        }
    }

    /// Sourceless bytecode: nothing can be compiled in its place.
    fn take_over(&self, path: &Path, name: &str) -> Result<Vec<u8>, CompileError> {
        let bytes = read(path)?;
        let code = bytes.get(installed::HEADER..).unwrap_or_default();
        if !installed::has_magic(&bytes, &self.facts.magic_number) {
            let (major, minor, micro) = self.facts.version;
            return Err(CompileError::Foreign {
                path: path.to_owned(),
                version: format!("{major}.{minor}.{micro}"),
            });
        }
        let damaged = |reason| CompileError::Damaged {
            path: path.to_owned(),
            reason,
        };
        self.progress.advance(Stage::Compile, 1);
        marshal::canonical(code, self.facts.version, name).map_err(damaged)
    }

    fn run_workers(&self, pending: &[Pending<'_>]) -> Result<Vec<Compiled>, CompileError> {
        let bytes: usize = pending.iter().map(|module| module.source.len()).sum();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = processors
            .min(bytes.div_ceil(BYTES_PER_WORKER))
            .clamp(1, pending.len().max(1));
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::with_capacity(pending.len()));
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|_| scope.spawn(|| self.run_worker(pending, &next, &outcomes)))
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })?;
        let mut outcomes = outcomes
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        outcomes.sort_by_key(|(number, _)| *number);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    fn run_worker(
        &self,
        pending: &[Pending<'_>],
        next: &AtomicUsize,
        outcomes: &Mutex<Vec<(usize, Compiled)>>,
    ) -> Result<(), CompileError> {
        let mut worker = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(module) = pending.get(number) else {
                return Ok(());
            };
            let mut running = match worker.take() {
                Some(running) => running,
                None => Worker::start(&self.facts.executable)
                    .map_err(|error| self.failed(module, String::new(), error))?,
            };
            let outcome = match running.compile(module.name, &module.source, self.optimize) {
                Ok(Answer::Code(code)) => Compiled::Code(self.finish(module, code)),
                Ok(Answer::Refused { line, message }) => Compiled::Refused { line, message },
                Err(error) => {
                    next.store(pending.len(), Ordering::Relaxed);
                    return Err(self.failed(module, running.complaints(), error));
                }
            };
            worker = Some(running);
            outcomes
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push((number, outcome));
            self.progress.advance(Stage::Compile, 1);
        }
    }

    fn finish(&self, module: &Pending<'_>, code: Vec<u8>) -> Vec<u8> {
        // A stream that is not understood (of a later CPython, of PyPy) is right as it is: it was compiled under this
        // name. It may differ from one build to the next.
        let code = marshal::canonical(&code, self.facts.version, module.name).unwrap_or(code);
        self.cache.put(module.shelf, &module.key, &code);
        code
    }

    fn failed(&self, module: &Pending<'_>, complaints: String, source: io::Error) -> CompileError {
        CompileError::Worker {
            python: self.facts.executable.clone(),
            what: format!("`{}`", module.name),
            complaints,
            source,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CompileError> {
    crate::inputs::read(path).map_err(|source| CompileError::Read {
        path: path.to_owned(),
        source,
    })
}
