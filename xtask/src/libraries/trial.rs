//! One library: packed, and run where no Python is.

use super::environments::Environments;
use super::library::Library;
use super::machine::{Machine, limited};
use super::table::{Attempt, Row};
use crate::setup;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

/// The scripts' word for a server that is not installed.
const SKIPPED: i32 = 77;

/// How many of the last lines that a program wrote tell what went wrong.
const LINES: usize = 14;

/// What every library is tried with.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    pack: &'a Path,
    environments: &'a Environments,
    pyinstaller: bool,
    /// The packer's cache, where its builds may share one.
    cache: Option<PathBuf>,
    /// Outside of all that is hidden.
    scratch: PathBuf,
    machine: Machine,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        pack: &'a Path,
        environments: &'a Environments,
        pyinstaller: bool,
        cache: Option<PathBuf>,
    ) -> Result<Self> {
        let scratch = std::env::temp_dir().join(format!("pack-libraries-{}", std::process::id()));
        std::fs::create_dir_all(&scratch)
            .with_context(|| format!("could not create {}", scratch.display()))?;
        Ok(Self {
            pack,
            environments,
            pyinstaller,
            cache,
            scratch,
            machine: Machine::new(environments)?,
        })
    }

    /// Tries `library`. What goes wrong stands in the row.
    pub(super) fn row(&self, library: &Library) -> Row {
        let home = self.environments.folder.join("alone").join(&library.name);
        let scratch = self.scratch.join(&library.name);
        let row = self.attempts(library, &home, &scratch);
        // Nobody misses them, and the next library needs the room.
        for folder in [&home, &scratch] {
            std::fs::remove_dir_all(folder).ok();
        }
        row.unwrap_or_else(|error| Row::broken(&library.name, &format!("{error:#}")))
    }

    fn attempts(&self, library: &Library, home: &Path, scratch: &Path) -> Result<Row> {
        for folder in [home, scratch] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("could not create {}", folder.display()))?;
        }
        let own = self.environments.alone(library, &[], &home.join("env"))?;
        let mut attempt =
            self.attempt(&mut self.build(library, &own.python, home), home, scratch)?;
        if attempt.has_failed() {
            // Is it the packer's fault, or the script's?
            let mut unpacked = Command::new(&own.python);
            let output = limited(unpacked.arg("-B").arg(&library.script), scratch)?;
            if !output.status.success() {
                attempt = Attempt::failed("unpacked", &self.tail(&output));
            }
        }
        let mut row = Row::new(&library.name, &own.version, attempt);
        if self.pyinstaller {
            let extra = ["pyinstaller"];
            let both = self
                .environments
                .alone(library, &extra, &home.join("env"))?;
            let mut build = build_with_pyinstaller(library, &both.python, home);
            row.pyinstaller = Some(self.attempt(&mut build, home, scratch)?);
        }
        Ok(row)
    }

    fn build(&self, library: &Library, python: &Path, home: &Path) -> Command {
        let mut build = Command::new(self.pack);
        build
            .arg("build")
            .arg(&library.script)
            .arg("--python")
            .arg(python)
            .args(["--name", "packed", "--distpath"])
            .arg(home.join("dist"))
            .arg("--workpath")
            .arg(self.cache.clone().unwrap_or_else(|| home.join("work")));
        build
    }

    /// Builds `home/dist/packed` by `build` and runs it.
    fn attempt(&self, build: &mut Command, home: &Path, scratch: &Path) -> Result<Attempt> {
        let begin = Instant::now();
        let built = build
            .current_dir(home)
            .output()
            .context("could not start the packer")?;
        let seconds = begin.elapsed().as_secs_f64();
        if !built.status.success() {
            return Ok(Attempt::failed("build", &self.tail(&built)));
        }
        let program = scratch.join("packed");
        let made = home.join("dist/packed");
        std::fs::copy(&made, &program)
            .with_context(|| format!("could not copy {}", made.display()))?;
        std::fs::remove_file(&made).ok();
        let size = std::fs::metadata(&program)?.len();
        let output = limited(&mut self.machine.start(&program), scratch)?;
        let attempt = match output.status.code() {
            Some(0) => Attempt::passed(),
            Some(SKIPPED) => Attempt::skipped(&self.tail(&output)),
            _ => Attempt::failed("packed", &self.tail(&output)),
        };
        Ok(attempt.with(size, seconds))
    }

    /// The last lines that a program wrote. Where folders of this run stand does not matter.
    fn tail(&self, output: &Output) -> String {
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text)
            .replace(&*self.scratch.to_string_lossy(), "/tmp")
            .replace(&*setup::target().to_string_lossy(), "target")
            .replace(&*setup::root().to_string_lossy(), ".");
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let from = lines.len().saturating_sub(LINES);
        format!("{} ({})", lines[from..].join("\n"), output.status)
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.scratch).ok();
    }
}

/// One file, as ours is, and no other option.
fn build_with_pyinstaller(library: &Library, python: &Path, home: &Path) -> Command {
    let mut build = Command::new(python);
    build
        .args(["-m", "PyInstaller", "--noconfirm", "--onefile"])
        .args(["--log-level", "ERROR", "--name", "packed", "--distpath"])
        .arg(home.join("dist"))
        .arg("--workpath")
        .arg(home.join("pyinstaller"))
        .arg("--specpath")
        .arg(home)
        .arg(&library.script);
    build
}
