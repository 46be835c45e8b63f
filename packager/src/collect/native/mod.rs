//! The closure over ELF dependencies: every library that a bundled file needs is in the bundle too, or the target has
//! it by itself.
//!
//! A library is found at run time without LD_LIBRARY_PATH and without patching files: either the RPATH or RUNPATH of the
//! one who needs it leads to it inside the bundle, or it is loaded before (`preload`), since glibc takes a library that
//! is loaded already when its SONAME is asked for.
//!
//! The same holds for Windows, where the folder of a file stands for its search path, and names have no case.

mod graph;
mod policy;
mod system;

use super::CollectError;
use super::bundle::Bundle;
use crate::collection::{
    CollectedFile, CollectedInterpreter, FileRole, FileSource, GlibcVersion, LibstdcxxVersion,
    ModuleCode,
};
use crate::elf::ElfFile;
use crate::facts::InterpreterFacts;
use crate::plan::BuildPlan;
use crate::windows::dll::Dll;
pub(super) use graph::LibraryGraph;
use graph::Node;
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What the closure gives beside the files that it adds.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) interpreter: CollectedInterpreter,
    pub(super) glibc: Option<(GlibcVersion, String)>,
    pub(super) libstdcxx: Option<(LibstdcxxVersion, String)>,
    pub(super) warnings: Vec<String>,
    /// Which library needs which.
    pub(super) libraries: LibraryGraph,
}

/// Adds the libraries that the bundle's ELF files need, and fills in what is to be loaded before what.
pub(super) fn close(
    bundle: &mut Bundle<'_>,
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    interpreter: CollectedInterpreter,
) -> Result<Closed, CollectError> {
    let machine = read(&facts.base_executable)
        .ok()
        .flatten()
        .map_or(0, |elf| elf.machine);
    let own = interpreter
        .library
        .as_ref()
        .or(interpreter.program.as_ref())
        .cloned();
    let mut libraries = LibraryGraph::new(machine, plan, facts, own.clone());
    let mut warnings = Vec::new();
    for (file, elf) in read_candidates(bundle) {
        match elf {
            Ok(Some(elf)) => sort_in(bundle, &mut libraries, file, elf, machine),
            Ok(None) => {}
            Err(error) => warnings.push(format!("`{}`: {error}; it is packed as it is", file.dest)),
        }
    }
    for added in libraries.close() {
        bundle.add_asked(added)?;
    }
    if let Some(missing) = libraries
        .missing()
        .iter()
        .find(|missing| Some(&missing.wanted_by) == own.as_ref())
    {
        return Err(CollectError::MissingLibrary {
            wanted_by: missing.source.clone(),
            needed: missing.needed.clone(),
            searched: missing.searched.clone(),
        });
    }
    warnings.extend(libraries.missing().iter().map(|missing| {
        format!(
            "`{}` needs `{}`, which was not found (looked in: {}); leave it to the target with `exclude.libraries`, or \
             install it here",
            missing.wanted_by, missing.needed, missing.searched
        )
    }));
    let interpreter = preload(bundle, &libraries, interpreter);
    Ok(Closed {
        interpreter,
        glibc: libraries.glibc(),
        libstdcxx: libraries.libstdcxx(),
        warnings,
        libraries,
    })
}

/// Reads every file of the bundle that may be an ELF file.
fn read_candidates(bundle: &Bundle<'_>) -> Vec<(CollectedFile, std::io::Result<Option<ElfFile>>)> {
    let candidates: Vec<&CollectedFile> = bundle
        .files()
        .iter()
        .filter(|file| may_be_elf(file))
        .collect();
    let read = candidates.par_iter().map(|file| match &file.source {
        FileSource::Path(path) => ((*file).clone(), read(path)),
        FileSource::Bytes(_) => ((*file).clone(), Ok(None)),
    });
    read.collect()
}

/// What an ELF or PE file says of its loading; `None` for all else.
fn read(path: &Path) -> std::io::Result<Option<ElfFile>> {
    if has_windows_end(&path.to_string_lossy()) {
        return Ok(Dll::read(path)?.map(ElfFile::from));
    }
    ElfFile::read(path)
}

/// Ends as the names of libraries, extension modules and programs for Windows do.
fn has_windows_end(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default();
    ["dll", "exe", "pyd"]
        .iter()
        .any(|known| end.eq_ignore_ascii_case(known))
}

/// `x.so`, `libx.so.1.2`, `x.pyd`, `x.dll`, and programs.
fn may_be_elf(file: &CollectedFile) -> bool {
    let name = file.dest.as_str().rsplit('/').next().unwrap_or_default();
    file.role != FileRole::StdlibSource
        && (file.executable
            || name.ends_with(".so")
            || name.contains(".so.")
            || has_windows_end(name)
            || file.role == FileRole::Native)
}

/// Gives an ELF file its role; one for this interpreter's machine takes part in the closure.
fn sort_in(
    bundle: &mut Bundle<'_>,
    libraries: &mut LibraryGraph,
    file: CollectedFile,
    elf: ElfFile,
    machine: u16,
) {
    let FileSource::Path(source) = file.source else {
        return;
    };
    if elf.machine != machine || elf.is_musl() {
        // For other systems: packed as it is, and nothing that it needs is looked for.
        bundle.set_role(&file.dest, FileRole::Data);
        return;
    }
    let role = if elf.program {
        FileRole::Program
    } else {
        FileRole::Native
    };
    bundle.set_role(&file.dest, role);
    libraries.add(Node {
        dest: file.dest,
        source,
        elf,
    });
}

/// Tells every extension module and the interpreter what is to be loaded before it.
fn preload(
    bundle: &mut Bundle<'_>,
    libraries: &LibraryGraph,
    mut interpreter: CollectedInterpreter,
) -> CollectedInterpreter {
    if let Some(own) = interpreter
        .library
        .as_ref()
        .or(interpreter.program.as_ref())
    {
        interpreter.preload = libraries.preload(own);
    }
    let loaded: HashSet<_> = interpreter.preload.iter().cloned().collect();
    for module in bundle.modules_mut() {
        if let ModuleCode::Extension { preload } = &mut module.code {
            *preload = libraries.preload(&module.dest);
            preload.retain(|library| !loaded.contains(library));
        }
    }
    interpreter
}

/// The folders of a search path on this machine: `$ORIGIN` is the folder of the file at `source`.
fn search_path(source: &Path, elf: &ElfFile) -> Vec<PathBuf> {
    let source = crate::inputs::canonicalize(source).unwrap_or_else(|_| source.to_owned());
    let origin = source
        .parent()
        .unwrap_or(Path::new("/"))
        .to_string_lossy()
        .into_owned();
    let entries = if elf.runpath.is_empty() {
        &elf.rpath
    } else {
        &elf.runpath
    };
    let expand = |entry: &String| {
        PathBuf::from(
            entry
                .replace("${ORIGIN}", "$ORIGIN")
                .replace("$ORIGIN", &origin),
        )
    };
    entries.iter().map(expand).collect()
}
