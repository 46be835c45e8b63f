//! The threads that run Python.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::background::join;
use super::call;
use super::compress::Compression;
use super::engine::Engine;
use super::exchange::{Exchange, Request};
use super::host::Host;
use super::supervise::Seat;
use super::telemetry::local;
use super::timeout::Watched;
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
    seat: Arc<Seat>,
    watched: Option<Arc<Watched>>,
    compression: Option<Compression>,
}

fn work(interpreter: Interpreter, served: &Served, shared: &Arc<Shared>) {
    let mut state = ThreadState::new(interpreter);
    let mut scratch = Scratch::new(&shared.limits, false);
    let mut events = shared.events();
    while !shared.is_stopped() {
        let mut one = |request: &Request<'_>, exchange| {
            observed(request, &served.seat, || {
                state.attach(|py| handle(py, served, request, exchange));
            });
        };
        while let Some(waiting) = shared.dequeue() {
            shared.take_up(waiting, &mut scratch, &mut one);
        }
        shared.wait(&mut events);
        if served.host.batch {
            // Reading and writing do not wait, so that they can be done with the GIL held: acquiring it once for all that
            // is there costs less.
            local::batch();
            state.attach(|py| {
                let mut one = |request: &Request<'_>, exchange| {
                    let handle = || handle(py, served, request, exchange);
                    observed(request, &served.seat, handle);
                };
                scratch.held.open(events.len());
                for key in events.keys() {
                    shared.follow(key, &mut scratch, &mut one);
                    shared.release(false, &mut scratch, &mut one);
                }
                shared.release(true, &mut scratch, &mut one);
            });
            local::end_batch();
        } else {
            for key in events.keys() {
                shared.follow(key, &mut scratch, &mut one);
            }
        }
    }
}

fn observed(request: &Request<'_>, seat: &Seat, work: impl FnOnce()) {
    local::begin(request.queued);
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
        call::run(py, &served.host, request, exchange);
    }));
    if let Some(watched) = &served.watched {
        watched.end(py);
    }
    if done.is_err() {
        // A mistake of ours: the panic hook has said where. The client learns that something is wrong.
        exchange.abort();
    }
}
