//! The start inside an interpreter without a shared library, whose program the bootloader became.

use std::path::PathBuf;

use platform::MappedFile;
use platform::directory::Lock;
use platform::handoff::Start;

use super::{App, StartFailure, arguments, finish, server};
use crate::embed::{Attached, fork};
use crate::script;

/// Runs the program in its interpreter's own process, which the bootloader became.
pub(crate) fn start(py: Attached<'_>) -> Result<i32, StartFailure> {
    // The interpreter's own arguments: -I -S -B -c STATEMENT, after its name.
    let mut given = std::env::args_os().skip(6);
    let mut next = || {
        given
            .next()
            .ok_or_else(|| StartFailure::text("started without the bootloader"))
    };
    let (executable, meipass) = (PathBuf::from(next()?), PathBuf::from(next()?));
    next()?;
    script::restore_library_path(py, &next()?).map_err(|raised| StartFailure::raised(&raised))?;
    let in_use = next()?.to_str().and_then(|number| number.parse().ok());
    let in_use = in_use.unwrap_or(-1);
    // From here on no other program that this one starts is to hold the lock.
    if in_use >= 0
        && let Ok(lock) = Lock::inherited(in_use)
    {
        lock.forget();
    }
    let unreadable = |error| StartFailure::text(format!("{}: {error}", executable.display()));
    // The bootloader verified this file a moment ago; another file that took its place meanwhile is another program.
    let file = MappedFile::open(&executable).map_err(unreadable)?.leak();
    let start = Start {
        file: file.into(),
        executable,
        meipass,
        libpython: None,
        in_use,
    };
    let words = std::env::args_os().take(1).chain(given);
    let app = App::new(&start, arguments::own(&start.executable, words))?;
    if let Some(status) = server::supervise(&app, &|| fork(py))? {
        // Nothing of the application has run here.
        return Ok(status);
    }
    finish(py, &app, &[])
}
