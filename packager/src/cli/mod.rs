//! The command line: one file per subcommand.

mod build;
mod completions;
mod doctor;
mod dry_run;
mod extract;
mod icon;
mod init;
mod inspect;
mod open;
mod python;
mod run;
mod serve;
mod temporary;
mod trace;
mod verify;

use crate::BuildError;
use crate::configure::ConfigError;
use crate::interrupt;
use crate::report::{Level, Printer, render};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

/// A file that is no packed program, or a damaged one; a failed build.
const FAILED: u8 = 1;
/// A mistake in options or settings.
const USAGE: u8 = 2;

/// Runs `pack` with `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let matches = match command().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error, &arguments),
    };
    let Some((name, matches)) = matches.subcommand() else {
        return ExitCode::from(USAGE);
    };
    let printer = Printer::new(level(matches));
    temporary::settle(&printer);
    match interrupt::catch(|| dispatch(name, matches, &printer)) {
        Ok(Ok(code)) => code,
        // An interpreter that was asked something has got the same Ctrl-C: its failure is no news.
        Err(interrupt::Interrupted) => interrupted(&printer),
        Ok(Err(_)) if interrupt::requested() => interrupted(&printer),
        Ok(Err(failure)) => {
            printer.error(failure.error.as_ref(), failure.hint.as_deref());
            ExitCode::from(failure.code)
        }
    }
}

/// The whole command line.
#[must_use]
pub fn command() -> Command {
    Command::new("pack")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Turns a Python application into one executable")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(110)
        .after_help(
            "Examples:\n  \
             pack build app.py                    one executable, dist/app\n  \
             pack build --wsgi guestbook:app      a web application with its server\n  \
             pack serve guestbook:app             the same server, without packing\n  \
             pack init && pack build              settings in a pack.toml\n  \
             pack inspect dist/app                what is inside, and why",
        )
        .subcommand(build::command())
        .subcommand(run::command())
        .subcommand(serve::command())
        .subcommand(trace::command())
        .subcommand(init::command())
        .subcommand(inspect::command())
        .subcommand(verify::command())
        .subcommand(extract::command())
        .subcommand(icon::command())
        .subcommand(doctor::command())
        .subcommand(python::command())
        .subcommand(completions::command())
}

fn dispatch(name: &str, matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    match name {
        "build" => build::run(matches, printer),
        "run" => run::run(matches, printer),
        "serve" => serve::run(matches, printer),
        "trace" => trace::run(matches, printer),
        "init" => init::run(matches, printer),
        "inspect" => inspect::run(matches, printer),
        "verify" => verify::run(matches, printer),
        "extract" => extract::run(matches, printer),
        "doctor" => doctor::run(matches, printer),
        "python" => python::run(matches, printer),
        "icon" => icon::run(matches, printer),
        _ => completions::run(matches, printer),
    }
}

fn interrupted(printer: &Printer) -> ExitCode {
    printer.clear();
    printer.status("interrupted");
    ExitCode::from(interrupt::EXIT_CODE)
}

/// Why a command failed: what is shown, and the exit status.
#[derive(Debug)]
struct Failure {
    error: Box<dyn Error>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    fn new(error: impl Error + 'static, hint: Option<String>) -> Self {
        Self {
            error: Box::new(error),
            hint,
            code: FAILED,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let hint = error.hint();
        Self {
            error: Box::new(error),
            hint,
            code: USAGE,
        }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Configure(error) => error.into(),
            other => {
                let hint = other.hint();
                Self::new(other, hint)
            }
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error, None)
    }
}

/// `-q` and `-v`, which every command has.
fn verbosity() -> [Arg; 2] {
    [
        Arg::new("quiet")
            .long("quiet")
            .short('q')
            .action(ArgAction::SetTrue)
            .overrides_with("verbose")
            .help("Print errors only"),
        Arg::new("verbose")
            .long("verbose")
            .short('v')
            .action(ArgAction::SetTrue)
            .overrides_with("quiet")
            .help("Print how and why"),
    ]
}

fn level(matches: &ArgMatches) -> Level {
    let is_set = |name| {
        matches
            .try_get_one::<bool>(name)
            .ok()
            .flatten()
            .copied()
            .unwrap_or(false)
    };
    let log = matches
        .try_get_one::<String>("log-level")
        .ok()
        .flatten()
        .map(String::as_str);
    match log {
        _ if is_set("quiet") => Level::Quiet,
        _ if is_set("verbose") => Level::Verbose,
        Some("TRACE" | "DEBUG") => Level::Verbose,
        Some("ERROR" | "FATAL" | "CRITICAL") => Level::Quiet,
        _ => Level::Normal,
    }
}

/// `--format`, for commands that print data.
fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("text, or json for programs: on stdout, everything else on stderr")
}

fn is_json(matches: &ArgMatches) -> bool {
    matches
        .get_one::<String>("format")
        .is_some_and(|format| format == "json")
}

/// Help and version on stdout; a mistake in our own words, with the usage that clap knows.
fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if let Some(text) = unknown_option(error, arguments) {
        let printer = Printer::new(Level::Normal);
        printer.status(text.trim_end());
        return ExitCode::from(USAGE);
    }
    // Nothing can be done about a closed stdout.
    let _ = error.print();
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    ExitCode::from(if is_help { 0 } else { USAGE })
}

/// An option that there is none of, as our other errors look.
fn unknown_option(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = given.strip_prefix('-')?.trim_start_matches('-');
    let command = command();
    let asked = arguments
        .get(1)
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let known = command.find_subcommand(asked).unwrap_or(&command);
    let names = known
        .get_arguments()
        .flat_map(|argument| argument.get_long_and_visible_aliases().unwrap_or_default());
    let hint = match crate::configure::suggest::nearest(name, names) {
        Some(nearest) => format!("did you mean `--{nearest}`?"),
        None => format!("see `{} --help`", format!("pack {asked}").trim_end()),
    };
    Some(render(&UnknownOption(given.clone()), Some(&hint), false))
}

#[derive(Debug, thiserror::Error)]
#[error("there is no option `{0}`")]
struct UnknownOption(String);

#[cfg(test)]
mod packed_tests;
#[cfg(test)]
mod tests;
