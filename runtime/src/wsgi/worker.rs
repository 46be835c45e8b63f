//! The threads that run Python.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::call;
use super::engine::Engine;
use super::host::Host;
use super::queue::{Job, Queue};
use crate::embed::{Interpreter, ThreadState};

/// As much as a Python program's main thread has: deep recursion in C code must not hit a smaller end.
pub(super) const STACK: usize = 8 * 1024 * 1024;

/// The running threads.
pub(crate) struct Workers {
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads for each interpreter of `engine`, which all serve from `queue`.
    ///
    /// # Errors
    /// When the system gives no more threads. The queue is closed then, and those already started have ended.
    pub(crate) fn start(count: usize, engine: &Engine, queue: &Arc<Queue>) -> io::Result<Self> {
        let mut workers = Self {
            threads: Vec::with_capacity(count * engine.members().len()),
        };
        let several = engine.members().len() > 1;
        for member in engine.members() {
            for number in 1..=count {
                let name = if several {
                    format!("wsgi-{}-{number}", member.number)
                } else {
                    format!("wsgi-{number}")
                };
                let interpreter = member.interpreter;
                let (host, queue) = (Arc::clone(&member.host), Arc::clone(queue));
                let builder = std::thread::Builder::new().name(name).stack_size(STACK);
                let waits = Arc::clone(&queue);
                match builder.spawn(move || work(interpreter, &host, &queue)) {
                    Ok(thread) => workers.threads.push(thread),
                    Err(error) => {
                        waits.close();
                        workers.join(Duration::MAX);
                        return Err(error);
                    }
                }
            }
        }
        Ok(workers)
    }

    /// Waits until all threads have ended, `patience` at most; false when some have not. Call it without the GIL, which
    /// they need to end, and after closing the queue.
    pub(crate) fn join(self, patience: Duration) -> bool {
        let begun = Instant::now();
        while !self.threads.iter().all(JoinHandle::is_finished) {
            if begun.elapsed() >= patience {
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
    while let Some(Job { request, exchange }) = queue.pop() {
        let done = catch_unwind(AssertUnwindSafe(|| {
            state.attach(|py| call::run(py, host, &request, Arc::clone(&exchange)));
        }));
        if done.is_err() {
            // A mistake of ours: the panic hook has said where. The client learns that something is wrong.
            exchange.abort();
        }
    }
}
