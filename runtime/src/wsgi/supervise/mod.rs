//! Worker processes under a supervisor.
//!
//! The supervisor binds the listeners and forks workers before Python is initialised in it, so that each worker imports
//! the application anew and a reload runs new code; it never runs Python itself. All workers accept from the same
//! sockets, which the supervisor keeps open: a connection that the system has taken waits for whoever accepts next, and
//! is lost neither with a worker nor in a reload. (With SO_REUSEPORT each worker's socket has a queue of its own, which is
//! reset when the worker goes.)
//!
//! On Windows, where no process can be divided, the supervisor starts the program again for each worker, and shares with it
//! by numbers what a fork would have left it.
//!
//! - `fleet` decides: a state machine without processes, clocks or signals.
//! - `supervisor` does what it decides, and tells it what happened.
//! - `processes` makes and ends them; `admin` has the listener for metrics.
//! - `worker` is the other side: what a worker process knows of its supervisor; `watch` looks after it from inside.

mod admin;
mod fleet;
mod processes;
mod supervisor;
mod watch;
mod worker;

#[cfg(windows)]
pub(crate) use processes::join;
pub(crate) use supervisor::{Role, begin};
pub(crate) use watch::{Seat, watch};
pub(crate) use worker::Worker;

use std::sync::atomic::AtomicU64;

/// What a worker and the supervisor tell each other, in memory that both see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(&'static [AtomicU64]);

/// The words of a slot.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// 1 when the worker takes requests.
    Ready,
    /// When each of its interpreters had last had a turn at its GIL, on the clock of [`platform::children::now`].
    Beat,
    /// 1 when it wants to be replaced.
    Stale,
}

/// The one of worker `number`, from 0 on, in `memory` that has one for each.
fn slot_of(memory: &'static [AtomicU64], number: usize) -> Slot {
    let first = number.saturating_mul(Slot::WORDS);
    let end = first.saturating_add(Slot::WORDS);
    Slot(memory.get(first..end).unwrap_or(&[]))
}

impl Slot {
    const WORDS: usize = 8;

    fn get(self, word: Word) -> u64 {
        let load = |it: &AtomicU64| it.load(std::sync::atomic::Ordering::Acquire);
        self.0.get(word as usize).map_or(0, load)
    }

    fn set(self, word: Word, value: u64) {
        if let Some(it) = self.0.get(word as usize) {
            it.store(value, std::sync::atomic::Ordering::Release);
        }
    }
}
