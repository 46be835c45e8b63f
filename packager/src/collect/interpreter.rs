//! The interpreter itself: its shared library, or its program when it has none.

use super::bundle::Bundle;
use super::{CollectError, stdlib};
use crate::collection::{CollectedFile, CollectedInterpreter, FileRole, FileSource};
use crate::discover::startup_modules;
use crate::elf::ElfFile;
use crate::facts::InterpreterFacts;
use crate::graph::ModuleGraph;
use payload::{ArchivePath, PathError};
use std::path::Path;

/// Codecs that a locale can ask for before the first import is served from memory.
const LOCALE_CODECS: [&str; 3] = [
    "encodings.iso8859_1",
    "encodings.iso8859_15",
    "encodings.cp1252",
];

pub(super) fn collect(
    bundle: &mut Bundle<'_>,
    facts: &InterpreterFacts,
    graph: &ModuleGraph,
) -> Result<CollectedInterpreter, CollectError> {
    let why = format!(
        "Python {}.{}.{}",
        facts.version.0, facts.version.1, facts.version.2
    );
    if let Some(library) = &facts.libpython {
        let dest = place(bundle, library, "lib", FileRole::Native, why.clone())?;
        // What extension modules of the stable ABI and our runtime name; it passes on to the other.
        let stable = library.with_file_name("python3.dll");
        if library.extension().is_some_and(|end| end == "dll") {
            place(bundle, &stable, "lib", FileRole::Native, why)?;
        }
        if facts.uncompiled {
            // Sources that CPython compiles itself, before there is an importer that keeps what comes of it.
            stdlib::keep_startup_on_disk(bundle, facts, &startup_modules(graph));
            stdlib::keep_codecs_on_disk(bundle, facts);
        }
        return Ok(CollectedInterpreter {
            library: Some(dest),
            ..CollectedInterpreter::default()
        });
    }
    needs_no_library(facts)?;
    let mut startup = startup_modules(graph);
    startup.extend(LOCALE_CODECS.map(str::to_owned));
    stdlib::keep_startup_on_disk(bundle, facts, &startup);
    let dest = place(
        bundle,
        &facts.base_executable,
        "bin",
        FileRole::Program,
        why,
    )?;
    Ok(CollectedInterpreter {
        program: Some(dest),
        ..CollectedInterpreter::default()
    })
}

/// A program that was linked against a libpython which is not there cannot be packed alone.
fn needs_no_library(facts: &InterpreterFacts) -> Result<(), CollectError> {
    let wanted_by = facts.base_executable.clone();
    let read = |source| CollectError::Read {
        path: wanted_by.clone(),
        source,
    };
    let elf = ElfFile::read(&wanted_by).map_err(read)?.unwrap_or_default();
    match elf.needed.iter().find(|name| name.starts_with("libpython")) {
        Some(needed) => Err(CollectError::MissingLibrary {
            needed: needed.clone(),
            searched: format!("{0}/lib, {0}/lib64, /usr/lib", facts.base_prefix.display()),
            wanted_by,
        }),
        None => Ok(()),
    }
}

fn place(
    bundle: &mut Bundle<'_>,
    path: &Path,
    folder: &str,
    role: FileRole,
    why: String,
) -> Result<ArchivePath, CollectError> {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    let dest = ArchivePath::new(format!("{folder}/{name}"));
    let dest = dest.map_err(|source: PathError| CollectError::Name {
        path: path.to_owned(),
        source,
    })?;
    let source = FileSource::Path(path.to_owned());
    bundle.add_asked(CollectedFile {
        dest: dest.clone(),
        source,
        role,
        executable: true,
        why,
    })?;
    Ok(dest)
}
