//! `pack run`.

use super::Failure;
use super::serve::resolve;
use crate::configure::command_line;
use crate::configure::layer::Layer;
use crate::plan::{BuildPlan, Entry};
use crate::report::Printer;
use crate::unpacked;
use clap::{Arg, ArgMatches, Command};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("run")
        .about("Run an application without packing it")
        .long_about(
            "Run an application in the Python of its environment, with the arguments that the packed program would get: the \
             word of a command of pack.toml first, or options of the server for a WSGI application.",
        )
        .args(command_line::arguments_of(command_line::is_of_run))
        .args(super::verbosity())
        .arg(
            Arg::new("target-path")
                .value_name("SCRIPT|DIR")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("A script, or the folder of a project"),
        )
        .arg(
            Arg::new("arguments")
                .value_name("ARGUMENTS")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString))
                .help("What the application gets"),
        )
        .after_help(
            "Examples:\n  \
             pack run app.py --verbose report.csv\n  \
             pack run . manage migrate\n  \
             pack run . --bind 0.0.0.0:8000",
        )
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let target = matches.get_one::<PathBuf>("target-path").cloned();
    let given = command_line::settings_of(matches, command_line::is_of_run)?;
    let arguments: Vec<OsString> = matches
        .get_many::<OsString>("arguments")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let plan = resolve(target.clone(), given.clone(), printer)?;
    if !plan.runtime_hooks.is_empty() {
        printer.warning("runtime hooks run in the packed program only");
    }
    if let Some((entry, arguments)) = command_of(&plan, &arguments) {
        unpacked::run(&plan, entry, arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !matches!(plan.entry, Entry::Wsgi(_)) {
        unpacked::run(&plan, &plan.entry, &arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = match options(&arguments) {
        Ok(options) => options,
        // `pack serve` has the same options.
        Err(error) => return Ok(super::usage(&error, &["pack".into(), "serve".into()])),
    };
    let options = command_line::settings_of(&options, command_line::is_of_server)?;
    serve(target, options.over(given))
}

/// The command that the first argument names, and what is left for it.
pub(super) fn command_of<'a>(
    plan: &'a BuildPlan,
    arguments: &'a [OsString],
) -> Option<(&'a Entry, &'a [OsString])> {
    let (word, rest) = arguments.split_first()?;
    let (_, entry) = plan
        .commands
        .iter()
        .find(|(name, _)| word == name.as_str())?;
    Some((entry, rest))
}

/// The options of a packed server.
fn options(arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    Command::new("pack run DIR")
        .about("Serve the application of the folder")
        .no_binary_name(true)
        .args_override_self(true)
        .args(command_line::arguments_of(command_line::is_of_server))
        .try_get_matches_from(arguments)
}

fn serve(target: Option<PathBuf>, arguments: Layer) -> Result<ExitCode, Failure> {
    // What there was to tell was told before.
    let plan = resolve(
        target,
        arguments,
        &Printer::new(crate::report::Level::Quiet),
    )?;
    if let Entry::Wsgi(wsgi) = &plan.entry {
        return super::serve::serve(&plan, wsgi);
    }
    Ok(ExitCode::SUCCESS)
}
