//! The script host: runs an entry point as `python` would, and ends as `python` would.

use std::path::PathBuf;

use payload::{EntryPoint, Target};

use crate::embed::{Attached, Owned, PyResult, Raised};
use crate::start::{App, is_started_by_itself, server};

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit status.
    Status(i32),
    /// By a `KeyboardInterrupt` that nobody caught: the process is to die of the signal.
    Interrupted,
}

/// Gives `sys` what programs expect of it (README, "What a packed program sees").
pub(crate) fn set_up<'py>(
    py: Attached<'py>,
    app: &App,
    search_paths: &[PathBuf],
) -> PyResult<'py, ()> {
    let program = &app.program;
    let facts = py.dict()?;
    let fact = |name: &str, value: &str| facts.set_item(&py.text(name)?, &py.text(value)?);
    for (name, value) in &program.facts {
        fact(name, value)?;
    }
    let (major, minor, micro) = program.python.version;
    fact("name", &program.name)?;
    fact("id", &program.id)?;
    fact("version", &program.version)?;
    fact("python", &format!("{major}.{minor}.{micro}"))?;
    let paths = search_paths.iter().map(|path| py.path(path.as_os_str()));
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    let arguments = texts(py, app)?;
    host(py)?.call_method(
        c"set_up",
        &[
            &py.path(app.executable.as_os_str())?,
            &arguments,
            &py.list(&paths.iter().collect::<Vec<_>>())?,
            &facts,
        ],
    )?;
    Ok(())
}

/// Takes the variable that led the interpreter's program to its libraries out of the environment again; `before` is
/// what the bootloader wrote down (see its `library_path`).
#[cfg(unix)]
pub(crate) fn restore_library_path<'py>(
    py: Attached<'py>,
    before: &std::ffi::OsStr,
) -> PyResult<'py, ()> {
    const NAME: &str = "LD_LIBRARY_PATH";
    use std::os::unix::ffi::OsStrExt;
    let environ = py.import(c"posix")?.attr(c"environ")?;
    match before.as_bytes() {
        b"." => {}
        [b'=', value @ ..] => {
            platform::process::set_variable(NAME, std::ffi::OsStr::from_bytes(value));
            environ.set_item(&py.bytes(NAME.as_bytes())?, &py.bytes(value)?)?;
        }
        _ => {
            platform::process::remove_variable(NAME);
            environ.call_method(c"pop", &[&py.bytes(NAME.as_bytes())?, &py.none()])?;
        }
    }
    Ok(())
}

/// Runs the program to its end.
pub(crate) fn run(py: Attached<'_>, app: &App) -> Ended {
    match enter(py, app) {
        Ok(status) => Ended::Status(status),
        Err(raised) => finish(py, &raised),
    }
}

fn enter<'py>(py: Attached<'py>, app: &App) -> PyResult<'py, i32> {
    let host = host(py)?;
    let by_itself = py.bool(!app.arguments.is_empty() && is_started_by_itself(app))?;
    let prepared = host.call_method(c"as_interpreter", &[&texts(py, app)?, &by_itself])?;
    if !prepared.is_none() {
        return evaluate(py, &prepared);
    }
    run_hooks(py, app)?;
    let entry = select(py, app, &host)?;
    match &entry.target {
        Target::Script(path) => evaluate(
            py,
            &host.call_method(c"prepare_script", &[&py.text(path)?])?,
        ),
        Target::Module(module) => evaluate(
            py,
            &host.call_method(c"prepare_module", &[&py.text(module)?])?,
        ),
        Target::Function { module, function } => {
            let names = [&py.text(module)?, &py.text(function)?];
            evaluate(py, &host.call_method(c"prepare_function", &names)?)
        }
        Target::Wsgi(settings) => server::serve(py, app, entry, settings),
    }
}

/// Runs the program's runtime hooks, each in a namespace of its own.
///
/// # Errors
/// What one of them raised.
pub(crate) fn run_hooks<'py>(py: Attached<'py>, app: &App) -> PyResult<'py, ()> {
    let host = host(py)?;
    for hook in &app.program.runtime_hooks {
        evaluate(py, &host.call_method(c"prepare_hook", &[&py.text(hook)?])?)?;
    }
    Ok(())
}

/// The entry point that the first argument names, else the main one. The name of a command is no argument of it.
fn select<'py, 'a>(
    py: Attached<'py>,
    app: &'a App,
    host: &Owned<'py>,
) -> PyResult<'py, &'a EntryPoint> {
    let chosen = chosen(app);
    if chosen.is_some_and(|entry| !entry.name.is_empty()) {
        host.call_method(c"drop_command", &[])?;
    }
    chosen.ok_or_else(|| Raised::runtime_error(py, "the program has no main entry point"))
}

/// As [`select`] will find it, when Python is not started yet.
pub(crate) fn chosen(app: &App) -> Option<&EntryPoint> {
    let entries = &app.program.entries;
    let word = app.arguments.first().and_then(|word| word.to_str());
    let named = |name: &str| entries.iter().find(|entry| entry.name == name);
    let command = word.filter(|word| !word.is_empty()).and_then(named);
    command.or_else(|| named(""))
}

/// Evaluates `(code, namespace)`; a program that comes to its end exits with 0.
fn evaluate<'py>(py: Attached<'py>, prepared: &Owned<'py>) -> PyResult<'py, i32> {
    let part = |index| {
        let part = prepared.tuple_item(index);
        part.ok_or_else(|| Raised::type_error(py, "expected code and namespace"))
    };
    py.evaluate(&*part(0)?, &*part(1)?)?;
    Ok(0)
}

/// Reports an exception that ended the program and tells how the process is to end.
fn finish(py: Attached<'_>, raised: &Raised<'_>) -> Ended {
    let value = raised.value();
    let finished = host(py).and_then(|host| {
        let trace = value.attr(c"__traceback__")?;
        let result = host.call_method(c"finish", &[&value.class(), value, &trace])?;
        if result.is_none() {
            Ok(Ended::Interrupted)
        } else {
            Ok(Ended::Status(i32::try_from(result.to_i64()?).unwrap_or(-1)))
        }
    });
    finished.unwrap_or_else(|error| {
        crate::start::report(&crate::start::StartFailure::text(format!(
            "{}\nwhile reporting {}",
            error.render(),
            raised.summary()
        )));
        Ended::Status(1)
    })
}

fn host(py: Attached<'_>) -> PyResult<'_, Owned<'_>> {
    py.import(c"pack_runtime.host")
}

fn texts<'py>(py: Attached<'py>, app: &App) -> PyResult<'py, Owned<'py>> {
    let texts = app.arguments.iter().map(|argument| py.path(argument));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    py.list(&texts.iter().collect::<Vec<_>>())
}
