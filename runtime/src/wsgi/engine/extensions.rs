//! Extension modules that cannot be loaded in an interpreter with a GIL of its own.

use std::ffi::CStr;

use crate::embed::{Attached, PyResult};

/// What CPython says of such a module.
pub(super) const REFUSED_BY_CPYTHON: &str = "does not support loading in subinterpreters";

/// Those that the importer turned away in this interpreter, whether the application could do without them or not.
pub(super) fn turned_away(py: Attached<'_>) -> Vec<String> {
    let mut names = list(py, c"turned_away").unwrap_or_default();
    names.sort();
    names.dedup();
    names
}

/// Those that have been imported and need a GIL, as far as it is known.
pub(super) fn in_need_of_gil(py: Attached<'_>) -> Vec<String> {
    let imported = || -> PyResult<'_, Vec<String>> {
        let modules = py.import(c"sys")?.attr(c"modules")?;
        let mut names = list(py, c"need_gil")?;
        let mut error = None;
        names.retain(|name| {
            let is_there = py
                .text(name)
                .and_then(|name| modules.call_method(c"__contains__", &[&name])?.truth());
            is_there.unwrap_or_else(|raised| {
                error = Some(raised);
                false
            })
        });
        error.map_or(Ok(names), Err)
    };
    imported().unwrap_or_default()
}

/// A list of texts that the importer's own module has; empty outside of packed programs.
fn list<'py>(py: Attached<'py>, name: &CStr) -> PyResult<'py, Vec<String>> {
    let Some(natives) = py.loaded(c"_pack")? else {
        return Ok(Vec::new());
    };
    match natives.attr_opt(name)? {
        Some(names) => names.texts(),
        None => Ok(Vec::new()),
    }
}

/// What to do about them.
pub(super) fn hint(turned_away: &[String]) -> String {
    let which = if turned_away.is_empty() {
        String::from("the extension module named above refuses")
    } else {
        format!("extension modules ({}) refuse", turned_away.join(", "))
    };
    format!(
        "\n{which} to be loaded in an interpreter with a GIL of its own. Serve with several processes instead \
         (`gil = \"shared\"` and `processes`), or do without them"
    )
}
