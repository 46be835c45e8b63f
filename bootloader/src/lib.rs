//! The executable in front of every payload: locates and verifies it, unpacks what must be files, starts CPython.
//!
//! It never parses Python and never reads an offset of the format itself: `payload` does.

mod candidates;
mod diagnostics;
mod folder;
mod launch;
mod locate;
mod record;
mod unpack;

pub use diagnostics::{Failure, report};

/// Runs the packed program that this executable holds, and returns its exit status.
///
/// # Errors
/// When the program cannot be started; nothing of it has run then.
pub fn run() -> Result<i32, Failure> {
    let own = locate::own_file()?;
    let program = own.payload.program().map_err(Failure::damaged)?;
    let meipass = match &program.contents_directory {
        None => unpack::ready(&own, &program)?,
        Some(name) => folder::ready(&own, &program, name)?,
    };
    launch::program(&own, &program, &meipass)
}
