//! `cargo xtask bench start`, and `bench serve` in `serve/`. The first: what packing and starting cost, beside PyInstaller and a bare Python, into BENCHMARKS.md.
//!
//! Everything is run in turns and told as CPU time and as ratios within the rounds, because wall time says little on a
//! machine that does other things too.

use crate::dist;
use crate::setup::{self, step};
use anyhow::{Context, Result, bail, ensure};
use page::{Measured, Page};
use products::{Products, Tools, copy, create};
use std::path::{Path, PathBuf};
use std::process::Command;
use subjects::{SUBJECTS, Subject};

mod aims;
mod callgrind;
mod costs;
mod machine;
mod page;
mod plan;
mod products;
mod sections;
mod serve;
mod subjects;
mod table;

pub(crate) use machine::{describe_machine, python as describe_python};
pub(crate) use serve::serve;

const BUILD_ROUNDS: u32 = 3;

/// What the subjects import, and the packer beside ours.
const PACKAGES: [&str; 5] = ["flask>=3.0,<4", "numpy", "pandas", "pyqt6", "pyinstaller"];

/// What to measure.
#[derive(Debug, Default, PartialEq)]
struct Options {
    /// In place of each subject's own.
    rounds: Option<u32>,
    /// Names of subjects; none for all.
    only: Vec<String>,
    /// A built `pack`, in place of a new one.
    pack: Option<PathBuf>,
}

impl Options {
    /// Reads `[--rounds N] [--only SUBJECT]... [--pack FILE]`.
    fn parse(words: &[&str]) -> Result<Self> {
        let mut parsed = Self::default();
        let mut rest = words.iter();
        while let Some(&option) = rest.next() {
            let mut value = || {
                rest.next()
                    .with_context(|| format!("{option} needs a value"))
            };
            match option {
                "--rounds" => {
                    let rounds = value()?.parse().ok().filter(|&rounds| rounds > 0);
                    parsed.rounds = Some(rounds.context("--rounds needs a number from 1 on")?);
                }
                "--only" => {
                    let name = *value()?;
                    let names = SUBJECTS.map(|subject| subject.name);
                    ensure!(
                        names.contains(&name),
                        "there is no program {name}; there are {}",
                        names.join(", ")
                    );
                    parsed.only.push(name.to_owned());
                }
                "--pack" => parsed.pack = Some(std::path::absolute(value()?)?),
                _ => bail!(
                    "unknown option {option}; `cargo xtask bench start` knows --rounds N, --only PROGRAM and --pack FILE"
                ),
            }
        }
        Ok(parsed)
    }

    fn is_trial(&self) -> bool {
        self.rounds.is_some() || !self.only.is_empty()
    }

    /// Where the page goes: a trial leaves the published one alone.
    fn page(&self) -> PathBuf {
        let folder = if self.is_trial() {
            setup::target().join("bench")
        } else {
            setup::root()
        };
        folder.join("BENCHMARKS.md")
    }
}

/// Builds and starts each subject in every way and writes BENCHMARKS.md.
///
/// # Errors
/// When a tool cannot be installed, or something does not build or run.
pub(crate) fn start(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    let pack = match &options.pack {
        Some(pack) => pack.clone(),
        None => dist::build()?,
    };
    let folder = setup::target().join("bench");
    step("a virtual environment with what the programs import, and PyInstaller");
    let python = setup::venv(&folder.join("venv"), &setup::python()?, &PACKAGES)?;
    // Each run has a folder of its own, and all are removed at its end: see `measure.py` for why not before.
    let scratches = folder.join("scratch");
    let tools = Tools {
        pack,
        python,
        scratch: scratches.join(std::process::id().to_string()),
    };
    create(&tools.scratch)?;
    let text = page::render(&measure(&tools, &options)?)?;
    let page = options.page();
    let present = std::fs::read_to_string(&page).unwrap_or_default();
    let text = sections::replace(&present, sections::Section::Starting, &text);
    std::fs::write(&page, text).with_context(|| format!("could not write {}", page.display()))?;
    println!("    {}", page.display());
    std::fs::remove_dir_all(&scratches)
        .with_context(|| format!("could not remove {}", scratches.display()))
}

fn measure(tools: &Tools, options: &Options) -> Result<Page> {
    let mut page = Page {
        is_trial: options.is_trial(),
        machine: machine::describe(tools)?,
        measured: Vec::new(),
        instructions: Err("hello was not measured".to_owned()),
        skipped: Vec::new(),
    };
    let chosen = |subject: &&Subject| {
        options.only.is_empty() || options.only.iter().any(|name| name == subject.name)
    };
    for subject in SUBJECTS.iter().filter(chosen) {
        let folder = tools.scratch.join(subject.name);
        if let Err(error) = runs_here(tools, subject, &folder) {
            println!("    {} is left out: {error:#}", subject.name);
            page.skipped.push((subject.name, last_line(&error)));
            continue;
        }
        step(&format!("packing {}", subject.name));
        let products = Products::build(tools, subject, &folder)?;
        if subject.name == "hello" {
            page.instructions = instructions(tools, subject, &products, &folder);
        }
        page.measured
            .push(measure_one(tools, options, subject, products, &folder)?);
    }
    Ok(page)
}

fn measure_one(
    tools: &Tools,
    options: &Options,
    subject: &'static Subject,
    products: Products,
    folder: &Path,
) -> Result<Measured> {
    let rounds = options.rounds.unwrap_or(subject.rounds);
    step(&format!("starting {}, {rounds} rounds", subject.name));
    let plan = plan::starts(subject, &folder.join("starts"), rounds, |way| {
        products.start(tools, subject, way)
    });
    machine::touch_free_memory();
    let starts = costs::Costs::measure(&tools.python, &plan)?;
    let builds = match subject.edited {
        Some(edited) => Some(builds(tools, options, subject, edited, folder)?),
        None => None,
    };
    Ok(Measured {
        subject,
        starts,
        builds,
        sizes: products.sizes,
    })
}

/// The costs of packing a copy of the subject's sources, in which `edited` changes.
fn builds(
    tools: &Tools,
    options: &Options,
    subject: &Subject,
    edited: &str,
    folder: &Path,
) -> Result<costs::Costs> {
    let rounds = options
        .rounds
        .map_or(BUILD_ROUNDS, |rounds| rounds.min(BUILD_ROUNDS));
    step(&format!(
        "packing {} anew, {rounds} rounds of {} builds",
        subject.name,
        plan::Before::ALL.len() * plan::Packer::ALL.len()
    ));
    let sources = folder.join("sources");
    copy(&subject.sources(), &sources)?;
    let plan = plan::builds(
        &folder.join("builds"),
        &sources.join(edited),
        rounds,
        |packer| tools.build(packer, subject, &sources),
    );
    costs::Costs::measure(&tools.python, &plan)
}

/// Counts a subject's instructions, or says why that was not done: the rest is worth having without them.
fn instructions(
    tools: &Tools,
    subject: &Subject,
    products: &Products,
    folder: &Path,
) -> Result<callgrind::Instructions, String> {
    step(&format!("counting the instructions of {}", subject.name));
    let counted = callgrind::valgrind()
        .context("valgrind could not be had")
        .and_then(|()| callgrind::count(tools, subject, products, folder));
    counted.map_err(|error| {
        println!("    not counted: {error:#}");
        error.to_string()
    })
}

/// Runs a subject unpacked, after installing the system libraries that it misses where we may.
fn runs_here(tools: &Tools, subject: &Subject, folder: &Path) -> Result<()> {
    let home = folder.join("trial");
    create(&home.join("kept"))?;
    let words = tools.unpacked(subject);
    let run = || setup::read(&mut tools.command(subject, &words, &home));
    match run() {
        Err(error) if !subject.system.is_empty() => {
            install(subject.system).with_context(|| last_line(&error))?;
            run()
        }
        done => done,
    }?;
    Ok(())
}

/// Installs Debian's packages.
///
/// # Errors
/// When we are not root, with what root would do; or when it fails.
fn install(packages: &[&str]) -> Result<()> {
    let user = setup::read(Command::new("id").arg("-u"))?;
    ensure!(
        user == "0",
        "install it as root with `apt-get install {}`",
        packages.join(" ")
    );
    step(&format!("installing {}", packages.join(", ")));
    setup::install(packages)
}

/// The last line that a failed program wrote, which is where Python says what went wrong.
fn last_line(error: &anyhow::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let words = ["--rounds", "3", "--only", "hello", "--pack", "/bin/pack"];
        let options = Options::parse(&words).unwrap();
        let wanted = Options {
            rounds: Some(3),
            only: vec!["hello".to_owned()],
            pack: Some("/bin/pack".into()),
        };
        assert_eq!(options, wanted);
        for (words, named) in [
            (&["--rounds", "0"][..], "--rounds"),
            (&["--rounds"], "--rounds needs a value"),
            (&["--only", "goodbye"], "hello, imports"),
            (&["--fast"], "--fast"),
        ] {
            let error = Options::parse(words).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn only_the_full_run_writes_the_published_page() {
        let page = |words: &[&str]| Options::parse(words).unwrap().page();
        let published = setup::root().join("BENCHMARKS.md");
        assert_eq!(page(&[]), published);
        assert_eq!(page(&["--pack", "/bin/pack"]), published);
        assert_ne!(page(&["--rounds", "2"]), published);
        assert_ne!(page(&["--only", "hello"]), published);
    }
}
