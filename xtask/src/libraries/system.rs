//! What the libraries need beside Python: servers, and the libraries of a desktop that no wheel brings.

use super::library::Library;
use crate::setup::{self, step};
use std::collections::BTreeSet;
use std::process::Command;

/// Installs the system's packages that the scripts name and that are missing. Where that cannot be done, the scripts tell
/// what they miss.
pub(super) fn install(wanted: &[Library]) {
    let named = wanted.iter().flat_map(|library| &library.system);
    let missing: BTreeSet<&str> = named
        .map(String::as_str)
        .filter(|name| !is_installed(name))
        .collect();
    if missing.is_empty() {
        return;
    }
    let missing: Vec<&str> = missing.into_iter().collect();
    step(&format!("installing {}", missing.join(", ")));
    let installed = setup::run(Command::new("apt-get").args(["update", "-qq"])).and_then(|()| {
        let mut command = Command::new("apt-get");
        command.args(["install", "-y", "-qq", "--no-install-recommends"]);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        setup::run(command.args(&missing))
    });
    if let Err(error) = installed {
        println!("    could not install them: {error:#}");
    }
}

fn is_installed(package: &str) -> bool {
    let mut question = Command::new("dpkg-query");
    question.args(["-W", "-f", "${db:Status-Status}", package]);
    setup::read(&mut question).is_ok_and(|status| status == "installed")
}
