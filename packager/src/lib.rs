//! The `pack` command: configure, discover, collect, lay out, write.

// Tests look at what they like.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

#[allow(
    clippy::disallowed_methods,
    reason = "where archives are unpacked to is no input"
)]
pub mod archives;
pub mod brand;
pub mod bytecode;
#[allow(
    clippy::disallowed_methods,
    reason = "results are known by what they are made of"
)]
pub mod cache;
#[allow(clippy::disallowed_methods, reason = "no part of a build")]
pub mod cli;
pub mod collect;
pub mod collection;
#[allow(clippy::disallowed_methods, reason = "done anew by every build")]
pub mod configure;
pub mod development;
pub mod discover;
pub mod doctor;
pub mod elf;
pub mod facts;
pub mod graph;
pub mod hooks;
pub mod icon;
#[allow(clippy::disallowed_methods, reason = "this is what the others use")]
pub mod inputs;
pub mod installed;
pub mod interpreter;
pub mod interrupt;
pub mod kit;
pub mod layout;
#[allow(
    clippy::disallowed_methods,
    reason = "a build that fails has no inputs"
)]
pub mod look;
pub mod modes;
pub mod pe;
pub mod plan;
pub mod progress;
#[allow(clippy::disallowed_methods, reason = "no part of a build")]
pub mod pythons;
pub mod record;
pub mod report;
#[allow(
    clippy::disallowed_methods,
    reason = "what is installed is looked at when it is packed"
)]
pub mod requirements;
#[allow(clippy::disallowed_methods, reason = "looks at outputs")]
pub mod sign;
mod stack;
pub mod summary;
#[allow(
    clippy::disallowed_methods,
    reason = "no part of a build, but for the traces that one reads"
)]
pub mod trace;
#[allow(clippy::disallowed_methods, reason = "no part of a build")]
pub mod unpacked;
#[allow(
    clippy::disallowed_methods,
    reason = "this is what looks at the inputs again"
)]
pub mod uptodate;
#[allow(
    clippy::disallowed_methods,
    reason = "where archives are unpacked to is no input"
)]
pub mod windows;
pub mod write;

#[cfg(test)]
mod testing;

use brand::BrandError;
use collect::CollectError;
use collection::{Collection, FoundData, GlibcVersion, LibstdcxxVersion};
use configure::{ConfigError, Request};
use development::StayedBehind;
use discover::DiscoverError;
use facts::InterpreterFacts;
use graph::{MissingImport, ModuleGraph};
use interpreter::InterpreterError;
use kit::{Kit, KitError};
use modes::ModeError;
use plan::BuildPlan;
use progress::{Progress, Stage};
use record::Record;
use report::Printer;
use requirements::RequirementsError;
use sign::SignError;
use std::time::{Duration, Instant};
use write::{Output, WriteError};

/// What a build has come to.
#[derive(Debug)]
pub struct Built {
    /// What it was asked for.
    pub plan: BuildPlan,
    /// What is there now.
    pub made: Made,
    /// It was there already, and nothing was done.
    pub up_to_date: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a build has made, and what there is to tell about it.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Made {
    /// What is on disk.
    pub output: Output,
    /// Major, minor, micro.
    pub python_version: (u8, u8, u8),
    /// Number of third-party distributions.
    pub distributions: usize,
    /// Number of files.
    pub files: usize,
    /// The distributions whose files are the largest together, and their bytes before compression.
    pub largest: Vec<(String, u64)>,
    /// Data that went in because a source names it: what, how many files, and where it is named.
    pub found: Vec<FoundData>,
    /// With `--slim`: files of distributions that no trace has used, with their sizes.
    pub left_out: Vec<(String, u64)>,
    /// Files of distributions that serve their developers and are not there, by kind.
    pub stayed_behind: Vec<StayedBehind>,
    /// The lowest libstdc++ that the target must have, and the file that needs it.
    pub libstdcxx: Option<(LibstdcxxVersion, String)>,
    /// Lines for the reader, most important first.
    pub warnings: Vec<String>,
    /// Imports for which no module was found.
    pub missing: Vec<MissingImport>,
}

/// Why nothing was built. Each says by itself what failed; its stage adds nothing to that.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum BuildError {
    /// The settings make no plan.
    Configure(#[from] ConfigError),
    /// There is no interpreter for Windows where one is named.
    Windows(#[from] windows::WindowsError),
    /// Distributions cannot be had for the target.
    Requirements(#[from] RequirementsError),
    /// A Windows executable cannot be given its icon, version, manifest or resources.
    Brand(#[from] BrandError),
    /// The executable cannot be signed.
    Sign(#[from] SignError),
    /// The interpreter does not answer.
    Interpreter(#[from] InterpreterError),
    /// There is no bootloader and runtime for the target.
    Kit(#[from] KitError),
    /// The entry points or their imports cannot be followed.
    Discover(#[from] DiscoverError),
    /// The interpreter cannot serve as it is to.
    Mode(#[from] ModeError),
    /// A zip on the search path cannot be used.
    Archive(#[from] archives::ArchiveError),
    /// Files that must be there are not, or collide.
    Collect(#[from] CollectError),
    /// The output would need a later glibc than it may.
    Glibc(#[from] LaterGlibc),
    /// The output cannot be made.
    Write(#[from] WriteError),
}

/// `--max-glibc` cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error(
    "the program would need glibc {needed} because of {file}, and --max-glibc allows {allowed}"
)]
pub struct LaterGlibc {
    /// What is needed.
    pub needed: GlibcVersion,
    /// The file in the bundle that needs it.
    pub file: String,
    /// What the setting allows.
    pub allowed: GlibcVersion,
}

impl BuildError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Configure(error) => error.hint(),
            Self::Kit(error) => error.hint(),
            Self::Windows(error) => error.hint(),
            Self::Requirements(error) => error.hint(),
            Self::Brand(error) => error.hint(),
            Self::Sign(error) => error.hint(),
            Self::Discover(error) => discover_hint(error),
            Self::Write(error) => error.hint(),
            Self::Mode(error) => Some(error.hint()),
            Self::Glibc(_) => Some(
                "build on an older system, or with a Python and wheels that were built for one; `--exclude-library` leaves a \
                 library to the target"
                    .into(),
            ),
            Self::Collect(CollectError::Trace(error)) => Some(error.hint()),
            Self::Archive(_) => Some("`python -m zipfile -t FILE` checks it".into()),
            Self::Interpreter(_) | Self::Collect(_) => None,
        }
    }
}

fn discover_hint(error: &DiscoverError) -> Option<String> {
    match error {
        DiscoverError::NoModule { .. } => {
            Some("name the folder that holds it with `--paths DIR`, or the Python it is installed for with `--python`".into())
        }
        _ => None,
    }
}

/// Packs an application, unless what an earlier build made of it is still right.
///
/// # Errors
/// When a stage fails. Nothing half-written is left, and an output that was there before is untouched.
pub fn build(request: &Request, report: &Printer) -> Result<Built, BuildError> {
    let started = Instant::now();
    let (plan, notes) = configure::resolve(request)?; // every choice made, every path absolute
    for note in &notes {
        report.warning(note);
    }
    let note = uptodate::Note::about(&plan, &request.environment);
    let (made, up_to_date) = match note
        .as_ref()
        .filter(|_| !plan.clean)
        .map(uptodate::Note::unchanged)
    {
        Some(Ok(made)) => (made, true),
        stale => {
            if let Some(Err(why)) = stale {
                report.detail(&format!("building: {why}"));
            }
            (make_and_note(&plan, note.as_ref(), report)?, false)
        }
    };
    Ok(Built {
        plan,
        made,
        up_to_date,
        elapsed: started.elapsed(),
    })
}

/// What a build would be made of.
#[derive(Debug)]
pub struct Planned {
    /// What is asked for.
    pub plan: BuildPlan,
    /// Major, minor, micro.
    pub python_version: (u8, u8, u8),
    /// What would go in.
    pub collection: Collection,
    /// Imports for which no module was found.
    pub missing: Vec<MissingImport>,
}

/// Does all of a build but to compile, to compress and to write.
///
/// # Errors
/// When a stage fails.
pub fn plan(request: &Request, report: &Printer) -> Result<Planned, BuildError> {
    let (plan, notes) = configure::resolve(request)?;
    for note in &notes {
        report.warning(note);
    }
    let kit = kit::find(&plan.target)?;
    let gathered = gather(&plan, &kit, report)?;
    Ok(Planned {
        plan,
        python_version: gathered.facts.version,
        collection: gathered.collection,
        missing: gathered.graph.missing,
    })
}

/// Builds, and keeps what shows a later build that there is nothing to be done.
fn make_and_note(
    plan: &BuildPlan,
    note: Option<&uptodate::Note>,
    report: &Printer,
) -> Result<Made, BuildError> {
    let Some(note) = note else {
        return make(plan, report);
    };
    let recording = inputs::record(note.made(), || {
        uptodate::note_program();
        make(plan, report)
    });
    let made = recording.result?;
    let kept = match &recording.inputs {
        Some(inputs) => note.keep(plan, &made, inputs),
        None => {
            note.forget();
            Ok(())
        }
    };
    if let Err(error) = kept {
        // The cache has told it already.
        report.detail(&format!("the next build will not know this one: {error}"));
    }
    Ok(made)
}

fn check_glibc(plan: &BuildPlan, collection: &Collection, kit: &Kit) -> Result<(), LaterGlibc> {
    let needs = collection.glibc.iter().chain(&kit.glibc);
    let highest = needs.max_by_key(|(version, _)| *version);
    match (plan.max_glibc, highest) {
        (Some(allowed), Some((needed, file))) if *needed > allowed => Err(LaterGlibc {
            needed: *needed,
            file: file.clone(),
            allowed,
        }),
        _ => Ok(()),
    }
}

fn make(plan: &BuildPlan, report: &Printer) -> Result<Made, BuildError> {
    let mut kit = kit::find(&plan.target)?; // before the work: without one there is nothing to be made
    let (bootloader, notes) = brand::bootloader(plan, kit.bootloader)?; // icon and version, before anything is appended
    kit.bootloader = bootloader;
    if let Some(signing) = &plan.signing {
        sign::check(signing)?; // what it takes is there
    }
    let Gathered {
        plan,
        facts,
        graph,
        collection,
    } = gather(plan, &kit, report)?;
    let record = Record::new(&graph, &collection).to_json();
    let output = write::output(&plan, &facts, &collection, &kit, &record, report)?;
    Ok(Made {
        python_version: facts.version,
        distributions: collection.distributions.len(),
        files: collection.files.len(),
        largest: collection.largest(),
        found: collection.found(),
        left_out: collection.left_out(),
        stayed_behind: collection.stayed_behind(),
        libstdcxx: collection.libstdcxx.clone(),
        warnings: [notes, collection.warnings, output.warnings.clone()].concat(),
        output,
        missing: graph.missing,
    })
}

/// Which files a bundle holds, and what was found out on the way.
struct Gathered {
    /// With the runtime hooks of libraries behind those of the settings.
    plan: BuildPlan,
    facts: InterpreterFacts,
    graph: ModuleGraph,
    collection: Collection,
}

fn gather(plan: &BuildPlan, kit: &Kit, report: &Printer) -> Result<Gathered, BuildError> {
    let mut facts = if layout::is_windows(&plan.target) {
        windows::facts(plan)? // by its files: it cannot be run here
    } else {
        InterpreterFacts::ask(&plan.python)? // once: nothing later asks the interpreter
    };
    if let Some(file) = &plan.requirements {
        facts.replace_sites(requirements::stage(file, plan, &facts, report)?);
    }
    let mut plan = plan.clone();
    archives::unpack(&mut plan, &mut facts)?; // from here on there are folders only
    modes::check(&plan, &facts)?;
    let graph = discover::modules(&plan, &facts, report)?; // what can be imported, and who asked for it
    report.start(Stage::Collect, 0);
    plan.runtime_hooks.extend(graph.hooks.runtime_hooks());
    let collection = collect::files(&plan, &facts, &graph)?; // which files that means, and why each is there
    report.finish(Stage::Collect);
    check_glibc(&plan, &collection, kit)?; // before the work
    Ok(Gathered {
        plan,
        facts,
        graph,
        collection,
    })
}
