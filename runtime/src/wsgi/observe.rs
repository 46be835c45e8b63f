//! What watches over the server: telemetry, the admin listener, and the thread that sets the switch interval.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use payload::{Gil, Wsgi};
use platform::Words;

use super::admin::{Admin, AdminError};
use super::engine::Engine;
use super::log;
use super::supervise::Worker;
use super::telemetry::{Memory, Shape, State, Telemetry, Tuner};

/// Set to `off`, nothing is measured: for measuring what measuring costs.
const VARIABLE: &str = "PACK_TELEMETRY";

/// Whether anything is measured.
pub(super) fn is_on() -> bool {
    std::env::var_os(VARIABLE).is_none_or(|value| value != "off")
}

/// Room for the figures of up to `slots` processes.
pub(super) fn shape(settings: &Wsgi, slots: usize) -> Shape {
    let count = |count: u32| usize::try_from(count.max(1)).unwrap_or(1);
    Shape {
        slots,
        interpreters: match settings.gil {
            Gil::PerInterpreter => count(settings.interpreters),
            Gil::Shared | Gil::Free => 1,
        },
        threads: count(settings.threads),
    }
}

/// It, from before the application is imported to the end.
#[derive(Debug)]
pub(crate) struct Observer {
    telemetry: Option<Arc<Telemetry>>,
    // Its thread ends when it is dropped.
    admin: Option<Admin>,
    tuners: Vec<Tuner>,
}

impl Observer {
    /// Begins to measure, and to answer on the admin listener, if there is to be one.
    ///
    /// # Errors
    /// When it cannot listen.
    pub(crate) fn start(settings: &Wsgi) -> Result<Self, AdminError> {
        let worker = Worker::current();
        let telemetry = is_on().then(|| match worker.and_then(Worker::memory) {
            Some((memory, slot)) => Telemetry::in_memory(memory, slot),
            None => {
                let shape = shape(settings, 1);
                Telemetry::in_memory(Memory::new(Words::private(shape.words()), shape), 0)
            }
        });
        let admin = match (&telemetry, &settings.admin) {
            // Otherwise it is the supervisor's.
            (Some(telemetry), Some(bind)) if worker.is_none() => {
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
            tuners: Vec::new(),
        })
    }

    /// What is measured, if anything.
    pub(crate) fn telemetry(&self) -> Option<&Arc<Telemetry>> {
        self.telemetry.as_ref()
    }

    /// The server takes requests from now on.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn serving(&mut self, engine: &Engine) -> io::Result<()> {
        let Some(telemetry) = &self.telemetry else {
            return Ok(());
        };
        for (index, member) in engine.members().iter().enumerate() {
            let telemetry = Arc::clone(telemetry);
            let tuner = Tuner::start(telemetry, index, member.interpreter, member.interval)?;
            self.tuners.push(tuner);
        }
        telemetry.enter(State::Serving);
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
        let stopped = self.tuners.into_iter().map(|tuner| tuner.stop(patience));
        // All, whatever becomes of one.
        stopped.filter(|stopped| !stopped).count() == 0
    }
}
