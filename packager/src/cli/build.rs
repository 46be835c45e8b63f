//! `pack build`.

use super::{Failure, dry_run};
use crate::configure::{Request, command_line, environment};
use crate::report::Printer;
use crate::{interrupt, summary};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("build")
        .about("Pack an application")
        .long_about(
            "Pack an application: a script, or a folder with a pack.toml (or [tool.pack] in its pyproject.toml).\n\n\
             Settings are taken from the command line, then from PACK_* variables, then from the file. Lists of what \
             to put in and what to leave out add up. Options of PyInstaller's keep their names and meaning.",
        )
        .args_override_self(true)
        // As PyInstaller's `argparse` does: beginnings that fit one option.
        .infer_long_args(true)
        .arg(
            Arg::new("target-path")
                .value_name("SCRIPT|DIR")
                .value_parser(clap::value_parser!(PathBuf))
                .help("A script, or the folder of a project [default: the current folder]"),
        )
        .args(command_line::arguments())
        .args(building())
        .args(super::verbosity().map(|argument| argument.help_heading("Messages")))
        .arg(super::format().help_heading("Messages"))
        .args(command_line::foreign_arguments())
        .after_help(
            "Examples:\n  \
             pack build app.py --name report --add-data assets:assets\n  \
             pack build --wsgi site.wsgi:application --bind 0.0.0.0:8000 --threads 8\n  \
             pack build --onedir --python .venv",
        )
}

/// Options of this build that are no settings of the application.
fn building() -> [Arg; 5] {
    let switch = |name, help| {
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
            .help_heading("Building")
    };
    [
        switch(
            "clean",
            "Forget what earlier builds have compiled and compressed",
        ),
        switch(
            "dry-run",
            "List what would go in, and why, and build nothing",
        ),
        switch(
            "no-cache",
            "Neither read nor write the cache of compiled and compressed files",
        ),
        switch(
            "noconfirm",
            "Replace what is in the way of a one-folder program",
        )
        .short('y'),
        Arg::new("log-level")
            .long("log-level")
            .value_name("LEVEL")
            .value_parser([
                "TRACE",
                "DEBUG",
                "INFO",
                "WARN",
                "DEPRECATION",
                "ERROR",
                "CRITICAL",
                "FATAL",
            ])
            .ignore_case(true)
            .hide_possible_values(true)
            .help("As PyInstaller has it: DEBUG is -v, ERROR is -q")
            .help_heading("Building"),
    ]
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let (request, notes) = request(matches)?;
    for note in notes {
        printer.warning(&note);
    }
    if let Err(error) = interrupt::watch() {
        printer.detail(&format!("Ctrl-C is not watched for: {error}"));
    }
    if matches.get_flag("dry-run") {
        let planned = crate::plan(&request, printer)?;
        dry_run::warn(&planned, printer);
        printer.data(&match super::is_json(matches) {
            true => dry_run::json(&planned),
            false => dry_run::text(&planned, printer),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let built = crate::build(&request, printer)?;
    if super::is_json(matches) {
        printer.data(&summary::json(&built))?;
    } else {
        summary::print(&built, printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn request(matches: &ArgMatches) -> Result<(Request, Vec<String>), Failure> {
    let (arguments, notes) = command_line::settings(matches)?;
    let request = Request {
        target: matches.get_one::<PathBuf>("target-path").cloned(),
        current: std::env::current_dir().map_err(|error| Failure::new(NoCurrent(error), None))?,
        arguments,
        environment: environment::of_process(),
        clean: matches.get_flag("clean"),
        noconfirm: matches.get_flag("noconfirm"),
        no_cache: matches.get_flag("no-cache"),
    };
    Ok((request, notes))
}

#[derive(Debug, thiserror::Error)]
#[error("the current folder cannot be used")]
struct NoCurrent(#[source] std::io::Error);
