//! Bytecode of the modules of a layout, and their places in the index.

use super::WriteError;
use super::archive::{Item, Keep};
use super::program::SCRIPT;
use crate::bytecode::{Compiled, Compiler, Counts, Job, SourceModule};
use crate::cache::{Cache, Shelf};
use crate::facts::InterpreterFacts;
use crate::layout::{Content, Layout, PlacedCode, PlacedModule};
use crate::plan::BuildPlan;
use crate::progress::Progress;
use payload::{ArchivePath, NewModule, Placement};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Longer names of entries than this are replaced: a component of a path has 255 bytes at most.
const MAX_NAME: usize = 200;

/// The bytecode of a bundle.
#[derive(Debug, Default)]
pub(super) struct Code {
    /// By module name; modules without bytecode are not there.
    pub(super) marshalled: BTreeMap<String, Vec<u8>>,
    pub(super) counts: Counts,
    pub(super) warnings: Vec<String>,
    /// Modules that the program compiles.
    left: BTreeSet<String>,
    /// Modules left out because their source does not compile.
    skipped: Vec<String>,
}

/// Compiles every module of `layout`. One of the application's that does not compile is an error; others are left
/// out, as they would fail on import: templates, tests for other versions of Python.
pub(super) fn compile(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    layout: &Layout<'_>,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<Code, WriteError> {
    let modules: Vec<(&String, &PlacedModule<'_>)> = layout
        .modules
        .iter()
        .filter(|(_, module)| !matches!(module.code, PlacedCode::Extension(_)))
        .collect();
    let jobs: Vec<Job<'_>> = modules
        .iter()
        .filter_map(|(_, module)| job(module))
        .collect();
    let compiler = Compiler {
        facts,
        optimize: plan.optimize,
        cache,
        progress,
    };
    let (outcomes, counts) = compiler.compile(&jobs)?;
    let mut code = Code {
        counts,
        ..Code::default()
    };
    for ((name, module), outcome) in modules.into_iter().zip(outcomes) {
        match outcome {
            Compiled::Code(marshalled) => {
                code.marshalled.insert(name.clone(), marshalled);
            }
            Compiled::Left => {
                code.left.insert(name.clone());
            }
            Compiled::Refused { line, message } => {
                code.refuse(facts, name, module, line, message)?;
            }
        }
    }
    code.tell_of_sources(facts);
    Ok(code)
}

fn job<'a>(module: &'a PlacedModule<'_>) -> Option<Job<'a>> {
    let source = match &module.code {
        PlacedCode::Source(Content::Path(path)) => SourceModule::File(path),
        PlacedCode::Source(Content::Bytes(text)) => SourceModule::Text(text),
        PlacedCode::Bytecode(path) => SourceModule::Bytecode(path),
        PlacedCode::Extension(_) => return None,
    };
    Some((source, &module.dest, shelf(module)))
}

fn shelf(module: &PlacedModule<'_>) -> Shelf {
    if module.dest.starts_with("lib/python") {
        Shelf::Interpreter
    } else {
        Shelf::App
    }
}

impl Code {
    fn tell_of_sources(&mut self, facts: &InterpreterFacts) {
        if self.left.is_empty() {
            return;
        }
        let (major, minor, _) = facts.version;
        let kept = "its first start compiles what it imports and keeps that for later ones";
        self.warnings.push(format!(
            "no CPython {major}.{minor} of this machine compiles for the target, so the program holds {} modules as \
             sources: {kept} (`uv python install {major}.{minor}` or `pyenv install {major}.{minor}`, and they are \
             compiled here)",
            self.left.len()
        ));
    }

    fn refuse(
        &mut self,
        facts: &InterpreterFacts,
        name: &str,
        module: &PlacedModule<'_>,
        line: u32,
        message: String,
    ) -> Result<(), WriteError> {
        let path = match module.code {
            PlacedCode::Source(Content::Path(path)) => path,
            _ => Path::new(&module.dest),
        };
        if module.reached && (name.starts_with(SCRIPT) || !is_foreign(facts, path)) {
            return Err(WriteError::Syntax {
                path: path.to_owned(),
                line,
                message,
            });
        }
        if module.reached {
            self.warnings.push(format!(
                "`{name}` cannot be imported: {}: {message}",
                place(path, line)
            ));
        }
        self.skipped.push(name.to_owned());
        Ok(())
    }
}

/// Of the interpreter or installed for it: not the reader's to repair.
fn is_foreign(facts: &InterpreterFacts, path: &Path) -> bool {
    facts
        .site_packages
        .iter()
        .chain([&facts.stdlib])
        .any(|folder| path.starts_with(folder))
}

/// `FILE:LINE`, or the file alone.
pub(super) fn place(path: &Path, line: u32) -> String {
    if line == 0 {
        path.display().to_string()
    } else {
        format!("{}:{line}", path.display())
    }
}

/// The entries of all bytecode.
pub(super) fn items<'a>(layout: &'a Layout<'_>, code: &'a Code) -> Vec<Item<'a>> {
    let item = |(name, marshalled): (&'a String, &'a Vec<u8>)| {
        let module = layout.modules.get(name)?;
        Some(Item {
            path: entry_name(name, "marshal"),
            content: Content::Bytes(marshalled),
            executable: false,
            placement: Placement::Memory,
            keep: if module.reached && shelf(module) == Shelf::Interpreter {
                Keep::Stored
            } else {
                Keep::Compressed
            },
            strip: false,
            shelf: shelf(module),
        })
    };
    let bytecode = code.marshalled.iter().filter_map(item);
    bytecode.chain(sources(layout, code)).collect()
}

/// Sources that the program compiles, of modules without a file.
fn sources<'a>(layout: &'a Layout<'_>, code: &Code) -> Vec<Item<'a>> {
    let without_file = layout.modules.iter().filter(|(name, module)| {
        code.left.contains(*name) && !layout.files.contains_key(&module.dest)
    });
    let item = |(name, module): (&String, &'a PlacedModule<'_>)| {
        let PlacedCode::Source(content) = module.code else {
            return None;
        };
        Some(Item {
            path: entry_name(name, "py"),
            content,
            executable: false,
            placement: Placement::Memory,
            keep: Keep::Compressed,
            strip: false,
            shelf: shelf(module),
        })
    };
    without_file.filter_map(item).collect()
}

/// The module table.
pub(super) fn modules(layout: &Layout<'_>, code: &Code) -> Vec<NewModule> {
    let there = |dest: &str| layout.files.contains_key(dest).then(|| dest.to_owned());
    let module = |(name, module): (&String, &PlacedModule<'_>)| {
        let mut new = NewModule {
            name: name.clone(),
            package: module.package,
            file: module.dest.clone(),
            needs: names(module.needs),
            ..NewModule::default()
        };
        match module.code {
            PlacedCode::Extension(preload) => {
                new.extension = true;
                new.code = there(&module.dest);
                new.preload = names(preload);
            }
            PlacedCode::Source(_) | PlacedCode::Bytecode(_) => {
                let marshalled = code.marshalled.contains_key(name);
                new.code = marshalled.then(|| entry_name(name, "marshal"));
                let is_source = matches!(module.code, PlacedCode::Source(_));
                let left = || code.left.contains(name).then(|| entry_name(name, "py"));
                new.source = there(&module.dest).filter(|_| is_source).or_else(left);
            }
        }
        new
    };
    layout
        .modules
        .iter()
        .filter(|(name, _)| !code.skipped.contains(name))
        .map(module)
        .collect()
}

fn names(paths: &[ArchivePath]) -> Vec<String> {
    paths.iter().map(|path| path.as_str().to_owned()).collect()
}

/// `.pack/code/os.path.marshal`.
fn entry_name(module: &str, kind: &str) -> String {
    if module.len() <= MAX_NAME {
        return format!(".pack/code/{module}.{kind}");
    }
    let hash = crate::cache::key(&[module.as_bytes()]);
    let hash: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(".pack/code/#{hash}.{kind}")
}
