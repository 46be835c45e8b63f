//! Finding the application in an interpreter.

use payload::Wsgi;

use super::super::{StartError, asgi};
use crate::embed::{Attached, Owned, PyResult};

/// Imports what `settings` name; a factory is called.
///
/// # Errors
/// What importing it, or calling its factory, raised.
pub(crate) fn application<'py>(py: Attached<'py>, settings: &Wsgi) -> PyResult<'py, Owned<'py>> {
    let (path, factory) = match settings.callable.strip_suffix("()") {
        Some(path) => (path, true),
        None => (settings.callable.as_str(), false),
    };
    let mut object = py.import_named(&settings.module)?;
    for name in path.split('.') {
        object = object.attr_object(&py.text(name)?)?;
    }
    if factory {
        object.call(&[])
    } else {
        Ok(object)
    }
}

/// Refuses what is no WSGI application.
pub(super) fn check<'py>(
    py: Attached<'py>,
    application: &Owned<'py>,
    settings: &Wsgi,
) -> Result<(), StartError<'py>> {
    let name = super::name(settings);
    if !application.is_callable() {
        let kind = application.type_name();
        return Err(StartError::Message(format!(
            "`{name}` is not a WSGI application: a {kind} cannot be called"
        )));
    }
    if asgi::is_asgi(py, application)? {
        return Err(StartError::Message(format!(
            "cannot serve `{name}`: {}",
            asgi::MESSAGE
        )));
    }
    Ok(())
}
