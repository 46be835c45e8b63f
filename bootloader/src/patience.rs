//! Tells whoever waits at a terminal that a first start is under way, when it takes long.

use crate::diagnostics::program_name;
use std::io::{self, IsTerminal, Write};
use unpack::Progress;

/// Does `work`, whose progress is shown on a terminal once it has taken a second.
pub(crate) fn shown<T>(work: impl FnOnce(&Progress) -> T) -> T {
    let show: Option<fn(f64)> = if io::stderr().is_terminal() {
        Some(show)
    } else {
        None
    };
    let progress = Progress::new(show);
    let result = work(&progress);
    if progress.was_shown() {
        // The terminal is the program's now.
        say("\r\x1b[K");
    }
    result
}

fn show(part: f64) {
    let (name, percent) = (program_name(), part * 100.0);
    say(&format!(
        "\r{name}: preparing the first start, {percent:.0} %"
    ));
}

fn say(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
