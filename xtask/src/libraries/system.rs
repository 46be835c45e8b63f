//! What the libraries need beside Python: servers, and the libraries of a desktop that no wheel brings.

use super::library::Library;
use crate::setup::{self, step};
use std::collections::BTreeSet;

/// Installs the system's packages that the scripts name and that are missing. Where that cannot be done, the scripts tell
/// what they miss.
pub(super) fn install(wanted: &[Library]) {
    let named = wanted.iter().flat_map(|library| &library.system);
    let missing: BTreeSet<&str> = named
        .map(String::as_str)
        .filter(|name| !setup::is_installed(name))
        .collect();
    if missing.is_empty() {
        return;
    }
    let missing: Vec<&str> = missing.into_iter().collect();
    step(&format!("installing {}", missing.join(", ")));
    let words = [&["--no-install-recommends"], &missing[..]].concat();
    if let Err(error) = setup::install(&words) {
        println!("    could not install them: {error:#}");
    }
}
