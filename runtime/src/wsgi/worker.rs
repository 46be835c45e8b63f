//! The threads that run Python.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::call;
use super::exchange::{Exchange, Request};
use super::host::Host;
use super::transport::{Next, Scratch, Shared};
use crate::embed::{Attached, Interpreter, ThreadState};

/// As much as a Python program's main thread has: deep recursion in C code must not hit a smaller end.
const STACK: usize = 8 * 1024 * 1024;

/// The running threads.
pub(crate) struct Workers {
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads that serve `host`, whose interpreter is `interpreter`, with what `shared` has for them.
    ///
    /// # Errors
    /// When the system gives no more threads; those already started end when `shared` is stopped.
    pub(crate) fn start(
        count: usize,
        interpreter: Interpreter,
        host: &Arc<Host>,
        shared: &Arc<Shared>,
    ) -> io::Result<Self> {
        let mut workers = Self {
            threads: Vec::with_capacity(count),
        };
        for number in 1..=count {
            let (host, shared) = (Arc::clone(host), Arc::clone(shared));
            let builder = std::thread::Builder::new()
                .name(format!("wsgi-{number}"))
                .stack_size(STACK);
            workers
                .threads
                .push(builder.spawn(move || work(interpreter, &host, &shared))?);
        }
        Ok(workers)
    }

    /// Waits until all threads have ended, `patience` at most; false when some have not. Call it without the GIL, which
    /// they need to end, and after [`Shared::stop`].
    pub(crate) fn join(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while !self.threads.iter().all(JoinHandle::is_finished) {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.threads
            .into_iter()
            .for_each(|thread| drop(thread.join()));
        true
    }
}

fn work(interpreter: Interpreter, host: &Host, shared: &Arc<Shared>) {
    let mut state = ThreadState::new(interpreter);
    let mut scratch = Scratch::new(&shared.limits, false);
    let mut events = shared.events();
    while !shared.is_stopped() {
        while let Some(connection) = shared.dequeue() {
            shared.go_on(
                &connection,
                Next::Ready,
                &mut scratch,
                &mut |request, exchange| {
                    state.attach(|py| handle(py, host, request, exchange));
                },
            );
        }
        shared.wait(&mut events);
        if host.batch {
            // Reading and writing do not wait, so that they can be done with the GIL held: acquiring it once for all that
            // is there costs less.
            state.attach(|py| {
                for key in events.keys() {
                    shared.follow(key, &mut scratch, &mut |request, exchange| {
                        handle(py, host, request, exchange);
                    });
                }
            });
        } else {
            for key in events.keys() {
                shared.follow(key, &mut scratch, &mut |request, exchange| {
                    state.attach(|py| handle(py, host, request, exchange));
                });
            }
        }
    }
}

fn handle(py: Attached<'_>, host: &Host, request: &Request<'_>, exchange: Arc<dyn Exchange>) {
    let done = catch_unwind(AssertUnwindSafe(|| {
        call::run(py, host, request, Arc::clone(&exchange));
    }));
    if done.is_err() {
        // A mistake of ours: the panic hook has said where. The client learns that something is wrong.
        exchange.abort();
    }
}
