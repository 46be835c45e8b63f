//! The threads that run Python.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::call;
use super::host::Host;
use super::queue::{Job, Queue};
use super::telemetry::{Telemetry, local};
use crate::embed::{Interpreter, ThreadState};

/// As much as a Python program's main thread has: deep recursion in C code must not hit a smaller end.
const STACK: usize = 8 * 1024 * 1024;

/// The running threads.
pub(crate) struct Workers {
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads that serve `host`, whose interpreter is `interpreter`, from `queue`, and measure for
    /// `telemetry`.
    ///
    /// # Errors
    /// When the system gives no more threads; those already started end when the queue is closed.
    pub(crate) fn start(
        count: usize,
        interpreter: Interpreter,
        host: &Arc<Host>,
        queue: &Arc<Queue>,
        telemetry: Option<&Arc<Telemetry>>,
    ) -> io::Result<Self> {
        let mut workers = Self {
            threads: Vec::with_capacity(count),
        };
        for number in 1..=count {
            let (host, queue) = (Arc::clone(host), Arc::clone(queue));
            let telemetry = telemetry.map(Arc::clone);
            let builder = std::thread::Builder::new()
                .name(format!("wsgi-{number}"))
                .stack_size(STACK);
            workers.threads.push(builder.spawn(move || {
                if let Some(telemetry) = &telemetry {
                    local::enter(telemetry, 0, number - 1);
                }
                work(interpreter, &host, &queue);
            })?);
        }
        Ok(workers)
    }

    /// Waits until all threads have ended, `patience` at most; false when some have not. Call it without the GIL, which
    /// they need to end, and after closing the queue.
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

fn work(interpreter: Interpreter, host: &Host, queue: &Queue) {
    let mut state = ThreadState::new(interpreter);
    while let Some(Job {
        request,
        queued,
        exchange,
    }) = queue.pop()
    {
        local::begin(queued);
        let done = catch_unwind(AssertUnwindSafe(|| {
            state.attach(|py| call::run(py, host, &request, Arc::clone(&exchange)));
        }));
        if done.is_err() {
            // A mistake of ours: the panic hook has said where. The client learns that something is wrong.
            exchange.abort();
        }
        local::end(|| (&request.method, &request.target.path));
    }
}
