//! Worker processes under a supervisor.
//!
//! The supervisor binds the listeners and forks workers before Python is initialised in it, so that each worker imports
//! the application anew and a reload runs new code; it never runs Python itself. All workers accept from the same
//! sockets, which the supervisor keeps open: a connection that the system has taken waits for whoever accepts next, and
//! is lost neither with a worker nor in a reload. (With SO_REUSEPORT each worker's socket has a queue of its own, which is
//! reset when the worker goes.)
//!
//! - `fleet` decides: a state machine without processes, clocks or signals.
//! - `supervisor` does what it decides, and tells it what happened.
//! - `worker` is the other side: what a worker process knows of its supervisor; `watch` looks after it from inside.

#[cfg(unix)]
mod fleet;
#[cfg(unix)]
mod supervisor;
mod watch;
mod worker;

#[cfg(unix)]
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

#[cfg_attr(windows, allow(dead_code, reason = "there is no supervisor yet"))]
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
