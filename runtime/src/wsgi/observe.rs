//! What watches over the server: telemetry, the admin listener, and the thread that sets the switch interval.

use std::io;
use std::sync::Arc;

use payload::{Gil, Wsgi};
use platform::Words;

use super::admin::{Admin, AdminError};
use super::background::Background;
use super::engine::Engine;
use super::gate::Gate;
use super::log;
use super::supervise::Worker;
use super::telemetry::{Memory, Shape, State, Telemetry, tune};

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
    _admin: Option<Admin>,
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
            _admin: admin,
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
    pub(crate) fn serving(&self, engine: &Engine, background: &mut Background) -> io::Result<()> {
        let Some(telemetry) = &self.telemetry else {
            return Ok(());
        };
        for (index, member) in engine.members().iter().enumerate() {
            let (telemetry, interval) = (Arc::clone(telemetry), member.interval);
            // Interpreters share the threads' connections, and with them what waits.
            let is_only = engine.members().len() == 1 && Gate::is_possible();
            let gate = (is_only && member.host.leads).then(|| Arc::clone(&member.host.gate));
            tune(
                telemetry,
                index,
                (member.interpreter, gate),
                interval,
                background,
            )?;
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
}
