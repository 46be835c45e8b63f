//! The executable in front of every payload: locates and verifies it, unpacks what must be files, starts CPython.
//!
//! It never parses Python and never reads an offset of the format itself: `payload` does.

mod diagnostics;
mod launch;
mod locate;
mod patience;

pub use diagnostics::{Failure, report};
use payload::Unpack;

/// Runs the packed program that this executable holds, and returns its exit status.
///
/// # Errors
/// When the program cannot be started; nothing of it has run then.
pub fn run() -> Result<i32, Failure> {
    let own = locate::own_file()?;
    let files = &own.files;
    let program = files.payload.program().map_err(Failure::damaged)?;
    let ready = patience::shown(|progress| unpack::ready(files, &program, progress))?;
    if program.unpack == Unpack::Each && program.contents_directory.is_none() {
        unpack::start_janitor(&ready);
    }
    launch::program(&own, &program, ready)
}
