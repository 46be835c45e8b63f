//! The executable in front of every payload: locates and verifies it, unpacks what must be files, starts CPython.
//!
//! It never parses Python and never reads an offset of the format itself: `payload` does.

mod diagnostics;
mod glibc;
mod launch;
mod locate;
mod patience;

use diagnostics::Failure;
use payload::{FormatError, Unpack};
use platform::guard::{self, Guard};
use platform::process;
use platform::streams::Placeholders;

/// Runs the packed program that this executable holds, and returns the process's exit status.
#[must_use]
pub fn start() -> i32 {
    // First: whatever runs after it may be damaged.
    let guard = Guard::arm(is_own_code_intact);
    let streams = Placeholders::take();
    say_no_more_than_needed();
    run(guard, streams).unwrap_or_else(|failure| {
        let failure = if guard::is_damaged() {
            // Whatever else seems to be wrong may come of it.
            Failure::Damaged(FormatError::Prefix)
        } else {
            failure
        };
        diagnostics::report(&failure);
        failure.status()
    })
}

fn run(guard: Guard, streams: Placeholders) -> Result<i32, Failure> {
    let own = locate::own_file()?;
    let files = &own.files;
    // What cannot be read is damaged; the index's hash tells so better.
    let program = files.payload.program().map_err(|error| {
        let index = files.payload.verify_index();
        Failure::damaged(index.err().unwrap_or(error))
    })?;
    if program.contents_directory.is_none() && process::outranks_its_user() {
        return Err(Failure::Rights);
    }
    let (ready, worked) = patience::shown(|progress| {
        let ready = unpack::ready(files, &program, progress);
        (ready, progress.part().is_some())
    });
    let ready = ready?;
    // Once more, by other code: one flipped bit in the first check could have made it say yes.
    if worked && guard::is_damaged() {
        return Err(Failure::Damaged(FormatError::Prefix));
    }
    // The code is known to be right, and what comes now is not ours.
    guard.disarm();
    if program.unpack == Unpack::Each && program.contents_directory.is_none() {
        unpack::start_janitor(&ready);
    }
    streams.give_back();
    launch::program(&own, &program, ready)
}

fn is_own_code_intact(file: &[u8]) -> bool {
    payload::check_prefix(file).is_ok()
}

/// A panic in damaged code says nothing that helps.
fn say_no_more_than_needed() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        guard::end_if_damaged();
        usual(panic);
    }));
}
