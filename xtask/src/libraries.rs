//! `cargo xtask libraries`: programs that use what people install, packed with no option and run on a machine without Python.

mod environments;
mod library;
mod table;
mod trial;

use crate::dist;
use crate::setup::{self, step};
use anyhow::{Context, Result, bail, ensure};
use environments::Environments;
use library::Library;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Mutex;
use table::Row;
use trial::Trial;

/// The environment whose libraries are packed at every change.
const CORE: &str = "core";

/// What is to be tried, and with what.
#[derive(Debug, Default)]
struct Options {
    /// All, when there is none.
    names: Vec<String>,
    core: bool,
    pyinstaller: bool,
    /// Instead of the one that is built now.
    pack: Option<PathBuf>,
    /// How many at the same time; build times mean something with one.
    jobs: usize,
}

impl Options {
    fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            jobs: 1,
            ..Self::default()
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match *word {
                "--core" => options.core = true,
                "--pyinstaller" => options.pyinstaller = true,
                "--pack" => options.pack = Some(std::path::absolute(value()?)?),
                "--jobs" => options.jobs = value()?.parse().context("--jobs needs a number")?,
                name if name.starts_with('-') => bail!("no such option: {name}"),
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }

    fn wants(&self, library: &Library) -> bool {
        let named = self.names.iter().any(|name| library.is_called(name));
        (self.names.is_empty() || named) && (!self.core || library.environment == CORE)
    }
}

/// The command.
///
/// # Errors
/// When something cannot be built or installed, or a library fails.
pub(crate) fn command(words: &[&str]) -> Result<()> {
    let mut options = Options::parse(words)?;
    let pack = match options.pack.take() {
        Some(pack) => pack,
        None => dist::build()?,
    };
    run(&options, pack)
}

/// The core of them with the packer at `pack`, as a part of all tests.
///
/// # Errors
/// As [`command`].
pub(crate) fn core(pack: PathBuf) -> Result<()> {
    let options = Options {
        core: true,
        jobs: 2,
        ..Options::default()
    };
    run(&options, pack)
}

fn run(options: &Options, pack: PathBuf) -> Result<()> {
    let all = library::all()?;
    let wanted: Vec<Library> = all
        .iter()
        .filter(|one| options.wants(one))
        .cloned()
        .collect();
    ensure!(!wanted.is_empty(), "no library has such a name");
    step("what the libraries need (kept in target/libraries)");
    let environments = Environments::make(&all, &wanted)?;
    let trial = Trial::new(pack, environments, options.pyinstaller)?;
    step(&format!(
        "{} libraries, each packed with no option",
        wanted.len()
    ));
    let pending = Mutex::new(VecDeque::from(wanted));
    let rows = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| work(&trial, &pending, &rows));
        }
    });
    let mut rows = rows.into_inner().unwrap_or_default();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    table::show(&rows, &setup::target().join("libraries/table.md"))
}

/// Takes one library after the other.
fn work(trial: &Trial, pending: &Mutex<VecDeque<Library>>, rows: &Mutex<Vec<Row>>) {
    let next = || pending.lock().ok()?.pop_front();
    while let Some(library) = next() {
        let row = trial.row(&library);
        println!("    {}", row.line());
        if let Ok(mut rows) = rows.lock() {
            rows.push(row);
        }
    }
}
