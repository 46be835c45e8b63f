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

use std::sync::atomic::{AtomicU64, Ordering};

/// What a worker and the supervisor tell each other, in memory that all of them see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    memory: &'static [AtomicU64],
    number: usize,
}

/// The words of a slot.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// 1 when the worker takes requests.
    Ready,
    /// When each of its interpreters had last had a turn at its GIL, on the clock of [`platform::children::now`].
    Beat,
    /// 1 when it wants to be replaced.
    Stale,
    /// The connections that it has, and one more; 0 when it takes none.
    Connections,
}

/// The one of worker `number`, from 0 on, in `memory` that has one for each.
fn slot_of(memory: &'static [AtomicU64], number: usize) -> Slot {
    Slot { memory, number }
}

/// A worker's share of the connections that come to all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(Slot);

impl Share {
    /// It has so many.
    pub(crate) fn has(self, connections: usize) {
        let connections = u64::try_from(connections).unwrap_or(u64::MAX);
        self.0.set(Word::Connections, connections.saturating_add(1));
    }

    /// It takes no more.
    pub(crate) fn ends(self) {
        self.0.set(Word::Connections, 0);
    }

    /// Whether it has so many more than another that the next is the other's.
    pub(crate) fn is_ahead(self) -> bool {
        let own = self.0.get(Word::Connections);
        let slots = 0..self.0.memory.len() / Slot::WORDS;
        let others = slots.filter(|number| *number != self.0.number);
        let others = others.map(|number| slot_of(self.0.memory, number).get(Word::Connections));
        let fewest = others.filter(|connections| *connections > 0).min();
        // Some more, so that a crowd is not taken in one by one in turns.
        fewest.is_some_and(|fewest| own > fewest.saturating_add(1.max(fewest / 4)))
    }
}

impl Slot {
    const WORDS: usize = 8;

    fn word(self, word: Word) -> Option<&'static AtomicU64> {
        let first = self.number.checked_mul(Self::WORDS)?;
        self.memory.get(first.checked_add(word as usize)?)
    }

    fn get(self, word: Word) -> u64 {
        self.word(word).map_or(0, |it| it.load(Ordering::Acquire))
    }

    fn set(self, word: Word, value: u64) {
        if let Some(it) = self.word(word) {
            it.store(value, Ordering::Release);
        }
    }

    fn clear(self) {
        for word in [Word::Ready, Word::Beat, Word::Stale, Word::Connections] {
            self.set(word, 0);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of three workers that take no connections yet.
    pub(crate) fn shares() -> [Share; 3] {
        let words = (0..3 * Slot::WORDS).map(|_| AtomicU64::new(0));
        let memory: &'static [AtomicU64] = Box::leak(words.collect());
        [0, 1, 2].map(|number| Share(slot_of(memory, number)))
    }

    #[test]
    fn shares_are_alike() {
        let [one, other, third] = shares();
        one.has(50);
        assert!(!one.is_ahead(), "nobody else takes any");
        other.has(40);
        assert!(!one.is_ahead() && !other.is_ahead());
        one.has(51);
        assert!(one.is_ahead());
        third.has(0);
        assert!(other.is_ahead() && !third.is_ahead());
        third.ends();
        assert!(!other.is_ahead());
    }
}
