//! `pack completions`.

use super::Failure;
use crate::report::Printer;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("completions")
        .about("Print a shell's completion script")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(clap::value_parser!(Shell))
                .help("The shell"),
        )
        .args(super::verbosity())
        .after_help(
            "Examples:\n  \
             pack completions bash > ~/.local/share/bash-completion/completions/pack\n  \
             pack completions zsh > ~/.zfunc/_pack\n  \
             pack completions fish > ~/.config/fish/completions/pack.fish",
        )
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let Some(shell) = matches.get_one::<Shell>("shell") else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut super::command(), "pack", &mut script);
    printer.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
