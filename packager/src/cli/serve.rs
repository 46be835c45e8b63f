//! `pack serve`.

use super::Failure;
use crate::configure::layer::Layer;
use crate::configure::value::{Given, Origin, Value};
use crate::configure::{self, ConfigError, Request, command_line, environment, settings};
use crate::plan::{BuildPlan, Entry};
use crate::report::{Printer, path as show};
use crate::unpacked::{self, StartError};
use clap::{Arg, ArgAction, ArgMatches, Command};
use payload::Wsgi;
use std::path::PathBuf;
use std::process::ExitCode;

const APPLICATION: &str = "MODULE:CALLABLE";

pub(super) fn command() -> Command {
    Command::new("serve")
        .about("Serve a WSGI application without packing it")
        .long_about(
            "Serve a WSGI application as the packed program would, in the Python of its environment: the same server, the \
             same settings. Those of a pack.toml in the current folder hold, and an application that it names needs no \
             naming here.",
        )
        .args_override_self(true)
        .arg(
            Arg::new("application")
                .value_name(APPLICATION)
                .help("What to serve, such as site.wsgi:application [default: `app` of [wsgi] in pack.toml]"),
        )
        .args(command_line::arguments_of(is_known))
        .arg(
            Arg::new("static")
                .long("static")
                .value_name("PREFIX=FOLDER")
                .action(ArgAction::Append)
                .help("Serve a folder's files below a URL prefix, such as /static=static, without Python")
                .long_help(
                    "Serve a folder's files below a URL prefix, such as /static=static, without Python\n\n\
                     May be given several times; those of pack.toml are not served then.\n\n\
                     [pack.toml: wsgi.static]",
                )
                .help_heading(settings::SERVER),
        )
        .args(super::verbosity().map(|argument| argument.help_heading("Messages")))
        .after_help(
            "Examples:\n  \
             pack serve guestbook:app\n  \
             pack serve 'guestbook:create_app()' --python .venv --bind 0.0.0.0:8000 --threads 8",
        )
}

fn is_known(setting: &settings::Setting) -> bool {
    command_line::is_of_server(setting) || command_line::is_of_run(setting)
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    #[error("nothing in `{}` says what to serve", show(.0))]
    NoApplication(PathBuf),
    #[error("the program of `{}` is no WSGI application", show(.0))]
    OtherProgram(PathBuf),
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let hint = error.hint();
        Self::new(error, hint)
    }
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let mut arguments = command_line::settings_of(matches, is_known)?;
    if let (Some(text), Some(setting)) = (
        matches.get_one::<String>("application"),
        settings::find("wsgi.app"),
    ) {
        let value = Value::Text(text.clone());
        arguments.set(setting, value, Origin::Flag(APPLICATION.into()));
    }
    statics(matches, &mut arguments)?;
    let plan = match resolve(None, arguments, printer) {
        Err(ConfigError::NoEntry { folder, found, .. }) => {
            let found = found.filter(|found| found.kind == crate::look::Kind::Wsgi);
            let name = found.map_or_else(|| APPLICATION.to_owned(), |found| found.entry.clone());
            let hint = format!("name it: `pack serve {name}`, or `app` in [wsgi] of a pack.toml");
            return Err(Failure::new(ServeError::NoApplication(folder), Some(hint)));
        }
        plan => plan?,
    };
    let Entry::Wsgi(wsgi) = &plan.entry else {
        let hint = format!("`pack run` runs it; `pack serve {APPLICATION}` serves another one");
        return Err(Failure::new(
            ServeError::OtherProgram(plan.root.clone()),
            Some(hint),
        ));
    };
    serve(&plan, wsgi)
}

/// `--static`.
fn statics(matches: &ArgMatches, arguments: &mut Layer) -> Result<(), ConfigError> {
    let origin = || Origin::Flag("--static".into());
    let mut rows = Vec::new();
    for text in matches.get_many::<String>("static").into_iter().flatten() {
        let (prefix, folder) = text.split_once('=').ok_or_else(|| ConfigError::Invalid {
            origin: origin(),
            got: format!("`{text}`"),
            expected: "PREFIX=FOLDER, such as `/static=static`".into(),
        })?;
        let given = Given {
            value: folder.to_owned(),
            origin: origin(),
        };
        rows.push((prefix.to_owned(), given));
    }
    if let Some(setting) = settings::find("wsgi.static").filter(|_| !rows.is_empty()) {
        arguments.set(setting, Value::Table(rows), origin());
    }
    Ok(())
}

/// Makes the plan, and tells what there is to be told.
pub(super) fn resolve(
    target: Option<PathBuf>,
    arguments: Layer,
    printer: &Printer,
) -> Result<BuildPlan, ConfigError> {
    let request = Request {
        target,
        current: std::env::current_dir().map_err(ConfigError::Read)?,
        arguments,
        environment: environment::of_process(),
        clean: false,
        noconfirm: false,
        no_cache: true,
    };
    let (plan, notes) = configure::resolve(&request)?;
    for note in &notes {
        printer.warning(note);
    }
    printer.detail(&format!(
        "Python: {} ({})",
        show(&plan.python),
        plan.python_reason
    ));
    Ok(plan)
}

/// Becomes the server.
pub(super) fn serve(plan: &BuildPlan, wsgi: &Wsgi) -> Result<ExitCode, Failure> {
    unpacked::serve(plan, wsgi, std::slice::from_ref(&plan.name))?;
    Ok(ExitCode::SUCCESS)
}
