//! `cargo xtask libraries`: programs that use what people install, packed with no option and run on a machine without Python.

mod environments;
mod kept;
mod library;
mod machine;
mod system;
mod table;
mod trial;

use crate::dist;
use crate::setup::step;
use anyhow::{Context, Result, bail, ensure};
use environments::Environments;
use kept::Kept;
use library::Library;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use table::Row;
use trial::Trial;

/// The environment whose libraries are packed at every change.
const CORE: &str = "core";

/// The environments of gigabytes: their libraries are tried when they are named.
const ON_DEMAND: &str = "large";

/// What is to be tried, and with what.
#[derive(Debug, Default)]
struct Options {
    /// All but the large ones, when there is none.
    names: Vec<String>,
    core: bool,
    pyinstaller: bool,
    /// Instead of the one that is built now.
    pack: Option<PathBuf>,
    /// How many at the same time; build times mean something with one.
    jobs: usize,
    /// Builds share one cache, which is kept.
    cached: bool,
    /// Writes the page of all results, after those of `names`.
    page: bool,
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
                "--page" => options.page = true,
                "--cached" => options.cached = true,
                "--pack" => options.pack = Some(std::path::absolute(value()?)?),
                "--jobs" => options.jobs = value()?.parse().context("--jobs needs a number")?,
                "--only" => options.names.push((*value()?).to_owned()),
                name if name.starts_with('-') => bail!("no such option: {name}"),
                name => options.names.push(name.to_owned()),
            }
        }
        Ok(options)
    }

    fn wants(&self, library: &Library) -> bool {
        let named = self.names.iter().any(|name| library.is_called(name));
        let usual = self.names.is_empty() && library.environment != ON_DEMAND;
        (named || usual) && (!self.core || library.environment == CORE)
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
    run(&options, &pack)
}

/// The core of them with the packer at `pack`, as a part of all tests.
///
/// # Errors
/// As [`command`].
pub(crate) fn core(pack: &Path) -> Result<()> {
    let options = Options {
        core: true,
        jobs: 2,
        cached: true,
        ..Options::default()
    };
    run(&options, pack)
}

fn run(options: &Options, pack: &Path) -> Result<()> {
    let all = library::all()?;
    let unknown = |name: &&String| !all.iter().any(|library| library.is_called(name));
    if let Some(name) = options.names.iter().find(unknown) {
        bail!("no library is called {name}");
    }
    let wanted: Vec<Library> = all
        .iter()
        .filter(|one| options.wants(one))
        .cloned()
        .collect();
    ensure!(!wanted.is_empty(), "no library was chosen");
    step("what the libraries need (kept in target/libraries)");
    system::install(&wanted);
    let others: &[&str] = if options.pyinstaller || options.page {
        &["pyinstaller"]
    } else {
        &[]
    };
    let environments = Environments::make(&all, &wanted, others)?;
    let kept = Kept::open(&environments.folder)?;
    // What builds took that find their work done says nothing.
    let keeps = (!options.cached).then_some(&kept);
    let cache = options.cached.then(|| environments.folder.join("cache"));
    let trial = Trial::new(pack, &environments, options.pyinstaller, cache)?;
    let rows = try_all(&trial, keeps, wanted, options.jobs)?;
    println!("\n{}", table::text(&rows));
    if options.page {
        let names: Vec<&str> = all.iter().map(|library| library.name.as_str()).collect();
        kept.write_page(&names, &environments, pack)?;
    }
    table::verdict(&rows)
}

/// Tries `wanted`, `jobs` at a time; gives the rows by name.
fn try_all(
    trial: &Trial<'_>,
    kept: Option<&Kept>,
    wanted: Vec<Library>,
    jobs: usize,
) -> Result<Vec<Row>> {
    step(&format!(
        "{} libraries, each packed with no option",
        wanted.len()
    ));
    let pending = Mutex::new(VecDeque::from(wanted));
    let rows = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        let next = || pending.lock().ok()?.pop_front();
        while let Some(library) = next() {
            let mut row = trial.row(&library);
            if let Some(kept) = kept {
                kept.keep(&mut row)?;
            }
            println!("    {}", row.line());
            if let Ok(mut rows) = rows.lock() {
                rows.push(row);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| bail!("a trial ended early"))
        })
    })?;
    let mut rows = rows.into_inner().unwrap_or_default();
    rows.sort_by(|a: &Row, b| a.name.cmp(&b.name));
    Ok(rows)
}
