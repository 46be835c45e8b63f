//! What watches over the server: telemetry, the admin listener, and the thread that sets the switch interval.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use payload::Wsgi;

use super::admin::{Admin, AdminError};
use super::log;
use super::telemetry::{Interval, Setting, State, Telemetry, Tuner};
use crate::embed::{Attached, Interpreter, PyResult};

/// Set to `off`, nothing is measured: for measuring what measuring costs.
const VARIABLE: &str = "PACK_TELEMETRY";

/// It, from before the application is imported to the end.
#[derive(Debug)]
pub(crate) struct Observer {
    telemetry: Option<Arc<Telemetry>>,
    // Its thread ends when it is dropped.
    admin: Option<Admin>,
    tuner: Option<Tuner>,
}

impl Observer {
    /// Begins to measure, and to answer on the admin listener, if there is to be one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(crate) fn start(settings: &Wsgi) -> Result<Self, AdminError> {
        let threads = usize::try_from(settings.threads.max(1)).unwrap_or(1);
        let is_off = std::env::var_os(VARIABLE).is_some_and(|value| value == "off");
        let telemetry = (!is_off).then(|| Telemetry::new(1, threads));
        let admin = match (&telemetry, &settings.admin) {
            (Some(telemetry), Some(bind)) => {
                let memory = telemetry.memory().clone();
                let admin = Admin::start(bind, settings.admin_token.as_deref(), memory)?;
                log::line(&format!("admin: listening on http://{}", admin.address()));
                Some(admin)
            }
            _ => None,
        };
        Ok(Self {
            telemetry,
            admin,
            tuner: None,
        })
    }

    /// What is measured, if anything.
    pub(crate) fn telemetry(&self) -> Option<&Arc<Telemetry>> {
        self.telemetry.as_ref()
    }

    /// Applies the setting of the switch interval to the present interpreter.
    ///
    /// # Errors
    /// What Python raised.
    pub(crate) fn set_interval<'py>(
        &mut self,
        py: Attached<'py>,
        setting: Setting,
    ) -> PyResult<'py, Interval> {
        let interval = Interval::of(py, false);
        let block = self.telemetry.as_ref().map(|telemetry| telemetry.block(0));
        if let Some(warning) = interval.apply(py, setting, block.as_ref())? {
            log::line(&format!("warning: {warning}"));
        }
        Ok(interval)
    }

    /// The server takes requests from now on.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn serving(
        &mut self,
        interpreter: Interpreter,
        interval: Interval,
    ) -> io::Result<()> {
        if let Some(telemetry) = &self.telemetry {
            self.tuner = Some(Tuner::start(
                Arc::clone(telemetry),
                0,
                interpreter,
                interval,
            )?);
            telemetry.enter(State::Serving);
        }
        Ok(())
    }

    /// It finishes those under way.
    pub(crate) fn draining(&self) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.enter(State::Draining);
        }
    }

    /// Ends the threads; false when one has not ended within `patience`. Call it without the GIL.
    pub(crate) fn stop(self, patience: Duration) -> bool {
        drop(self.admin);
        self.tuner.is_none_or(|tuner| tuner.stop(patience))
    }
}
