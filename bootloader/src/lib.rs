//! The executable in front of every payload: locates and verifies it, unpacks what must be files, starts CPython.
//!
//! It never parses Python and never reads an offset of the format itself: `payload` does.

mod diagnostics;
#[cfg(unix)]
mod glibc;
mod launch;
mod locate;
mod patience;

use diagnostics::Failure;
use platform::process;
use platform::streams::Placeholders;

/// Runs the packed program that this executable holds, and returns the process's exit status.
#[must_use]
pub fn start() -> i32 {
    #[cfg(windows)]
    platform::library::distrust_surroundings();
    let streams = Placeholders::take();
    run(streams).unwrap_or_else(|failure| {
        diagnostics::report(&failure);
        failure.status()
    })
}

fn run(streams: Placeholders) -> Result<i32, Failure> {
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
    let ready = patience::shown(|progress| {
        let ready = unpack::ready(files, &program, progress);
        if progress.part().is_some() {
            // All of the file was read, and little of it is needed again.
            own.bytes.release();
        }
        ready
    })?;
    streams.give_back();
    launch::program(&own, &program, ready)
}
