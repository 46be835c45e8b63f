//! The threads that run Python.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use platform::clock::{nanoseconds, ticks};
use platform::process::thread_sleeps;

use super::background::join;
use super::call;
use super::compress::Compression;
use super::engine::Engine;
use super::exchange::{Exchange, Request};
use super::host::Host;
use super::supervise::Seat;
use super::telemetry::local;
use super::timeout::Watched;
use super::transport::lead::Term;
use super::transport::{Scratch, Shared};
use crate::embed::{Attached, Interpreter, ThreadState};

/// As much as a Python program's main thread has: deep recursion in C code must not hit a smaller end.
pub(super) const STACK: usize = 8 * 1024 * 1024;

/// How threads are to serve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Threads of an interpreter.
    pub count: usize,
    /// Somebody will watch how long they take.
    pub timed: bool,
    /// Whether responses are compressed.
    pub compression: Option<Compression>,
}

/// The running threads.
pub(crate) struct Workers {
    threads: Vec<JoinHandle<()>>,
    seats: Vec<Arc<Seat>>,
    watched: Vec<(usize, Arc<Watched>)>,
}

impl Workers {
    /// Starts threads for each interpreter of `engine`, which all serve what `shared` has for them.
    ///
    /// # Errors
    /// When the system gives no more threads. `shared` is stopped then, and those already started have ended.
    pub(crate) fn start(plan: Plan, engine: &Engine, shared: &Arc<Shared>) -> io::Result<Self> {
        let Plan {
            count,
            timed,
            compression,
        } = plan;
        let mut workers = Self {
            threads: Vec::with_capacity(count * engine.members().len()),
            seats: Vec::new(),
            watched: Vec::new(),
        };
        let several = engine.members().len() > 1;
        for (index, member) in engine.members().iter().enumerate() {
            for number in 1..=count {
                let name = if several {
                    format!("wsgi-{}-{number}", member.number)
                } else {
                    format!("wsgi-{number}")
                };
                let interpreter = member.interpreter;
                let (host, own) = (Arc::clone(&member.host), Arc::clone(shared));
                let seat = Arc::<Seat>::default();
                workers.seats.push(Arc::clone(&seat));
                let watched = timed.then(Arc::<Watched>::default);
                let known = watched.iter().map(|watched| (index, Arc::clone(watched)));
                workers.watched.extend(known);
                let builder = std::thread::Builder::new().name(name).stack_size(STACK);
                let begin = move || {
                    if let Some(telemetry) = &own.telemetry {
                        local::enter(telemetry, index, number - 1);
                    }
                    let served = Served {
                        // Interpreters that share nothing run at the same time. And who leads has to notice that it sleeps.
                        leads: host.leads && !several && thread_sleeps().is_some(),
                        host,
                        seat,
                        watched,
                        compression,
                    };
                    work(interpreter, &served, &own);
                };
                match builder.spawn(begin) {
                    Ok(thread) => workers.threads.push(thread),
                    Err(error) => {
                        shared.stop();
                        workers.join(Duration::MAX);
                        return Err(error);
                    }
                }
            }
        }
        Ok(workers)
    }

    /// Where they count what they have served.
    pub(crate) fn seats(&self) -> &[Arc<Seat>] {
        &self.seats
    }

    /// What they are doing, each with the number of its member of the engine, where somebody watches.
    pub(crate) fn watched(&self) -> &[(usize, Arc<Watched>)] {
        &self.watched
    }

    /// Waits until all threads have ended, `patience` at most; false when some have not. Call it without the GIL, which
    /// they need to end, and after [`Shared::stop`].
    pub(crate) fn join(self, patience: Duration) -> bool {
        join(self.threads, patience)
    }
}

/// What a thread needs to serve.
struct Served {
    host: Arc<Host>,
    leads: bool,
    seat: Arc<Seat>,
    watched: Option<Arc<Watched>>,
    compression: Option<Compression>,
}

fn work(interpreter: Interpreter, served: &Served, shared: &Arc<Shared>) {
    let mut thread = Thread {
        state: ThreadState::new(interpreter),
        scratch: Scratch::new(&shared.limits, false),
        served,
        shared,
    };
    let mut events = shared.events();
    while !shared.is_stopped() {
        if served.leads && shared.lead.is_on() {
            match shared.lead.turn(thread.scratch.held.kept()) {
                Some(term) => thread.lead(term),
                None => thread.relieve(),
            }
            continue;
        }
        thread.clear();
        shared.wait(&mut events);
        if served.host.batch {
            thread.batch(events.len(), events.keys(), |_| {});
        } else {
            thread.each(events.keys());
        }
    }
}

/// What handles a request.
type Run<'a> = &'a mut dyn FnMut(&Request<'_>, Arc<dyn Exchange>);

/// A thread that serves.
struct Thread<'a> {
    state: ThreadState,
    scratch: Scratch,
    served: &'a Served,
    shared: &'a Arc<Shared>,
}

impl Thread<'_> {
    // Requests that have waited for a thread.
    fn clear(&mut self) {
        let shared = self.shared;
        while let Some(waiting) = shared.dequeue() {
            self.alone(|scratch, mut one| shared.take_up(waiting, scratch, &mut one));
        }
        self.each(std::iter::from_fn(|| shared.lead.left()));
    }

    // The GIL is acquired for each request.
    fn each(&mut self, keys: impl Iterator<Item = u64>) {
        let shared = self.shared;
        for key in keys {
            self.alone(|scratch, mut one| shared.follow(key, scratch, &mut one));
        }
    }

    fn alone(&mut self, work: impl FnOnce(&mut Scratch, Run<'_>)) {
        let (state, served, shared) = (&mut self.state, self.served, self.shared);
        let mut one = |request: &Request<'_>, exchange: Arc<dyn Exchange>| {
            let gate = &served.host.gate;
            // Who leads is the only one.
            let (queued, _pass) = if gate.is_narrow() && !shared.lead.is_on() {
                let came = ticks();
                let queued = if request.queued == 0 {
                    came
                } else {
                    request.queued
                };
                (queued, gate.enter())
            } else {
                (request.queued, None)
            };
            observed(request, queued, &served.seat, || {
                state.attach(|py| {
                    let begun = ticks();
                    handle(py, served, request, exchange);
                    if served.leads {
                        // Without the wait for the GIL, of which a leader would have less.
                        let took = nanoseconds(ticks().saturating_sub(begun));
                        shared.lead.took(took, shared.clock.now());
                    }
                });
            });
        };
        work(&mut self.scratch, &mut one);
    }

    // The GIL is acquired once for `count` news: reading and writing do not wait, so that they can be done with it held.
    // `passed` is told how many nanoseconds the longest request took of each.
    fn batch(
        &mut self,
        count: usize,
        keys: impl Iterator<Item = u64>,
        mut passed: impl FnMut(u64),
    ) {
        let (served, shared, scratch) = (self.served, self.shared, &mut self.scratch);
        local::batch();
        self.state.attach(|py| {
            let mut one = |request: &Request<'_>, exchange: Arc<dyn Exchange>| {
                let handle = || handle(py, served, request, exchange);
                observed(request, request.queued, &served.seat, handle);
                if served.leads {
                    shared.lead.step();
                }
            };
            scratch.held.open(count);
            for key in keys {
                shared.follow(key, scratch, &mut one);
                passed(scratch.held.longest());
                shared.release(false, scratch, &mut one);
            }
            shared.release(true, scratch, &mut one);
        });
        local::end_batch();
    }

    // Serves for all, while that is right.
    fn lead(&mut self, mut term: Term) {
        let shared = self.shared;
        let (lead, number) = (&shared.lead, term.number);
        let mut events = Shared::events_of_leader();
        while !shared.is_stopped() {
            if !shared.wait_as_leader(&mut events) {
                return lead.rest(&term);
            }
            lead.begin(&mut term, events.keys(), thread_sleeps);
            let keys = std::iter::from_fn(|| lead.next(number));
            self.batch(events.len(), keys, |took| lead.got_on(&mut term, took));
            while let Some(waiting) = shared.dequeue() {
                self.alone(|scratch, mut one| {
                    scratch.held.open(1);
                    shared.take_up(waiting, scratch, &mut one);
                    shared.release(true, scratch, &mut one);
                });
                lead.got_on(&mut term, self.scratch.held.longest());
            }
            if !lead.end(&mut term, thread_sleeps) {
                return;
            }
        }
    }

    // What the leader did not get to, who is stuck in a request.
    fn relieve(&mut self) {
        let shared = self.shared;
        self.alone(|scratch, mut one| shared.release_for_leader(scratch, &mut one));
        self.clear();
    }
}

// `queued`: when it began to wait for a thread, 0 if it did not; in ticks.
fn observed(request: &Request<'_>, queued: u64, seat: &Seat, work: impl FnOnce()) {
    local::begin(queued);
    work();
    local::end(|| (request.method, &request.target.path));
    seat.served();
}

fn handle(py: Attached<'_>, served: &Served, request: &Request<'_>, exchange: Arc<dyn Exchange>) {
    if let Some(watched) = &served.watched {
        watched.begin(py, request, &exchange);
    }
    let done = catch_unwind(AssertUnwindSafe(|| {
        let exchange = Arc::clone(&exchange);
        let exchange = match served.compression {
            Some(compression) => compression.around(request, exchange),
            None => exchange,
        };
        call::run(py, &served.host, request, exchange)
    }));
    if let Some(watched) = &served.watched {
        watched.end(py);
    }
    match done {
        Ok(Ok(())) => {}
        // No memory, or a mistake of ours: the panic hook has said where. The client learns that something is wrong.
        Ok(Err(_)) | Err(_) => exchange.abort(),
    }
}
