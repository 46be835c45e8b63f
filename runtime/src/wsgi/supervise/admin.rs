//! The admin listener of a supervisor.

use crate::wsgi::admin::Listening;
use crate::wsgi::log;
use crate::wsgi::telemetry::Memory;

pub(super) use system::Admin;

fn listen(bind: &str, token: Option<&str>) -> Result<Listening, String> {
    let listening = Listening::new(bind, token).map_err(|error| error.to_string())?;
    log::line(&format!("admin: listening on http://{}", listening.address));
    Ok(listening)
}

#[cfg(unix)]
mod system {
    use platform::children;

    use super::super::processes::Processes;
    use super::{Listening, Memory, listen, log};
    use crate::start::Maker;

    /// Milliseconds from the end of the admin process to the start of the next.
    const RESTART: u64 = 1000;

    /// The listener and the process that has it: no thread beside the one that forks may run in the supervisor.
    pub(in super::super) struct Admin {
        listening: Listening,
        memory: Memory,
        process: Option<u32>,
        next_start: u64,
    }

    impl Admin {
        /// Listens on `bind`, to show what is in `memory`.
        ///
        /// # Errors
        /// Why it cannot.
        pub(in super::super) fn new(
            bind: &str,
            token: Option<&str>,
            memory: Memory,
        ) -> Result<Self, String> {
            Ok(Self {
                listening: listen(bind, token)?,
                memory,
                process: None,
                next_start: 0,
            })
        }

        /// Starts the process where there is none; true in the new one, which is to call [`Admin::serve`].
        pub(in super::super) fn begins(
            &mut self,
            processes: &mut Processes,
            fork: Maker<'_>,
        ) -> bool {
            let now = children::now();
            if self.process.is_some() || now < self.next_start {
                return false;
            }
            match processes.start(fork) {
                Ok(None) => return true,
                Ok(process) => self.process = process,
                Err(error) => {
                    log::line(&format!("error: cannot start the admin process: {error}"));
                    self.next_start = now + RESTART;
                }
            }
            false
        }

        /// Answers until the process ends.
        pub(in super::super) fn serve(self) {
            self.listening.serve(self.memory);
        }

        /// Whether the process that has ended was its.
        pub(in super::super) fn ended(&mut self, process: u32, how: &str, is_ending: bool) -> bool {
            if self.process != Some(process) {
                return false;
            }
            (self.process, self.next_start) = (None, children::now() + RESTART);
            if !is_ending {
                log::line(&format!("the admin process ({process}) ended: {how}"));
            }
            true
        }
    }
}

#[cfg(windows)]
mod system {
    use super::{Memory, listen};

    /// The thread that has the listener.
    pub(in super::super) struct Admin(());

    impl Admin {
        /// Listens on `bind`, to show what is in `memory`, until the process ends.
        ///
        /// # Errors
        /// Why it cannot.
        pub(in super::super) fn new(
            bind: &str,
            token: Option<&str>,
            memory: Memory,
        ) -> Result<Self, String> {
            let listening = listen(bind, token)?;
            let thread = std::thread::Builder::new().name("wsgi-admin".into());
            let started = thread.spawn(move || listening.serve(memory));
            started
                .map(|_| Self(()))
                .map_err(|error| format!("cannot start a thread: {error}"))
        }
    }
}
