//! The supervisor process: does what [`Fleet`] decides.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use payload::Wsgi;
use platform::children::{self, Forked};
use platform::shared_memory;
use platform::signals::{
    CHILD, FEWER, HANGUP, INTERRUPT, KILL, MORE, QUIT, Signals, TERMINATE, USER1,
};

use super::fleet::{Action, Fleet, Policy};
use super::worker::Worker;
use super::{Slot, Word};
use crate::wsgi::{log, transport};

/// How often the workers' signs are read. Their ends are signals.
const PERIOD: Duration = Duration::from_millis(100);

const WATCHED: [u8; 8] = [
    INTERRUPT, TERMINATE, QUIT, HANGUP, USER1, MORE, FEWER, CHILD,
];

/// What this process is to go on as.
#[derive(Debug)]
pub(crate) enum Role {
    /// The supervisor, at its end: exit with this status.
    Ended(i32),
    /// A worker, which starts Python, imports the application and serves.
    Worker,
}

/// Supervises workers that serve by `settings`, until a signal ends it. Returns in each worker as well. `fork` makes a
/// process; called while this one has one thread.
pub(crate) fn begin(settings: &Wsgi, fork: &dyn Fn() -> io::Result<Forked>) -> Role {
    let mut supervisor = match Supervisor::new(settings) {
        Ok(supervisor) => supervisor,
        Err(message) => {
            log::line(&format!("error: {message}"));
            return Role::Ended(1);
        }
    };
    supervisor.run(settings, fork)
}

struct Supervisor {
    listeners: Vec<TcpListener>,
    signals: Signals,
    /// Closed by the end of this process, however it comes.
    leash: (UnixStream, UnixStream),
    memory: &'static [AtomicU64],
    fleet: Fleet,
}

impl Supervisor {
    fn new(settings: &Wsgi) -> Result<Self, String> {
        let listeners = transport::listeners(&settings.bind).map_err(|error| error.to_string())?;
        let policy = policy(settings);
        let cannot = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("cannot {what}: {error}")
        };
        Ok(Self {
            listeners,
            signals: Signals::watch(&WATCHED).map_err(cannot("catch signals"))?,
            leash: UnixStream::pair().map_err(cannot("make a pipe"))?,
            memory: shared_memory::words(policy.slots * Slot::WORDS)
                .map_err(cannot("share memory"))?,
            fleet: Fleet::new(policy),
        })
    }

    fn slot(&self, number: usize) -> Slot {
        let first = number * Slot::WORDS;
        Slot(self.memory.get(first..first + Slot::WORDS).unwrap_or(&[]))
    }

    fn run(&mut self, settings: &Wsgi, fork: &dyn Fn() -> io::Result<Forked>) -> Role {
        let mut actions = Vec::new();
        loop {
            actions.extend(self.look());
            actions.extend(self.fleet.step(children::now()));
            for action in std::mem::take(&mut actions) {
                match action {
                    Action::Start(slot) => {
                        if self.start(slot, settings, fork) {
                            return Role::Worker;
                        }
                    }
                    Action::Retire(process) => children::send(process, TERMINATE),
                    Action::Kill(process) => children::send(process, KILL),
                    Action::Tell(text) => log::line(&text),
                    Action::Ready => self.tell_serving(settings),
                    Action::End(status) => return Role::Ended(status),
                }
            }
            let news = self.signals.wait(Some(PERIOD));
            for signal in news.unwrap_or_else(|_| vec![TERMINATE]) {
                actions.extend(self.signalled(signal));
            }
        }
    }

    // True in the new process.
    fn start(
        &mut self,
        slot: usize,
        settings: &Wsgi,
        fork: &dyn Fn() -> io::Result<Forked>,
    ) -> bool {
        let words = self.slot(slot);
        for word in [Word::Ready, Word::Beat, Word::Stale] {
            words.set(word, 0);
        }
        let supervisor = std::process::id();
        match fork() {
            Ok(Forked::Parent(process)) => {
                self.fleet.started(slot, process);
                false
            }
            Ok(Forked::Child) => {
                self.become_worker(slot, supervisor, settings);
                true
            }
            Err(error) => {
                log::line(&format!("error: cannot start a worker: {error}"));
                self.fleet.not_started(slot, children::now());
                false
            }
        }
    }

    fn become_worker(&mut self, slot: usize, supervisor: u32, settings: &Wsgi) {
        children::end_with_parent(supervisor);
        let words = self.slot(slot);
        let listeners = std::mem::take(&mut self.listeners);
        // What else `self` holds is dropped by the caller: handlers of signals and the supervisor's end of the leash.
        let grace = Duration::from_secs(settings.graceful_timeout.into());
        Worker::begin(slot, words, listeners, self.leash.0.try_clone(), grace);
    }

    // What the workers wrote, and which have ended.
    fn look(&mut self) -> Vec<Action> {
        let now = children::now();
        let workers: Vec<_> = self.fleet.processes().collect();
        for (slot, process) in workers {
            let words = self.slot(slot);
            if words.get(Word::Ready) != 0 {
                self.fleet.ready(process, now);
            }
            self.fleet.beat(process, words.get(Word::Beat));
            if words.get(Word::Stale) != 0 {
                self.fleet.stale(process);
            }
        }
        let mut actions = Vec::new();
        while let Some((process, status)) = children::reap() {
            let how = status.to_string();
            actions.extend(self.fleet.exited(process, status.success(), &how, now));
        }
        actions
    }

    fn signalled(&mut self, signal: u8) -> Vec<Action> {
        match signal {
            QUIT => return self.fleet.force(128 + i32::from(signal)),
            INTERRUPT | TERMINATE if self.fleet.is_ending() => {
                return self.fleet.force(128 + i32::from(signal));
            }
            INTERRUPT | TERMINATE => {
                log::line("stopping: no new connections; requests under way are finished");
                // Nobody accepts any more: who connects now is to be refused, not to wait.
                self.listeners.clear();
                self.fleet.stop(0);
            }
            HANGUP => {
                log::line("reloading: each worker is replaced once a new one is ready");
                self.fleet.reload();
            }
            MORE => self.fleet.resize(1),
            FEWER => self.fleet.resize(-1),
            _ => {}
        }
        Vec::new()
    }

    fn tell_serving(&self, settings: &Wsgi) {
        let addresses: Vec<String> = self
            .listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .map(|address| format!("http://{address}"))
            .collect();
        log::line(&format!(
            "serving {}:{} on {} (processes: {}, supervised)",
            settings.module,
            settings.callable,
            addresses.join(", "),
            settings.processes
        ));
    }
}

fn policy(settings: &Wsgi) -> Policy {
    let milliseconds = |seconds: u32| u64::from(seconds) * 1000;
    let processes = usize::try_from(settings.processes.max(1)).unwrap_or(1);
    Policy {
        processes,
        // Those that finish their last requests have their places, too.
        slots: processes * 4 + 8,
        graceful: milliseconds(settings.graceful_timeout),
        startup: milliseconds(settings.startup_timeout.max(1)),
        deadlock: (settings.deadlock_timeout > 0).then(|| milliseconds(settings.deadlock_timeout)),
    }
}
