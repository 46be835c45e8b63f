//! `pack python`.

use super::Failure;
use crate::configure::environment;
use crate::pythons::{self, Kept, PythonsError};
use crate::report::{Printer, path as show};
use clap::{Arg, ArgMatches, Command};
use serde_json::json;
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("python")
        .about("Interpreters for other systems: list them, add one")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("Show what is there")
                .args(super::verbosity())
                .arg(super::format()),
        )
        .subcommand(
            Command::new("add")
                .about("Put a Python for Windows into pack's cache")
                .arg(Arg::new("source").value_name("FILE|DIR|VERSION").required(true).help(
                    "An embeddable package (.zip), a python-build-standalone archive (.tar.gz), a folder, or a version that uv fetches",
                ))
                .args(super::verbosity())
                .arg(super::format()),
        )
        .after_help(
            "Examples:\n  \
             pack python add python-3.13.2-embed-amd64.zip\n  \
             pack python add 3.13                             with uv installed\n  \
             pack build app.py --target x86_64-pc-windows-gnu --python 3.13",
        )
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let fail = |error: PythonsError| {
        let hint = error.hint();
        Failure::new(error, hint)
    };
    let home =
        pythons::home(&environment::of_process()).ok_or_else(|| fail(PythonsError::NoCache))?;
    match matches.subcommand() {
        Some(("add", matches)) => {
            let source = matches
                .get_one::<String>("source")
                .map_or("", String::as_str);
            let (kept, is_new) = pythons::add(&home, source).map_err(fail)?;
            match (super::is_json(matches), is_new) {
                (true, _) => printer.data(&json!(shown(&kept)).to_string())?,
                (false, true) => printer.status(&format!("added {}", line(&kept))),
                (false, false) => printer.status(&format!("already there: {}", line(&kept))),
            }
        }
        Some((_, matches)) => {
            let all = pythons::list(&home);
            if super::is_json(matches) {
                printer.data(&json!(all.iter().map(shown).collect::<Vec<_>>()).to_string())?;
            } else if all.is_empty() {
                printer.status("none; `pack python add --help` says what can be added");
            } else {
                let lines: String = all.iter().map(|kept| line(kept) + "\n").collect();
                printer.data(lines.trim_end())?;
            }
        }
        None => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn version(kept: &Kept) -> String {
    format!("{}.{}.{}", kept.version.0, kept.version.1, kept.version.2)
}

fn line(kept: &Kept) -> String {
    format!("{:8} {}  {}", version(kept), kept.target, show(&kept.path))
}

fn shown(kept: &Kept) -> serde_json::Value {
    json!({ "version": version(kept), "target": kept.target, "path": kept.path })
}
