//! Which worker processes there are and what is to be done about them: a state machine that knows no process, no clock
//! and no signal. Times are milliseconds.
//!
//! A worker is *stale* when it is to be replaced (a reload, a limit that it reached). It goes on serving until its
//! replacement is ready, so a reload refuses nobody.

/// A failed start, or a worker that ended within this time of being ready, delays the next start.
const STABLE: u64 = 10_000;
/// Failed starts after which a server that never served gives up.
const ATTEMPTS: u32 = 3;
/// The first delay; each further one is twice as long.
const FIRST_DELAY: u64 = 250;
const LONGEST_DELAY: u64 = 30_000;
/// What a worker that cuts its requests off after the graceful timeout has for its own end.
const MARGIN: u64 = 2_000;

/// What the settings say, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Workers wanted.
    pub processes: usize,
    /// Workers that there can be at a time, with those that come and go.
    pub slots: usize,
    /// For requests under way.
    pub graceful: u64,
    /// For the import of the application.
    pub startup: u64,
    /// Longest time between two signs of life.
    pub deadlock: Option<u64>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Start a worker, and tell [`Fleet::started`] or [`Fleet::not_started`].
    Start(usize),
    /// Have the worker finish its requests and end.
    Retire(u32),
    /// End it at once.
    Kill(u32),
    /// Tell the operator.
    Tell(String),
    /// All workers are ready for the first time.
    Ready,
    /// No worker is left: exit with this status.
    End(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Ready,
    /// Told to end; killed at this time.
    Leaving(u64),
}

#[derive(Debug)]
struct Worker {
    slot: usize,
    process: u32,
    state: State,
    /// When it came to this state.
    since: u64,
    beat: u64,
    stale: bool,
    /// It has been ready: requests may be lost with it.
    served: bool,
}

/// All workers.
#[derive(Debug)]
pub(super) struct Fleet {
    policy: Policy,
    workers: Vec<Worker>,
    failures: u32,
    next_start: u64,
    /// Some worker has been ready; all have.
    served: bool,
    complete: bool,
    /// The exit status, once the server is to end.
    ending: Option<i32>,
}

impl Fleet {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            workers: Vec::new(),
            failures: 0,
            next_start: 0,
            served: false,
            complete: false,
            ending: None,
        }
    }

    /// Workers that are there, with their slots.
    pub(super) fn processes(&self) -> impl Iterator<Item = (usize, u32)> {
        self.workers
            .iter()
            .filter(|worker| worker.process != 0)
            .map(|worker| (worker.slot, worker.process))
    }

    fn find(&mut self, process: u32) -> Option<&mut Worker> {
        self.workers
            .iter_mut()
            .find(|worker| worker.process == process)
    }

    /// The worker of `slot` is this process.
    pub(super) fn started(&mut self, slot: usize, process: u32) {
        if let Some(worker) = self.workers.iter_mut().find(|worker| worker.slot == slot) {
            worker.process = process;
        }
    }

    /// The system gave no process.
    pub(super) fn not_started(&mut self, slot: usize, now: u64) {
        self.workers.retain(|worker| worker.slot != slot);
        self.failed(now);
    }

    /// It takes requests.
    pub(super) fn ready(&mut self, process: u32, now: u64) {
        if let Some(worker) = self.find(process)
            && worker.state == State::Starting
        {
            (worker.state, worker.since, worker.beat) = (State::Ready, now, now);
            worker.served = true;
            self.served = true;
        }
    }

    /// It showed at `time` that it lives.
    pub(super) fn beat(&mut self, process: u32, time: u64) {
        if let Some(worker) = self.find(process) {
            worker.beat = worker.beat.max(time);
        }
    }

    /// It is to be replaced.
    pub(super) fn stale(&mut self, process: u32) {
        if let Some(worker) = self.find(process) {
            worker.stale = true;
        }
    }

    /// All are to be replaced.
    pub(super) fn reload(&mut self) {
        self.workers
            .iter_mut()
            .for_each(|worker| worker.stale = true);
        // What kept workers from starting may have been put right.
        (self.failures, self.next_start) = (0, 0);
    }

    /// So many more workers, or fewer.
    pub(super) fn resize(&mut self, change: isize) {
        let most = self.policy.slots / 2;
        let wanted = self.policy.processes.saturating_add_signed(change);
        self.policy.processes = wanted.clamp(1, most.max(1));
    }

    /// Requests under way are finished, then all ends with `status`.
    pub(super) fn stop(&mut self, status: i32) {
        self.ending.get_or_insert(status);
    }

    /// All ends now.
    pub(super) fn force(&mut self, status: i32) -> Vec<Action> {
        self.ending = Some(status);
        self.processes()
            .map(|(_, process)| Action::Kill(process))
            .collect()
    }

    /// Whether the end was asked for.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// A process ended, `how` in words; `clean` with status 0.
    pub(super) fn exited(&mut self, process: u32, clean: bool, how: &str, now: u64) -> Vec<Action> {
        let position = self.workers.iter().position(|it| it.process == process);
        let Some(worker) = position.map(|position| self.workers.swap_remove(position)) else {
            return Vec::new();
        };
        if self.ending.is_some() {
            // One that has not begun to serve has nothing to finish: the signal that asks for the end ends it.
            if !clean && worker.served {
                self.ending = self.ending.map(|status| status.max(1));
            }
            return Vec::new();
        }
        let phase = match worker.state {
            State::Leaving(_) => return Vec::new(),
            State::Starting => "ended before it was ready",
            State::Ready => "ended",
        };
        if worker.state == State::Starting || now.saturating_sub(worker.since) < STABLE {
            self.failed(now);
        }
        let number = worker.slot + 1;
        vec![Action::Tell(format!(
            "worker {number} (process {process}) {phase}: {how}"
        ))]
    }

    fn failed(&mut self, now: u64) {
        let delay = FIRST_DELAY << self.failures.min(16);
        self.failures += 1;
        self.next_start = now + delay.min(LONGEST_DELAY);
    }

    /// What is to be done now.
    pub(super) fn step(&mut self, now: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        if !self.served && self.failures >= ATTEMPTS && self.ending.is_none() {
            actions.push(Action::Tell(
                "error: the application cannot be started; the reason stands above".into(),
            ));
            self.ending = Some(1);
        }
        self.check(now, &mut actions);
        if let Some(status) = self.ending {
            for worker in &mut self.workers {
                leave(worker, self.policy.graceful, now, &mut actions);
            }
            if self.workers.is_empty() {
                actions.push(Action::End(status));
            }
            return actions;
        }
        self.retire(now, &mut actions);
        self.start(now, &mut actions);
        if !self.complete && self.ready_count() >= self.policy.processes {
            self.complete = true;
            actions.push(Action::Ready);
        }
        actions
    }

    // Those who have had their time.
    fn check(&mut self, now: u64, actions: &mut Vec<Action>) {
        let Policy {
            startup, deadlock, ..
        } = self.policy;
        for worker in self.workers.iter_mut().filter(|it| it.process != 0) {
            let reason = match worker.state {
                State::Starting if now.saturating_sub(worker.since) > startup => {
                    "was not ready within the startup timeout"
                }
                State::Ready
                    if deadlock.is_some_and(|most| now.saturating_sub(worker.beat) > most) =>
                {
                    "does not get a turn at the GIL (deadlock timeout)"
                }
                State::Leaving(at) if now >= at => "does not end",
                State::Ready if now.saturating_sub(worker.since) > STABLE && !worker.stale => {
                    self.failures = 0;
                    continue;
                }
                _ => continue,
            };
            let (number, process) = (worker.slot + 1, worker.process);
            actions.push(Action::Tell(format!(
                "worker {number} (process {process}) {reason}; it is killed"
            )));
            actions.push(Action::Kill(process));
            // Once is enough, but for a process that the kernel cannot end yet.
            match &mut worker.state {
                State::Leaving(at) => *at = now + LONGEST_DELAY,
                _ => {
                    worker.since = now;
                    worker.beat = now;
                }
            }
        }
    }

    // Stale ones first: each when there are enough without it.
    fn retire(&mut self, now: u64, actions: &mut Vec<Action>) {
        let graceful = self.policy.graceful;
        let mut surplus = self.ready_count().saturating_sub(self.policy.processes);
        for stale in [true, false] {
            for worker in &mut self.workers {
                if worker.stale == stale && worker.state == State::Ready && surplus > 0 {
                    surplus -= 1;
                    leave(worker, graceful, now, actions);
                }
            }
        }
        for worker in &mut self.workers {
            if worker.stale && worker.state == State::Starting {
                leave(worker, graceful, now, actions);
            }
        }
    }

    fn start(&mut self, now: u64, actions: &mut Vec<Action>) {
        let wanted = self.policy.processes;
        // The first is started alone, so that an application that cannot be imported says so once.
        let limit = if self.served { wanted } else { 1 };
        let surge = wanted.div_ceil(4);
        loop {
            let active = self.workers.iter().filter(|it| !is_leaving(it));
            let fresh = active.clone().filter(|it| !it.stale).count();
            if now < self.next_start || fresh >= limit || active.count() >= wanted + surge {
                return;
            }
            let is_free = |slot: &usize| self.workers.iter().all(|it| it.slot != *slot);
            let Some(slot) = (0..self.policy.slots).find(is_free) else {
                return;
            };
            self.workers.push(Worker {
                slot,
                process: 0,
                state: State::Starting,
                since: now,
                beat: now,
                stale: false,
                served: false,
            });
            actions.push(Action::Start(slot));
        }
    }

    fn ready_count(&self) -> usize {
        let is_ready = |worker: &&Worker| worker.state == State::Ready;
        self.workers.iter().filter(is_ready).count()
    }
}

fn is_leaving(worker: &Worker) -> bool {
    matches!(worker.state, State::Leaving(_))
}

fn leave(worker: &mut Worker, graceful: u64, now: u64, actions: &mut Vec<Action>) {
    if !is_leaving(worker) && worker.process != 0 {
        worker.state = State::Leaving(now + graceful + MARGIN);
        actions.push(Action::Retire(worker.process));
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
