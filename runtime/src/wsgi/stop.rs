//! The server's life in the main thread: signals, and the way to the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use platform::signals::{INTERRUPT, Signals, TERMINATE, WOKEN};

use super::host::Host;
use super::log;
use super::observe::Observer;
use super::queue::Queue;
use super::transport::{Phase, Running};
use super::worker::Workers;
use crate::embed::Attached;
use crate::embed::signals::{self, WakeupFd};

/// How long threads have to notice that their connections were cut.
const LAST_PATIENCE: Duration = Duration::from_millis(500);

/// A server that runs.
pub(crate) struct Server {
    /// SIGINT and SIGTERM.
    pub signals: Signals,
    /// What the threads serve.
    pub host: Arc<Host>,
    /// What they serve it from.
    pub queue: Arc<Queue>,
    /// They.
    pub workers: Workers,
    /// The I/O thread.
    pub io: Running,
    /// Telemetry and what goes with it.
    pub observer: Observer,
    /// Seconds that requests under way have after the first signal.
    pub graceful: u32,
}

/// How serving ended.
enum Stopped {
    /// Everything was finished.
    Clean,
    /// The time was up.
    TimedOut,
    /// A second signal.
    Forced(u8),
}

/// What the main thread waits for.
enum News {
    Signal(u8),
    TransportEnded,
    DeadlinePassed,
}

impl Server {
    /// Waits for a signal and stops the server; the exit status.
    pub(crate) fn run(self, py: Attached<'_>) -> i32 {
        let wakeup = WakeupFd::set(py, self.signals.wakeup_fd());
        self.wait(py, None);
        let grace = Duration::from_secs(self.graceful.into());
        log::line("stopping: no new connections; requests under way are finished");
        self.observer.draining();
        self.io.enter(Phase::Draining);
        let stopped = match self.wait(py, Some(Instant::now() + grace)) {
            News::Signal(signal) => Stopped::Forced(signal),
            News::TransportEnded => Stopped::Clean,
            News::DeadlinePassed => Stopped::TimedOut,
        };
        wakeup.restore(py);
        let status = match stopped {
            Stopped::Clean => 0,
            Stopped::TimedOut => {
                log::line(&format!(
                    "stopping: requests were not finished within {} s and are cut off",
                    self.graceful
                ));
                1
            }
            Stopped::Forced(signal) => 128 + i32::from(signal),
        };
        self.end(py, status)
    }

    // Signals that belong to Python are delivered: its handlers run in the main thread only, which is this one.
    fn wait(&self, py: Attached<'_>, deadline: Option<Instant>) -> News {
        loop {
            if let Err(raised) = signals::run_handlers(py) {
                self.host.log(
                    py,
                    &format!("error: a signal handler raised\n{}", raised.render()),
                );
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let news = py
                .detach(|| self.signals.wait(left))
                .unwrap_or_else(|_| vec![TERMINATE]);
            if let Some(&signal) = news
                .iter()
                .find(|&&signal| signal == INTERRUPT || signal == TERMINATE)
            {
                return News::Signal(signal);
            }
            if news.contains(&WOKEN) {
                return News::TransportEnded;
            }
            // Otherwise a handler of Python's interrupted the wait, or wrote its signal's number.
            if left.is_some_and(|left| left.is_zero()) {
                return News::DeadlinePassed;
            }
        }
    }

    fn end(self, py: Attached<'_>, status: i32) -> i32 {
        let Self {
            host,
            queue,
            workers,
            io,
            observer,
            signals,
            ..
        } = self;
        let joined = py.detach(|| {
            io.enter(Phase::Cutting);
            io.join();
            queue.close();
            // Both, whatever becomes of the first.
            workers.join(LAST_PATIENCE) & observer.stop(LAST_PATIENCE)
        });
        if !joined {
            log::line("stopping: a request does not end; the process does");
            flush(py);
            // Finalising would take the interpreter away from under a running thread.
            platform::process::exit_now(status);
        }
        if let Ok(host) = Arc::try_unwrap(host) {
            host.release(py);
        }
        drop(signals);
        status
    }
}

// What finalising would have done for the application's data.
fn flush(py: Attached<'_>) {
    if let Ok(atexit) = py.import(c"atexit") {
        drop(atexit.call_method(c"_run_exitfuncs", &[]));
    }
    let Ok(sys) = py.import(c"sys") else { return };
    for name in [c"stdout", c"stderr"] {
        drop(
            sys.attr(name)
                .and_then(|file| file.call_method(c"flush", &[])),
        );
    }
}
