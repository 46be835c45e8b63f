//! What Python code can ask: `environ["pack.times"]()` about the request that the thread runs, and
//! `pack_runtime.metrics()` about the server.

use std::ffi::CStr;
use std::sync::Arc;

use super::{Telemetry, json, local};
use crate::embed::{Arguments, Attached, Callable, Capsule, Owned, PyResult};

/// `environ["pack.times"]`
pub(crate) struct Facts;

impl Callable for Facts {
    type State = Arc<Telemetry>;
    const NAME: &'static CStr = c"times";
    const DOC: &'static CStr =
        c"times() -> dict: seconds that the request of this thread has spent so far, by phase";

    fn call<'py>(
        py: Attached<'py>,
        _: &Arc<Telemetry>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        arguments.expect(0, 0)?;
        let times = local::times().unwrap_or_default();
        let facts = py.dict()?;
        for (name, time) in [
            ("queue_time", times.queue),
            ("gil_wait", times.gil_wait),
            ("input_time", times.input),
            ("output_time", times.output),
            ("thread_time", times.thread),
        ] {
            facts.dict_set(&py.text(name)?, &py.float(json::seconds(time))?)?;
        }
        Ok(facts)
    }
}

struct Metrics;

impl Callable for Metrics {
    type State = Arc<Telemetry>;
    const NAME: &'static CStr = c"metrics";
    const DOC: &'static CStr = c"metrics() -> str: the server's figures, JSON";

    fn call<'py>(
        py: Attached<'py>,
        telemetry: &Arc<Telemetry>,
        arguments: Arguments<'_, 'py>,
    ) -> PyResult<'py, Owned<'py>> {
        arguments.expect(0, 0)?;
        let memory = telemetry.memory();
        let text = py.detach(|| json::metrics(memory, false).to_string());
        py.text(&text)
    }
}

/// Gives `pack_runtime.metrics` what it asks. Where there is no such module (an interpreter that was not started by
/// `pack`) nobody can ask.
///
/// # Errors
/// MemoryError.
pub(crate) fn metrics<'py>(py: Attached<'py>, telemetry: &Arc<Telemetry>) -> PyResult<'py, ()> {
    let function = Capsule::new(py, Arc::clone(telemetry))?.function::<Metrics>()?;
    match py.import(c"pack_runtime") {
        Ok(module) => module.set_attr(c"_metrics", &function),
        Err(_) => Ok(()),
    }
}
