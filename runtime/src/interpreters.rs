//! Makes further interpreters of the process what the main one is: importer, `sys`, runtime hooks.

use std::sync::Arc;

use payload::EntryPoint;

use crate::embed::{Attached, PyResult};
use crate::importer::{self, Bundle};
use crate::script;
use crate::start::App;
use crate::wsgi::Prepare;

/// How interpreters begin that each have a GIL of their own and serve `entry`. Asked for in the main interpreter, before
/// there is a second one.
///
/// # Errors
/// What the check of the bundle's extension modules raised.
pub(crate) fn prepare<'py>(
    py: Attached<'py>,
    app: &App,
    entry: &EntryPoint,
) -> PyResult<'py, Prepare> {
    let refused = match &app.program.refuse_own_gil {
        Some(refused) => refused.clone(),
        // Packed for something else, and told otherwise by whoever started it.
        None => check(py, &app.bundle)?,
    };
    let mut app = app.clone();
    if !entry.name.is_empty() {
        // The command's name.
        app.arguments.remove(0);
    }
    let app = Arc::new(app);
    Ok(Arc::new(move |py| {
        importer::install(py, &app.bundle, &refused)?;
        script::set_up(py, &app, &app.search_paths())?;
        script::run_hooks(py, &app)
    }))
}

/// The bundle's extension modules that an interpreter with a GIL of its own cannot load. They are tried in child
/// processes, because trying may do damage, so this has to come before all threads and interpreters.
fn check<'py>(py: Attached<'py>, bundle: &Bundle) -> PyResult<'py, Vec<String>> {
    crate::wsgi::say("checking which extension modules can be loaded in several interpreters");
    let modules = py.list(&[])?;
    for index in 0..bundle.payload.module_count() {
        let module = importer::lookup(py, bundle.payload.module_at(index))?;
        if module.extension {
            let index = py.int(module.index.into())?;
            modules.append(&py.tuple(&[
                &py.text(module.name)?,
                &py.text(module.file)?,
                &index,
            ])?)?;
        }
    }
    py.import(c"pack_runtime.trial")?
        .call_method(c"of_bundle", &[&py.text("own-gil")?, &modules])?
        .texts()
}
