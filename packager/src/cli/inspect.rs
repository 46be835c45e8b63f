//! `pack inspect`.

use super::{Failure, open};
use crate::report::Printer;
use clap::{ArgMatches, Command};
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("inspect")
        .about("Show what is inside a packed program, and why")
        .arg(open::argument())
        .args(super::verbosity())
        .arg(super::format())
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let Some(file) = matches.get_one::<PathBuf>("file") else {
        return Ok(ExitCode::SUCCESS);
    };
    let bytes = open::read(file)?;
    let payload = open::payload(file, &bytes)?;
    for entry in payload.entries() {
        let entry = entry.map_err(|source| open::damaged(file, source))?;
        printer.data(&format!("{}\n", entry.path))?;
    }
    Ok(ExitCode::SUCCESS)
}
