//! `pack init`: a commented pack.toml, after a look at what lies in the folder.

mod render;

use super::Failure;
use crate::look::{self, Found, Kind};
use crate::report::{Printer, path as show};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("init")
        .about("Write a commented pack.toml")
        .long_about(
            "Write a commented pack.toml, after a look at what lies in the folder: the scripts that pyproject.toml declares, \
             a Flask application or factory, Django's wsgi.py, a PyQt, PySide or Tkinter program, or a plain script. Nothing is run or imported.",
        )
        .arg(
            Arg::new("folder")
                .value_name("DIR")
                .value_parser(clap::value_parser!(PathBuf))
                .default_value(".")
                .help("The project's folder"),
        )
        .arg(
            Arg::new("kind")
                .long("kind")
                .value_name("KIND")
                .value_parser(Kind::ALL.map(Kind::name))
                .help("What the program is, if the look would tell otherwise"),
        )
        .arg(Arg::new("force").long("force").action(ArgAction::SetTrue).help("Replace a pack.toml that is there"))
        .args(super::verbosity())
}

/// Why no pack.toml was written.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("`{}` is not a folder", show(.0))]
    NoFolder(PathBuf),
    #[error("`{}` exists already", show(.0))]
    Exists(PathBuf),
    #[error("`{}` has its settings in [tool.pack] already", show(.0))]
    HasTable(PathBuf),
    #[error("cannot write `{}`", show(file))]
    Write {
        file: PathBuf,
        source: std::io::Error,
    },
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let Some(folder) = matches.get_one::<PathBuf>("folder") else {
        return Ok(ExitCode::SUCCESS);
    };
    if !folder.is_dir() {
        return Err(Failure::new(InitError::NoFolder(folder.clone()), None));
    }
    let file = folder.join("pack.toml");
    let force = matches.get_flag("force");
    refuse_to_replace(folder, &file, force)?;
    let wanted = matches
        .get_one::<String>("kind")
        .and_then(|name| Kind::named(name));
    let found = found(folder, wanted);
    let text = render::pack_toml(&found);
    write(&file, &text, force).map_err(|source| {
        Failure::new(
            InitError::Write {
                file: file.clone(),
                source,
            },
            None,
        )
    })?;
    printer.status(&format!(
        "{} is written: {}",
        show(&file),
        found.description()
    ));
    let build = if folder == Path::new(".") {
        "pack build".into()
    } else {
        format!("pack build {}", show(folder))
    };
    printer.status(&format!("next: look it over, then `{build}`"));
    Ok(ExitCode::SUCCESS)
}

fn refuse_to_replace(folder: &Path, file: &Path, force: bool) -> Result<(), Failure> {
    let hint = || Some("use --force to write a pack.toml all the same".to_owned());
    if force {
        return Ok(());
    }
    if file.symlink_metadata().is_ok() {
        return Err(Failure::new(InitError::Exists(file.to_owned()), hint()));
    }
    if crate::configure::file::has_settings(folder) {
        return Err(Failure::new(
            InitError::HasTable(folder.join("pyproject.toml")),
            hint(),
        ));
    }
    Ok(())
}

/// What the look found, or what `--kind` asks for.
fn found(folder: &Path, wanted: Option<Kind>) -> Found {
    let absolute = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let seen = look::best(&absolute, wanted);
    seen.unwrap_or_else(|| Found::nothing(&absolute, wanted.unwrap_or(Kind::Script)))
}

/// Writes the file whole, and never over one that came up in the meantime.
fn write(file: &Path, text: &str, force: bool) -> std::io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A temporary file is private; this one becomes a project's.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = builder.prefix(".pack-init-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    let kept = if force {
        new.persist(file)
    } else {
        new.persist_noclobber(file)
    };
    kept.map(drop).map_err(|error| error.error)
}
