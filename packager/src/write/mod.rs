//! From a layout to files on disk.
//!
//! What is made appears whole or not at all: it is built beside its place and renamed at the end. Same inputs, same bytes:
//! entries have a fixed order and no times, and bytecode has one form.

mod archive;
mod code;
mod compress;
#[allow(clippy::disallowed_methods, reason = "looks at outputs")]
mod disk;
mod error;
#[allow(clippy::disallowed_methods, reason = "looks at outputs")]
mod folder;
mod known;
mod large;
mod program;
mod rpath;
#[allow(clippy::disallowed_methods, reason = "looks at outputs")]
mod single_file;
pub mod strip;
#[cfg(test)]
mod tests;

pub(crate) use disk::umask;
pub use error::WriteError;

use crate::bytecode::Counts;
use crate::cache::{Cache, Shelf};
use crate::collection::{CollectedInterpreter, Collection, FileRole, GlibcVersion};
use crate::facts::InterpreterFacts;
use crate::kit::Kit;
use crate::layout::{self, Content, Layout};
use crate::modes;
use crate::plan::{BuildPlan, BundleMode};
use crate::progress::Progress;
use archive::{Item, Keep, Making};
use payload::{ArchivePath, Placement, REPORT_NAME};
use std::path::PathBuf;

/// What was made.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Output {
    /// The executable.
    pub executable: PathBuf,
    /// The folder it lies in with its files, for a one-folder bundle.
    pub folder: Option<PathBuf>,
    /// Bytes on disk: of the executable and, for a one-folder bundle, the files beside it.
    pub size: u64,
    /// Bytes of all contents before compression.
    pub uncompressed: u64,
    /// Entries.
    pub entries: usize,
    /// Modules.
    pub modules: usize,
    /// Where bytecode came from.
    pub bytecode: Counts,
    /// The lowest glibc that everything in it needs, the kit's own files included, and the file that needs it.
    pub glibc: Option<(GlibcVersion, String)>,
    /// What the reader should know, one line each.
    pub warnings: Vec<String>,
    /// Identifies the contents.
    pub content_hash: [u8; 32],
}

/// Makes the program that `plan` describes out of `collection` and `kit`. `record` is what `pack inspect` will read.
///
/// # Errors
/// When files collide, cannot be read or compiled, or the output cannot be written. What was there before is untouched
/// then, and nothing half-written is left.
pub fn output(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    collection: &Collection,
    kit: &Kit,
    record: &[u8],
    progress: &dyn Progress,
) -> Result<Output, WriteError> {
    let mut layout = layout::arrange(plan, facts, collection, kit)?;
    // Before the work: what is in the way now will be then.
    match plan.mode {
        BundleMode::OneFile => single_file::prepare(plan)?,
        BundleMode::OneDir => folder::prepare(plan)?,
    }
    let cache = open_cache(plan, facts);
    let verdicts = modes::verdicts(plan, facts, collection, &cache);
    let glibc = collection.glibc.iter().chain(&kit.glibc);
    let glibc = glibc.max_by_key(|(version, _)| *version).cloned();
    let mut program = program::program(plan, facts, &collection.interpreter, &layout, &verdicts)?;
    program.glibc = program::glibc(&program, &layout, glibc.as_ref().map(|(all, _)| *all))?;
    let code = code::compile(plan, facts, &layout, &cache, progress)?;

    let items = items(plan, &collection.interpreter, &layout, &code, record);
    let parts = Parts {
        plan,
        kit,
        items: &items,
        modules: code::modules(&layout, &code),
        program: &program,
    };
    let making = Making {
        level: plan.compression,
        cache: &cache,
        progress,
        folder: None,
        spool: &plan.dist_dir,
    };
    let written = match plan.mode {
        BundleMode::OneFile => single_file::write(parts, &making)?,
        BundleMode::OneDir => folder::write(parts, &making)?,
    };

    let mut warnings = verdicts.warnings;
    warnings.append(&mut layout.warnings);
    warnings.extend(code.warnings.iter().cloned());
    warnings.extend(cache.finish());
    Ok(Output {
        executable: written.executable,
        folder: written.folder,
        size: written.size,
        uncompressed: written.uncompressed,
        entries: written.summary.entries,
        modules: written.summary.modules,
        bytecode: code.counts,
        glibc,
        warnings,
        content_hash: written.summary.content_hash,
    })
}

/// What goes into a bundle, of either kind.
struct Parts<'a> {
    plan: &'a BuildPlan,
    kit: &'a Kit,
    items: &'a [Item<'a>],
    modules: Vec<payload::NewModule>,
    program: &'a payload::Program,
}

/// What either kind of bundle comes to.
struct Written {
    executable: PathBuf,
    folder: Option<PathBuf>,
    size: u64,
    uncompressed: u64,
    summary: payload::Summary,
}

fn open_cache(plan: &BuildPlan, facts: &InterpreterFacts) -> Cache {
    let interpreter = format!("{} {}", facts.version_text, facts.base_prefix.display());
    let app = plan.output();
    Cache::open(
        plan.cache_dir.as_deref(),
        &interpreter,
        &app.to_string_lossy(),
        plan.clean,
    )
}

/// Every entry, in the order in which it lies in the archive: first what each start reads.
fn items<'a>(
    plan: &BuildPlan,
    interpreter: &CollectedInterpreter,
    layout: &'a Layout<'_>,
    code: &'a code::Code,
    record: &'a [u8],
) -> Vec<Item<'a>> {
    let mut items = code::items(layout, code);
    // What every start loads is not decompressed at the first.
    let always = |dest: &str| {
        dest == layout::runtime(&plan.target)
            || interpreter.library.as_ref().map(ArchivePath::as_str) == Some(dest)
    };
    items.extend(layout.files.iter().map(|(dest, file)| {
        let memory = file.role == FileRole::StdlibSource;
        Item {
            path: dest.clone(),
            content: file.content,
            executable: file.executable || file.role == FileRole::Program,
            placement: if memory {
                Placement::Memory
            } else if file.on_demand {
                Placement::Demand
            } else {
                Placement::File
            },
            keep: if plan.mode == BundleMode::OneFile && always(dest) {
                Keep::Stored
            } else if memory || plan.mode == BundleMode::OneFile {
                Keep::Compressed
            } else {
                Keep::External
            },
            strip: file.strip,
            shelf: if file.interpreter {
                Shelf::Interpreter
            } else {
                Shelf::App
            },
        }
    }));
    items.push(Item {
        path: REPORT_NAME.to_owned(),
        content: Content::Bytes(record),
        executable: false,
        placement: Placement::Memory,
        keep: Keep::Compressed,
        strip: false,
        shelf: Shelf::App,
    });
    let rank = |placement| match placement {
        Placement::Memory => 0,
        Placement::File => 1,
        Placement::Demand => 2,
    };
    items.sort_by_key(|item| (rank(item.placement), item.keep != Keep::Stored));
    items
}
