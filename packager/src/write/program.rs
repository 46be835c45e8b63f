//! The settings that bootloader and runtime act on.

use super::WriteError;
use crate::collection::{CollectedInterpreter, GlibcVersion};
use crate::elf::ElfFile;
use crate::facts::InterpreterFacts;
use crate::layout::{self, Content, Layout, PlacedCode};
use crate::modes::Verdicts;
use crate::plan::{BuildPlan, BundleMode, Entry, UnpackPolicy};
use payload::{EntryPoint, Glibc, Program, Python, PythonStart, Target, Unpack};
use std::collections::BTreeMap;
use std::path::Path;

/// Begins the names of entry scripts in the module table.
pub(super) const SCRIPT: &str = "[script] ";

/// The settings of the program that `plan` describes.
pub(super) fn program(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    interpreter: &CollectedInterpreter,
    layout: &Layout<'_>,
    verdicts: &Verdicts,
) -> Result<Program, WriteError> {
    let mut entries = vec![entry_point("", &plan.entry, layout)?];
    for (name, entry) in &plan.commands {
        entries.push(entry_point(name, entry, layout)?);
    }
    let hooks = plan.runtime_hooks.iter().map(|hook| script(hook, layout));
    Ok(Program {
        name: plan.name.clone(),
        id: plan.id.clone(),
        version: plan.version.clone().unwrap_or_default(),
        python: Python {
            version: facts.version,
            free_threaded: facts.free_threaded,
            start: start(interpreter)?,
            preload: interpreter
                .preload
                .iter()
                .map(|path| path.as_str().to_owned())
                .collect(),
        },
        runtime: layout::runtime(&plan.target).to_owned(),
        entries,
        runtime_hooks: hooks.collect::<Result<_, _>>()?,
        unpack: match plan.unpack {
            UnpackPolicy::Reuse => Unpack::Reuse,
            UnpackPolicy::Each => Unpack::Each,
        },
        runtime_tmpdir: plan
            .runtime_tmpdir
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned()),
        contents_directory: (plan.mode == BundleMode::OneDir)
            .then(|| plan.contents_directory.clone()),
        optimize: plan.optimize,
        windowed: plan.windowed,
        refuse_own_gil: verdicts.refuse_own_gil.clone(),
        need_gil: verdicts.need_gil.clone(),
        glibc: None,
        facts: build_facts(plan, facts),
    })
}

/// What `program` needs of a system's glibc where all that is in the bundle needs `all`: its interpreter may do with less.
pub(super) fn glibc(
    program: &Program,
    layout: &Layout<'_>,
    all: Option<GlibcVersion>,
) -> Result<Option<Glibc>, WriteError> {
    let Some(GlibcVersion(major, minor)) = all else {
        return Ok(None);
    };
    let (PythonStart::Library(interpreter) | PythonStart::Program(interpreter)) =
        &program.python.start;
    let mut start = (0, 0);
    for path in program.python.preload.iter().chain([interpreter]) {
        let Some(file) = layout.files.get(path) else {
            continue;
        };
        let read = |(path, source)| WriteError::Read { path, source };
        let (content, _) = file.content.read_whole().map_err(read)?;
        let elf = ElfFile::parse(&content).ok().flatten();
        if let Some(GlibcVersion(major, minor)) = elf.and_then(|elf| elf.glibc) {
            start = start.max((major, minor));
        }
    }
    Ok(Some(Glibc {
        start,
        all: (major, minor),
    }))
}

/// What `sys._pack` shows.
fn build_facts(plan: &BuildPlan, facts: &InterpreterFacts) -> BTreeMap<String, String> {
    let mut shown = vec![
        ("pack", env!("CARGO_PKG_VERSION")),
        ("target", plan.target.as_str()),
        ("python", facts.version_text.as_str()),
        ("implementation", facts.implementation.as_str()),
    ];
    if plan.windowed && !plan.windowed_traceback {
        // Read by the runtime's windowed.py.
        shown.push(("windowed_traceback", "no"));
    }
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    shown.into_iter().map(owned).collect()
}

fn start(interpreter: &CollectedInterpreter) -> Result<PythonStart, WriteError> {
    match (&interpreter.library, &interpreter.program) {
        (_, Some(program)) => Ok(PythonStart::Program(program.as_str().to_owned())),
        (Some(library), None) => Ok(PythonStart::Library(library.as_str().to_owned())),
        (None, None) => Err(WriteError::NoInterpreter),
    }
}

fn entry_point(name: &str, entry: &Entry, layout: &Layout<'_>) -> Result<EntryPoint, WriteError> {
    let target = match entry {
        Entry::Script(path) => Target::Script(script(path, layout)?),
        Entry::Module(module) => Target::Module(module.clone()),
        Entry::Function { module, function } => Target::Function {
            module: module.clone(),
            function: function.clone(),
        },
        Entry::Wsgi(wsgi) => Target::Wsgi(wsgi.clone()),
    };
    Ok(EntryPoint {
        name: name.to_owned(),
        target,
    })
}

/// Where the script at `path` is in the bundle: what is behind [`SCRIPT`] in its module's name.
fn script(path: &Path, layout: &Layout<'_>) -> Result<String, WriteError> {
    let is_it = |code: &PlacedCode<'_>| matches!(code, PlacedCode::Source(Content::Path(source)) if *source == path);
    let scripts = layout
        .modules
        .iter()
        .filter_map(|(name, module)| Some((name.strip_prefix(SCRIPT)?, module)));
    let found = scripts
        .filter(|(_, module)| is_it(&module.code))
        .map(|(dest, _)| dest.to_owned())
        .next();
    found.ok_or_else(|| WriteError::NoScript {
        path: path.to_owned(),
    })
}
