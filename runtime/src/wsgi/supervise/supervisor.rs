//! The supervisor process: does what [`Fleet`] decides.

use std::io;
use std::time::Duration;

use payload::Wsgi;
use platform::signals::{
    CHILD, FEWER, HANGUP, INTERRUPT, KILL, MORE, QUIT, Signals, TERMINATE, USER1,
};
use platform::{Listener, Words, children};

use super::admin::Admin;
use super::fleet::{Action, Fleet};
use super::processes::{Processes, Room};
use super::{Slot, Word, slot_of};
use crate::start::Maker;
use crate::wsgi::telemetry::Memory;
use crate::wsgi::transport::tls::Tls;
use crate::wsgi::{browser, log, observe, scheme, transport};

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

/// Supervises workers that serve by `settings`, until a signal ends it. Returns in each worker as well. `maker` makes a
/// process; called while this one has one thread.
pub(crate) fn begin(settings: &Wsgi, maker: Maker<'_>) -> Role {
    let mut supervisor = match Supervisor::new(settings) {
        Ok(supervisor) => supervisor,
        Err(message) => {
            log::line(&format!("error: {message}"));
            return Role::Ended(1);
        }
    };
    match supervisor.run(settings, maker) {
        Outcome::Role(role) => role,
        #[cfg(unix)]
        Outcome::Admin => {
            let admin = supervisor.admin.take();
            // Signals are again those of any process.
            drop(supervisor);
            if let Some(admin) = admin {
                admin.serve();
            }
            platform::process::exit_now(0)
        }
    }
}

/// What a process comes out of [`Supervisor::run`] as.
enum Outcome {
    Role(Role),
    #[cfg(unix)]
    /// The one that answers on the admin listener: no thread beside the one that forks may run in the supervisor.
    Admin,
}

struct Supervisor {
    listeners: Vec<Listener>,
    signals: Signals,
    processes: Processes,
    figures: Option<Memory>,
    #[cfg_attr(windows, expect(dead_code, reason = "its thread needs nothing"))]
    admin: Option<Admin>,
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
        let room = Room::of(settings);
        let cannot = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| format!("cannot {what}: {error}")
        };
        let processes = Processes::new(&room).map_err(cannot("share memory"))?;
        let shape = observe::shape(settings, room.policy.slots);
        let figures = processes
            .figures()
            .map(|words| Memory::new(Words::shared(words), shape));
        let admin = match (&settings.admin, &figures) {
            (Some(bind), Some(figures)) => {
                let token = settings.admin_token.as_deref();
                Some(Admin::new(bind, token, figures.clone())?)
            }
            _ => None,
        };
        Ok(Self {
            figures,
            admin,
            tls,
            listeners,
            processes,
            signals: Signals::watch(&WATCHED).map_err(cannot("catch signals"))?,
            logs_to_file: settings.access_log_file.is_some(),
            fleet: Fleet::new(room.policy),
        })
    }

    fn slot(&self, number: usize) -> Slot {
        slot_of(self.processes.memory(), number)
    }

    fn run(&mut self, settings: &Wsgi, maker: Maker<'_>) -> Outcome {
        let mut actions = Vec::new();
        loop {
            #[cfg(unix)]
            if let Some(admin) = &mut self.admin
                && !self.fleet.is_ending()
                && admin.begins(&mut self.processes, maker)
            {
                return Outcome::Admin;
            }
            actions.extend(self.look());
            actions.extend(self.fleet.step(children::now()));
            for action in std::mem::take(&mut actions) {
                match action {
                    Action::Start(slot) => {
                        if self.start(slot, settings, maker) {
                            return Outcome::Role(Role::Worker);
                        }
                    }
                    Action::Retire(process) => self.processes.send(process, TERMINATE),
                    Action::Kill(process) => self.processes.send(process, KILL),
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

    // True in the new process, if it is one that goes on here.
    fn start(&mut self, slot: usize, settings: &Wsgi, maker: Maker<'_>) -> bool {
        self.slot(slot).clear();
        match self.make(slot, settings, maker) {
            Ok(Some(process)) => {
                self.fleet.started(slot, process);
                false
            }
            Ok(None) => true,
            Err(error) => {
                log::line(&format!("error: cannot start a worker: {error}"));
                self.fleet.not_started(slot, children::now());
                false
            }
        }
    }

    #[cfg(windows)]
    fn make(&mut self, slot: usize, _: &Wsgi, _: Maker<'_>) -> io::Result<Option<u32>> {
        self.processes.start(slot, &self.listeners).map(Some)
    }

    #[cfg(unix)]
    fn make(&mut self, slot: usize, settings: &Wsgi, fork: Maker<'_>) -> io::Result<Option<u32>> {
        let process = self.processes.start(fork)?;
        if process.is_none() {
            let words = self.slot(slot);
            let listeners = std::mem::take(&mut self.listeners);
            // What else `self` holds is dropped by the caller: handlers of signals and the supervisor's end of the leash.
            let grace = Duration::from_secs(settings.graceful_timeout.into());
            let inherited = (self.figures.take(), self.tls.take());
            let leash = self.processes.leash();
            super::Worker::begin(slot, words, listeners, inherited, leash, grace);
        }
        Ok(process)
    }

    // What the workers wrote, and which have ended.
    fn look(&mut self) -> Vec<Action> {
        let now = children::now();
        let workers: Vec<_> = self.fleet.processes().collect();
        for &(slot, process) in &workers {
            self.read_slot(slot, process, now);
        }
        let mut actions = Vec::new();
        while let Some((process, status)) = self.processes.reap() {
            let how = status.to_string();
            #[cfg(unix)]
            if let Some(admin) = &mut self.admin
                && admin.ended(process, &how, self.fleet.is_ending())
            {
                continue;
            }
            let slot = workers.iter().find(|(_, it)| *it == process);
            if let Some(&(slot, _)) = slot {
                // Once more: it may have become ready since.
                self.read_slot(slot, process, now);
                self.slot(slot).clear();
                if let Some(figures) = &self.figures {
                    figures.vacate(slot);
                }
            }
            actions.extend(self.fleet.exited(process, status.success(), &how, now));
        }
        actions
    }

    // What a worker wrote.
    fn read_slot(&mut self, slot: usize, process: u32, now: u64) {
        let words = self.slot(slot);
        if words.get(Word::Ready) != 0 {
            self.fleet.ready(process, now);
        }
        self.fleet.beat(process, words.get(Word::Beat));
        if words.get(Word::Stale) != 0 {
            self.fleet.stale(process);
        }
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
    fn reopen_logs(&mut self) {
        if !self.logs_to_file {
            return;
        }
        let workers: Vec<_> = self.fleet.processes().collect();
        for (slot, process) in workers {
            if self.slot(slot).get(Word::Ready) != 0 {
                self.processes.send(process, USER1);
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
            browser::show(url.as_deref(), cfg!(windows));
        }
    }
}
