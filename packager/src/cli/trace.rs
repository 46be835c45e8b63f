//! `pack trace`.

use super::Failure;
use super::run::command_of;
use super::serve::resolve;
use crate::configure::layer::Layer;
use crate::configure::{ConfigError, command_line, environment, python};
use crate::facts::InterpreterFacts;
use crate::report::{Printer, path as show};
use crate::trace::{self, Environment, Program, RunError};
use crate::unpacked;
use clap::{Arg, ArgMatches, Command};
use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

pub(super) fn command() -> Command {
    Command::new("trace")
        .about("Run an application without packing it, and write down what it uses")
        .long_about(
            "Run an application in the Python of its environment, and write down which modules, data and libraries of the \
             installed distributions it uses, for `pack build --slim`. Other Pythons that it starts are looked at, too.\n\n\
             APP is a script, the folder of a project, a program of the environment such as `pytest`, or `-m MODULE`. The exit \
             status is the application's.",
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .default_value("pack-trace.json")
                .help("Where the trace goes"),
        )
        .args(command_line::arguments_of(command_line::is_of_run))
        .args(super::verbosity())
        .arg(
            Arg::new("application")
                .value_name("APP")
                .required(true)
                .num_args(1..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .value_parser(clap::value_parser!(OsString))
                .help("What to run, and the arguments that it gets"),
        )
        .after_help(
            "Examples:\n  \
             pack trace app.py report.csv\n  \
             pack trace -o tests.json -- pytest -q\n  \
             pack build app.py --slim pack-trace.json --slim tests.json",
        )
}

/// Why nothing is run.
#[derive(Debug, thiserror::Error)]
enum TraceError {
    #[error("`{}` is neither a file nor a folder nor a program of `{}`", name.display(), show(python))]
    NoApplication { name: OsString, python: PathBuf },
    #[error("`{}` is no Python program", show(.0))]
    NotPython(PathBuf),
    #[error("cannot write the trace `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let hint = matches!(error, RunError::Interpreter { .. })
            .then(|| "name another one with `--python PATH`".into());
        Self::new(error, hint)
    }
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let given = command_line::settings_of(matches, command_line::is_of_run)?;
    let application: Vec<OsString> = matches
        .get_many::<OsString>("application")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let output = matches
        .get_one::<PathBuf>("output")
        .cloned()
        .unwrap_or_default();
    // Before the run, which may take long: the name is wrong, or the folder is not there.
    let place = partial(&output).map_err(|source| unwritable(&output, source))?;
    let program = program(&application, given, printer)?;
    let facts = InterpreterFacts::ask(&program.python).map_err(crate::BuildError::from)?;
    let environment = Environment::read(&facts);
    let ran = trace::run(&program, &environment)?;
    for warning in &ran.warnings {
        printer.warning(warning);
    }
    let found = environment.trace(&ran.used);
    keep(place, &output, &found.to_json()).map_err(|source| unwritable(&output, source))?;
    let (files, distributions) = found.counts();
    printer.status(&format!(
        "{}: {files} files of {distributions} distributions were used",
        show(&output)
    ));
    Ok(status(ran.status))
}

/// A file beside `output`, which gets its name when it is whole.
fn partial(output: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = output.parent().filter(|folder| *folder != Path::new(""));
    tempfile::Builder::new()
        .prefix(".pack-trace-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn keep(mut place: tempfile::NamedTempFile, output: &Path, text: &str) -> io::Result<()> {
    place.write_all(text.as_bytes())?;
    place.persist(output).map(drop).map_err(|error| error.error)
}

fn unwritable(output: &Path, source: io::Error) -> Failure {
    let path = output.to_owned();
    let hint = "name another place with `-o FILE`".to_owned();
    Failure::new(TraceError::Write { path, source }, Some(hint))
}

/// The application's own, or as shells tell of a signal.
fn status(status: ExitStatus) -> ExitCode {
    let signal = || status.signal().map(|signal| 128 + signal);
    let code = status.code().or_else(signal).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// What APP and its arguments stand for.
fn program(application: &[OsString], given: Layer, printer: &Printer) -> Result<Program, Failure> {
    let Some((name, rest)) = application.split_first() else {
        // The option asks for one at least.
        return Err(io::Error::from(io::ErrorKind::InvalidInput).into());
    };
    if Path::new(name).exists() {
        let plan = resolve(Some(PathBuf::from(name)), given, printer)?;
        let (entry, rest) = command_of(&plan, rest).unwrap_or((&plan.entry, rest));
        return Ok(Program {
            arguments: unpacked::command(&plan, entry, rest)?,
            python: plan.python,
        });
    }
    let python = chosen(given, printer)?;
    if name == "-m" || name == "-c" {
        return Ok(Program {
            python,
            arguments: application.to_vec(),
        });
    }
    let script = of_environment(name, &python)?;
    let arguments = std::iter::once(script.into()).chain(rest.iter().cloned());
    Ok(Program {
        arguments: arguments.collect(),
        python,
    })
}

/// The Python of the project in the current folder, or the one that a build would choose there.
fn chosen(given: Layer, printer: &Printer) -> Result<PathBuf, Failure> {
    match resolve(None, given.clone(), printer) {
        Ok(plan) => Ok(plan.python),
        Err(ConfigError::NoEntry { .. }) => {
            let folder = std::env::current_dir()?;
            let variables = environment::of_process();
            let settings = given.over(environment::settings(&variables)?);
            let choice = python::choose(&settings, &folder, &folder, &variables)?;
            Ok(choice.program)
        }
        Err(error) => Err(error.into()),
    }
}

/// The program that pip has put beside the interpreter.
fn of_environment(name: &OsStr, python: &Path) -> Result<PathBuf, Failure> {
    let script = python.parent().unwrap_or(Path::new("")).join(name);
    if !script.is_file() {
        let (name, python) = (name.to_owned(), python.to_owned());
        let hint =
            "name a script or a folder, or `-m MODULE`; `--python` names another environment";
        return Err(Failure::new(
            TraceError::NoApplication { name, python },
            Some(hint.into()),
        ));
    }
    let content = std::fs::read(&script)?;
    let first = content.split(|byte| *byte == b'\n').next();
    let has = |text: &[u8], word: &str| memchr::memmem::find(text, word.as_bytes()).is_some();
    // The second form stands where the path is too long for the first: `#!/bin/sh`, and a line that is Python, too.
    let is_python = first.is_some_and(|line| line.starts_with(b"#!") && has(line, "python"))
        || has(&content, "'''exec'");
    if !is_python {
        return Err(Failure::new(TraceError::NotPython(script), None));
    }
    Ok(script)
}
