//! ASGI applications, which this server cannot serve, told from WSGI ones before the first request.

use crate::embed::{Attached, Owned, PyResult};

/// What their owners read.
pub(crate) const MESSAGE: &str = "the application is an ASGI application (its calls are coroutines), and this server speaks WSGI; \
     wrap it with an adapter such as a2wsgi.ASGIMiddleware";

/// Whether `application` is called with `await`.
///
/// # Errors
/// What looking at it raised.
pub(crate) fn is_asgi<'py>(py: Attached<'py>, application: &Owned<'py>) -> PyResult<'py, bool> {
    let is_coroutine = py.import(c"inspect")?.attr(c"iscoroutinefunction")?;
    if is_coroutine.call(&[application])?.truth()? {
        return Ok(true);
    }
    match application.class().attr_opt(c"__call__")? {
        Some(call) => is_coroutine.call(&[&call])?.truth(),
        None => Ok(false),
    }
}
