//! `cargo xtask bench serve`: our WSGI host beside others, in rounds, into the second half of BENCHMARKS.md.
//!
//! All servers of a scenario are up at once and are loaded in turns, each round beginning with another one. What counts
//! is CPU time per request, of all processes of a server: on a machine that runs the load as well, the rate of requests says
//! as much about the load.

use super::sections::{self, Section};
use crate::dist;
use crate::setup::{self, step};
use anyhow::{Context, Result, bail, ensure};
use contestants::{Contestant, Tools};
use figures::Figures;
use modes::Interval;
use scenarios::{Row, SCENARIOS, Scenario};
use server::Server;
use std::path::{Path, PathBuf};

mod aims;
mod contestants;
mod figures;
mod load;
mod modes;
mod page;
mod processes;
mod scenarios;
mod server;
mod tools;

/// A median of fewer is none.
const FEWEST_ROUNDS: u32 = 3;

/// How much to measure, and of what.
#[derive(Debug, PartialEq)]
struct Options {
    rounds: u32,
    /// Seconds of load for each server in each round.
    seconds: u32,
    /// Names of scenarios; none for all.
    only: Vec<String>,
    /// Names of servers; none for all.
    servers: Vec<String>,
    /// A built `pack`, in place of a new one.
    pack: Option<PathBuf>,
    is_trial: bool,
}

impl Options {
    /// Reads `[--quick] [--rounds N] [--seconds N] [--only SCENARIO]... [--server NAME]... [--pack FILE]`.
    fn parse(words: &[&str]) -> Result<Self> {
        let mut parsed = Self {
            rounds: 7,
            seconds: 3,
            only: Vec::new(),
            servers: Vec::new(),
            pack: None,
            is_trial: false,
        };
        let mut rest = words.iter();
        while let Some(&option) = rest.next() {
            let mut value = || {
                rest.next()
                    .copied()
                    .with_context(|| format!("{option} needs a value"))
            };
            match option {
                "--quick" => (parsed.rounds, parsed.seconds) = (2, 1),
                "--rounds" => {
                    parsed.rounds = number(option, value()?)?;
                    continue;
                }
                "--seconds" => {
                    parsed.seconds = number(option, value()?)?;
                    continue;
                }
                "--only" => parsed.only.push(known(
                    "scenario",
                    value()?,
                    SCENARIOS.iter().map(|scenario| scenario.name),
                )?),
                "--server" => parsed.servers.push(known(
                    "server",
                    value()?,
                    Contestant::ALL.into_iter().map(Contestant::name),
                )?),
                "--pack" => {
                    parsed.pack = Some(std::path::absolute(value()?)?);
                    continue;
                }
                _ => bail!(
                    "unknown option {option}; `cargo xtask bench serve` knows --quick, --rounds N, --seconds N, --only SCENARIO, --server NAME and --pack FILE"
                ),
            }
            parsed.is_trial = true;
        }
        parsed.is_trial |= parsed.rounds < FEWEST_ROUNDS;
        Ok(parsed)
    }

    fn wants(&self, contestant: Contestant) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|name| name == contestant.name())
    }

    fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        SCENARIOS.iter().filter(|scenario| {
            self.only.is_empty() || self.only.iter().any(|name| name == scenario.name)
        })
    }

    /// Where the page goes: a trial leaves the published one alone.
    fn page(&self) -> PathBuf {
        if self.is_trial {
            setup::target().join("bench/SERVING.md")
        } else {
            setup::root().join("BENCHMARKS.md")
        }
    }
}

fn number(option: &str, word: &str) -> Result<u32> {
    let number = word.parse().ok().filter(|&number| number > 0);
    number.with_context(|| format!("{option} needs a number from 1 on"))
}

fn known<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> Result<String> {
    let names: Vec<&str> = names.collect();
    ensure!(
        names.contains(&name),
        "there is no {what} {name}; there are {}",
        names.join(", ")
    );
    Ok(name.to_owned())
}

/// What was measured, and what was not.
struct Measured {
    figures: Figures,
    /// What, why not.
    skipped: Vec<(String, String)>,
    machine: Vec<[String; 2]>,
    rounds: u32,
    seconds: u32,
    is_trial: bool,
}

impl Measured {
    fn leave_out(&mut self, scenario: &Scenario, row: Row, error: &anyhow::Error) {
        let name = format!("{}: {}", scenario.name, row.label());
        println!("    left out: {name}: {error:#}");
        self.skipped.push((name, first_line(error)));
    }
}

/// Loads every server with every scenario and writes BENCHMARKS.md.
///
/// # Errors
/// When a tool cannot be installed, or our own server does not build.
pub(crate) fn serve(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    let pack = match &options.pack {
        Some(pack) => pack.clone(),
        None => dist::build()?,
    };
    let tools = tools::install(pack)?;
    let mut measured = Measured {
        figures: Figures::default(),
        skipped: Vec::new(),
        machine: tools::describe(&tools)?,
        rounds: options.rounds,
        seconds: options.seconds,
        is_trial: options.is_trial,
    };
    for scenario in options.scenarios() {
        measure(&tools, &options, scenario, &mut measured);
    }
    let page = options.page();
    write(&page, &page::render(&measured))?;
    println!("    {}", page.display());
    Ok(())
}

fn write(page: &Path, section: &str) -> Result<()> {
    let present = std::fs::read_to_string(page).unwrap_or_default();
    let text = sections::replace(&present, Section::Serving, section);
    std::fs::write(page, text).with_context(|| format!("could not write {}", page.display()))
}

/// Starts all servers of a scenario, loads them in turns and stops them.
fn measure(tools: &Tools, options: &Options, scenario: &Scenario, measured: &mut Measured) {
    step(&format!(
        "{}: {} rounds of {} s",
        scenario.name, options.rounds, options.seconds
    ));
    let mut servers = Vec::new();
    for row in scenario.rows() {
        if !options.wants(row.contestant) {
            continue;
        }
        let started = Server::start(tools, scenario, row);
        let warm = started.and_then(|server| {
            load::warm_up(tools, scenario, &server)?;
            if row.mode.interval == Interval::Auto && options.rounds >= FEWEST_ROUNDS {
                load::settle(tools, scenario, &server)?;
            }
            Ok(server)
        });
        match warm {
            Ok(server) => servers.push(Some(server)),
            Err(error) => measured.leave_out(scenario, row, &error),
        }
    }
    for round in 0..options.rounds as usize {
        for turn in 0..servers.len() {
            let at = (round + turn) % servers.len();
            let Some(server) = &servers[at] else { continue };
            let row = server.row;
            match load::sample(tools, scenario, server, options.seconds) {
                Ok(sample) => measured.figures.add(scenario.name, &row, sample),
                // The others are worth having without it.
                Err(error) => {
                    measured.leave_out(scenario, row, &error);
                    servers[at] = None;
                }
            }
        }
    }
    for label in measured.figures.labels(scenario.name) {
        println!("    {}", measured.figures.told(scenario.name, label));
    }
}

/// What a table has room for.
fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let line = text
        .lines()
        .find(|line| line.starts_with("error") || line.contains("Error"));
    let line = line.or_else(|| text.lines().next()).unwrap_or_default();
    line.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_named() {
        let words = [
            "--quick", "--only", "hello", "--server", "granian", "--rounds", "3",
        ];
        let options = Options::parse(&words).unwrap();
        assert_eq!((options.rounds, options.seconds), (3, 1));
        assert!(options.wants(Contestant::Granian) && !options.wants(Contestant::Pack));
        let scenarios: Vec<&str> = options.scenarios().map(|scenario| scenario.name).collect();
        assert_eq!(scenarios, ["hello"]);
        for (words, named) in [
            (&["--rounds", "0"][..], "--rounds needs a number"),
            (&["--seconds"], "--seconds needs a value"),
            (&["--only", "goodbye"], "hello"),
            (&["--server", "nginx"], "granian"),
            (&["--fast"], "--quick"),
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
        assert_eq!(page(&["--rounds", "3", "--seconds", "1"]), published);
        assert_ne!(page(&["--rounds", "2"]), published);
        assert_ne!(page(&["--quick"]), published);
        assert_ne!(page(&["--server", "pack"]), published);
    }
}
