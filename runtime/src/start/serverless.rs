//! The library without a WSGI host, for programs that serve nothing.

use payload::{EntryPoint, Wsgi};

use super::{App, Maker, StartFailure};
use crate::embed::config::Gil;
use crate::embed::{Attached, PyResult, Raised};

/// There is nothing to supervise.
///
/// # Errors
/// Never.
pub(super) fn supervise(_: &App, _: Maker<'_>) -> Result<Option<i32>, StartFailure> {
    Ok(None)
}

/// What `python app.py` would give the program.
pub(super) fn gil(_: &App) -> Gil {
    Gil::WhenNeeded
}

/// Refuses: the packer puts another library into programs that serve.
///
/// # Errors
/// Always.
pub(crate) fn serve<'py>(
    py: Attached<'py>,
    _: &App,
    _: &EntryPoint,
    _: &Wsgi,
) -> PyResult<'py, i32> {
    Err(Raised::runtime_error(
        py,
        "the program was packed without a server",
    ))
}
