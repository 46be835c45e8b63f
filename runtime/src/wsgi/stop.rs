//! The server's life in the main thread: signals, and the way to the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use platform::signals::{INTERRUPT, QUIT, Signals, TERMINATE, USER1, WOKEN};

use super::background::Background;
use super::engine::Engine;
use super::log;
use super::observe::Observer;
use super::supervise::Worker;
use super::transport::{Phase, Running, Shared};
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
    pub engine: Engine,
    /// What the threads share with the transport.
    pub shared: Arc<Shared>,
    /// They.
    pub workers: Workers,
    /// What looks after the process, and tunes it.
    pub background: Background,
    /// Telemetry and what goes with it.
    pub observer: Observer,
    /// The transport.
    pub io: Running,
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
        // The supervisor tells what goes for all.
        if Worker::current().is_none() {
            platform::service::notify("STOPPING=1");
            log::line("stopping: no new connections; requests under way are finished");
        }
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

    /// The access log's file was moved away: goes on in a new one.
    pub(crate) fn reopen_log(&self) {
        if let Some(log) = &self.shared.access_log {
            log.reopen();
        }
    }

    // Signals that belong to Python are delivered: its handlers run in the main thread only, which is this one.
    fn wait(&self, py: Attached<'_>, deadline: Option<Instant>) -> News {
        loop {
            if let Err(raised) = signals::run_handlers(py) {
                log::write(&format!(
                    "error: a signal handler raised\n{}",
                    raised.render()
                ));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let news = py
                .detach(|| self.signals.wait(left))
                .unwrap_or_else(|_| vec![TERMINATE]);
            if news.contains(&USER1) {
                py.detach(|| self.reopen_log());
            }
            if let Some(&signal) = news
                .iter()
                .find(|&&signal| is_for_us(signal, deadline.is_some()))
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
            engine,
            shared,
            workers,
            background,
            observer,
            io,
            signals,
            ..
        } = self;
        let joined = py.detach(|| {
            io.enter(Phase::Cutting);
            io.join();
            shared.stop();
            drop(observer);
            // Both, whatever becomes of the first.
            workers.join(LAST_PATIENCE) & background.stop(LAST_PATIENCE)
        });
        if !joined {
            log::line("stopping: a request does not end; the process does");
            flush(py);
            // Finalising would take the interpreter away from under a running thread.
            platform::process::exit_now(status);
        }
        engine.end_or_exit(py, status);
        drop(signals);
        status
    }
}

// A terminal's signals and a service manager's come to all processes at once, besides what the supervisor sends: a
// worker leaves the first kind to it and takes the second kind, however often, as one. It is forced by another.
fn is_for_us(signal: u8, stopping: bool) -> bool {
    match Worker::current() {
        Some(_) => signal == QUIT || (signal == TERMINATE && !stopping),
        None => signal == INTERRUPT || signal == TERMINATE,
    }
}

// What finalising would have done for the application's data.
pub(super) fn flush(py: Attached<'_>) {
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
