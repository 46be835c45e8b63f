//! The `pack` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    packager::cli::run(std::env::args_os())
}
