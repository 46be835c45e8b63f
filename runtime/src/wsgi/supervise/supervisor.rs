//! The supervisor process: does what [`Fleet`] decides.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use payload::Wsgi;
use platform::children::{self, Forked};
use platform::signals::{
    CHILD, FEWER, HANGUP, INTERRUPT, KILL, MORE, QUIT, Signals, TERMINATE, USER1,
};
use platform::{Listener, Words, shared_memory};

use super::fleet::{Action, Fleet, Policy};
use super::worker::Worker;
use super::{Slot, Word};
use crate::wsgi::admin::Listening;
use crate::wsgi::telemetry::Memory;
use crate::wsgi::transport::tls::Tls;
use crate::wsgi::{browser, log, observe, scheme, transport};

/// How often the workers' signs are read. Their ends are signals.
const PERIOD: Duration = Duration::from_millis(100);

/// Milliseconds from the end of the admin process to the start of the next.
const RESTART: u64 = 1000;

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
    match supervisor.run(settings, fork) {
        Outcome::Role(role) => role,
        Outcome::Admin => {
            let admin = supervisor.admin.take().and_then(|admin| admin.listening);
            let memory = supervisor.figures.take();
            // Signals are again those of any process.
            drop(supervisor);
            if let (Some(listening), Some(memory)) = (admin, memory) {
                listening.serve(memory);
            }
            platform::process::exit_now(0)
        }
    }
}

/// What a process comes out of [`Supervisor::run`] as.
enum Outcome {
    Role(Role),
    /// The one that answers on the admin listener: no thread beside the one that forks may run in the supervisor.
    Admin,
}

/// The admin listener and the process that has it.
struct AdminProcess {
    listening: Option<Listening>,
    process: Option<u32>,
    next_start: u64,
}

struct Supervisor {
    listeners: Vec<Listener>,
    signals: Signals,
    /// Closed by the end of this process, however it comes.
    leash: (UnixStream, UnixStream),
    memory: &'static [AtomicU64],
    figures: Option<Memory>,
    admin: Option<AdminProcess>,
    /// What workers have when they begin: a file that is bad by then does not keep them from serving.
    tls: Option<Tls>,
    /// Workers write the access log to a file.
    logs_to_file: bool,
    fleet: Fleet,
}

impl Supervisor {
    fn new(settings: &Wsgi) -> Result<Self, String> {
        let listeners = transport::listeners(settings).map_err(|error| error.to_string())?;
        let tls = Tls::new(settings).map_err(|error| error.to_string())?;
        let policy = policy(settings);
        let cannot = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("cannot {what}: {error}")
        };
        let shape = observe::shape(settings, policy.slots);
        let figures = observe::is_on()
            .then(|| shared_memory::words(shape.words()))
            .transpose()
            .map_err(cannot("share memory"))?
            .map(|words| Memory::new(Words::shared(words), shape));
        let admin = match (&settings.admin, &figures) {
            (Some(bind), Some(_)) => Some(admin(bind, settings.admin_token.as_deref())?),
            _ => None,
        };
        Ok(Self {
            figures,
            admin,
            tls,
            listeners,
            signals: Signals::watch(&WATCHED).map_err(cannot("catch signals"))?,
            leash: UnixStream::pair().map_err(cannot("make a pipe"))?,
            memory: shared_memory::words(policy.slots * Slot::WORDS)
                .map_err(cannot("share memory"))?,
            logs_to_file: settings.access_log_file.is_some(),
            fleet: Fleet::new(policy),
        })
    }

    fn slot(&self, number: usize) -> Slot {
        let first = number * Slot::WORDS;
        Slot(self.memory.get(first..first + Slot::WORDS).unwrap_or(&[]))
    }

    fn run(&mut self, settings: &Wsgi, fork: &dyn Fn() -> io::Result<Forked>) -> Outcome {
        let mut actions = Vec::new();
        loop {
            if self.start_admin(fork) {
                return Outcome::Admin;
            }
            actions.extend(self.look());
            actions.extend(self.fleet.step(children::now()));
            for action in std::mem::take(&mut actions) {
                match action {
                    Action::Start(slot) => {
                        if self.start(slot, settings, fork) {
                            return Outcome::Role(Role::Worker);
                        }
                    }
                    Action::Retire(process) => children::send(process, TERMINATE),
                    Action::Kill(process) => children::send(process, KILL),
                    Action::Tell(text) => log::line(&text),
                    Action::Ready => self.tell_serving(settings),
                    Action::End(status) => return Outcome::Role(Role::Ended(status)),
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
        let (figures, tls) = (self.figures.take(), self.tls.take());
        Worker::begin(
            slot,
            words,
            listeners,
            (figures, tls),
            self.leash.0.try_clone(),
            grace,
        );
    }

    // True in the new process.
    fn start_admin(&mut self, fork: &dyn Fn() -> io::Result<Forked>) -> bool {
        let now = children::now();
        let is_ending = self.fleet.is_ending();
        let Some(admin) = &mut self.admin else {
            return false;
        };
        if admin.process.is_some() || is_ending || now < admin.next_start {
            return false;
        }
        let supervisor = std::process::id();
        match fork() {
            Ok(Forked::Parent(process)) => admin.process = Some(process),
            Ok(Forked::Child) => {
                children::end_with_parent(supervisor);
                return true;
            }
            Err(error) => {
                log::line(&format!("error: cannot start the admin process: {error}"));
                admin.next_start = now + RESTART;
            }
        }
        false
    }

    fn admin_ended(&mut self, process: u32, how: &str, now: u64) -> bool {
        let is_ending = self.fleet.is_ending();
        let Some(admin) = &mut self.admin else {
            return false;
        };
        if admin.process != Some(process) {
            return false;
        }
        (admin.process, admin.next_start) = (None, now + RESTART);
        if !is_ending {
            log::line(&format!("the admin process ({process}) ended: {how}"));
        }
        true
    }

    // What the workers wrote, and which have ended.
    fn look(&mut self) -> Vec<Action> {
        let now = children::now();
        let workers: Vec<_> = self.fleet.processes().collect();
        for &(slot, process) in &workers {
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
            if self.admin_ended(process, &how, now) {
                continue;
            }
            let slot = workers.iter().find(|(_, it)| *it == process);
            if let (Some(figures), Some((slot, _))) = (&self.figures, slot) {
                figures.vacate(*slot);
            }
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
                platform::service::notify("STOPPING=1");
                log::line("stopping: no new connections; requests under way are finished");
                // Nobody accepts any more: who connects now is to be refused, not to wait.
                self.listeners.clear();
                self.fleet.stop(0);
            }
            HANGUP => {
                log::line("reloading: each worker is replaced once a new one is ready");
                if let Some(tls) = &self.tls {
                    tls.reload();
                }
                self.fleet.reload();
            }
            USER1 => self.reopen_logs(),
            MORE => self.fleet.resize(1),
            FEWER => self.fleet.resize(-1),
            _ => {}
        }
        Vec::new()
    }

    // Those that are not ready look for themselves once they are.
    fn reopen_logs(&self) {
        if !self.logs_to_file {
            return;
        }
        for (slot, process) in self.fleet.processes() {
            if self.slot(slot).get(Word::Ready) != 0 {
                children::send(process, USER1);
            }
        }
    }

    fn tell_serving(&self, settings: &Wsgi) {
        platform::service::notify("READY=1");
        log::line(&format!(
            "serving {}:{} on {} (processes: {}, supervised)",
            settings.module,
            settings.callable,
            transport::addresses(&self.listeners, scheme(settings)),
            settings.processes
        ));
        if settings.open {
            let url = transport::url(&self.listeners, scheme(settings));
            // No thread may run here. The browser is a child that is looked after with the others.
            browser::show(url.as_deref(), false);
        }
    }
}

fn admin(bind: &str, token: Option<&str>) -> Result<AdminProcess, String> {
    let listening = Listening::new(bind, token).map_err(|error| error.to_string())?;
    log::line(&format!("admin: listening on http://{}", listening.address));
    Ok(AdminProcess {
        listening: Some(listening),
        process: None,
        next_start: 0,
    })
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
