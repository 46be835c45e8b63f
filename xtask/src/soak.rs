//! `cargo xtask soak`: a packed server under load for minutes, reloaded and with its processes killed meanwhile.
//!
//! `runtime/tests/wsgi/soak.py` does the asking and judges; its short form is among the tests of the runtime.

use crate::dist;
use crate::setup::{self, step};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

const APPLICATION: &str = "soak_app.py";

/// Two processes, so that one serves while the other comes up, with threads enough for clients that do not read.
const PROJECT: &str = "\
[app]
name = \"soaked\"
id = \"soak.test\"
[wsgi]
app = \"soak_app:application\"
processes = 2
threads = 6
access-log = false
";

#[derive(Debug, PartialEq)]
struct Options {
    seconds: u32,
    /// A built `pack`, in place of a new one.
    pack: Option<PathBuf>,
    /// One process, without reloads and kills.
    is_single: bool,
    /// Passed on: where a run is to be repeated.
    seed: Option<u32>,
}

impl Options {
    /// Reads `[SECONDS] [--pack FILE] [--single] [--seed N]`.
    fn parse(words: &[&str]) -> Result<Self> {
        let mut parsed = Self {
            seconds: 600,
            pack: None,
            is_single: false,
            seed: None,
        };
        let mut rest = words.iter();
        while let Some(&word) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{word} needs a value"));
            match word {
                "--pack" => parsed.pack = Some(std::path::absolute(value()?)?),
                "--single" => parsed.is_single = true,
                "--seed" => {
                    let seed = value()?.parse().ok();
                    parsed.seed = Some(seed.context("--seed needs a number")?);
                }
                _ => match word.parse() {
                    Ok(seconds) if seconds > 0 => parsed.seconds = seconds,
                    _ => bail!(
                        "unknown option {word}; `cargo xtask soak` knows SECONDS, --single, --seed N and --pack FILE"
                    ),
                },
            }
        }
        Ok(parsed)
    }

    /// The options of soak.py.
    fn asked(&self) -> Vec<String> {
        let mut words = vec!["--seconds".to_owned(), self.seconds.to_string()];
        if !self.is_single {
            words.extend(["--reload", "20", "--kill", "15"].map(str::to_owned));
        }
        if let Some(seed) = self.seed {
            words.extend(["--seed".to_owned(), seed.to_string()]);
        }
        words
    }
}

/// Packs a server and soaks it.
///
/// # Errors
/// When it does not build, or a request was lost that its client had a right to expect, or memory grew.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    let pack = match &options.pack {
        Some(pack) => pack.clone(),
        None => dist::build()?,
    };
    let python = setup::python()?;
    let server = packed(&options, &pack, &python)?;
    let log = setup::target().join("soak/server.log");
    println!("    what the server says goes to {}", log.display());
    step(&format!(
        "idle connections, clients that do not read, {} s of load",
        options.seconds
    ));
    setup::run(
        Command::new(&python)
            .arg(scripts().join("soak.py"))
            .args(options.asked())
            .arg("--log")
            .arg(log)
            .arg("--")
            .arg(server),
    )
}

fn scripts() -> PathBuf {
    setup::root().join("runtime/tests/wsgi")
}

fn packed(options: &Options, pack: &std::path::Path, python: &std::path::Path) -> Result<PathBuf> {
    step("packing the server");
    let folder = setup::target().join("soak");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    std::fs::copy(scripts().join(APPLICATION), folder.join(APPLICATION))
        .with_context(|| format!("could not copy {APPLICATION}"))?;
    let project = if options.is_single {
        PROJECT.replace("processes = 2\n", "")
    } else {
        PROJECT.to_owned()
    };
    std::fs::write(folder.join("pack.toml"), project).context("could not write pack.toml")?;
    setup::run(
        Command::new(pack)
            .args(["build", "--noconfirm", "--distpath", "dist", "--python"])
            .arg(python)
            .current_dir(&folder),
    )?;
    Ok(folder.join("dist/soaked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let options = Options::parse(&["30", "--seed", "7", "--pack", "/bin/pack"]).unwrap();
        let asked = options.asked().join(" ");
        assert_eq!(asked, "--seconds 30 --reload 20 --kill 15 --seed 7");
        let single = Options::parse(&["--single"]).unwrap();
        assert_eq!(single.asked().join(" "), "--seconds 600");
        for (words, named) in [
            (&["0"][..], "SECONDS"),
            (&["--seed", "x"], "--seed needs a number"),
            (&["--long"], "--long"),
        ] {
            let error = Options::parse(words).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
