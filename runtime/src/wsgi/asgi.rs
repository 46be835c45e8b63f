//! ASGI applications, which this server cannot serve, told from WSGI ones before the first request.

use crate::embed::{Attached, Owned, PyResult};

/// What their owners read.
pub(crate) const MESSAGE: &str = "the application is an ASGI application (its calls are coroutines), and this server speaks WSGI; \
     wrap it with an adapter such as a2wsgi.ASGIMiddleware";

/// Of the code of an `async def` (`inspect.CO_COROUTINE`).
const CO_COROUTINE: i64 = 0x80;

/// Whether `application` is called with `await`.
///
/// # Errors
/// What looking at it raised.
pub(crate) fn is_asgi<'py>(py: Attached<'py>, application: &Owned<'py>) -> PyResult<'py, bool> {
    if is_coroutine_function(py, Owned::clone(application))? {
        return Ok(true);
    }
    match application.class().attr_opt(c"__call__")? {
        Some(call) => is_coroutine_function(py, call),
        None => Ok(false),
    }
}

/// What `inspect.iscoroutinefunction` says. That module is large, and many applications have no other use for it: where it is
/// not loaded nobody can have marked a function by it, and the rest is told by its own rules.
fn is_coroutine_function<'py>(py: Attached<'py>, mut object: Owned<'py>) -> PyResult<'py, bool> {
    if let Some(inspect) = py.loaded(c"inspect")?
        && let Some(is_coroutine) = inspect.attr_opt(c"iscoroutinefunction")?
    {
        return is_coroutine.call(&[&object])?.truth();
    }
    let partial = py.import(c"_functools")?.attr(c"partial")?;
    let is_instance = py.import(c"builtins")?.attr(c"isinstance")?;
    loop {
        if is_instance.call(&[&object, &partial])?.truth()? {
            object = object.attr(c"func")?;
        } else if object.type_name() == "method" {
            object = object.attr(c"__func__")?;
        } else {
            break;
        }
    }
    if object.type_name() != "function" {
        return Ok(false);
    }
    let flags = object.attr(c"__code__")?.attr(c"co_flags")?;
    Ok(flags.to_i64()? & CO_COROUTINE != 0)
}
