//! Responses of a batch that leave together.
//!
//! A client on the same machine, or a proxy, sleeps until there is something to read. Each response that is sent by itself
//! wakes it once more, which costs the sender as much as a short request does; sent in one go, the first wakes it and it
//! finds the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::clock::{nanoseconds, ticks};

use super::connection::Connection;

/// Nanoseconds for which a complete response may be kept.
const LONGEST: u64 = 1_000_000;
/// Nanoseconds that the requests of late have to stay below: a response must not wait for a slow one.
pub(super) const SHORT: u64 = 300_000;
/// A long request is forgotten after some dozens of short ones: what is remembered shrinks by this part with each.
const FORGETTING: u64 = 16;

/// Connections whose responses are kept. Somebody else may send them when their thread does not come to it.
pub(super) type Kept = Arc<Mutex<Vec<Arc<Connection>>>>;

/// What a thread keeps.
#[derive(Default)]
pub(crate) struct Held {
    kept: Kept,
    timed: bool,
    open: bool,
    // Ticks: when the first was kept, and when the last request began.
    since: u64,
    begun: u64,
    // Nanoseconds: of late, and since it was asked for.
    longest: u64,
    latest: u64,
}

impl Held {
    /// A batch of `count` begins.
    pub(crate) fn open(&mut self, count: usize) {
        self.begun = ticks();
        self.latest = 0;
        self.timed = true;
        self.open = count > 1;
    }

    /// Where they are.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a response may be kept.
    pub(crate) fn takes(&self) -> bool {
        self.open && self.longest < SHORT
    }

    /// Keeps one.
    pub(crate) fn keep(&mut self, connection: &Arc<Connection>) {
        let mut connections = self.connections();
        let is_first = connections.is_empty();
        connections.push(Arc::clone(connection));
        drop(connections);
        if is_first {
            self.since = ticks();
        }
    }

    /// A request is through.
    pub(crate) fn pass(&mut self) {
        if !self.timed {
            return;
        }
        let now = ticks();
        let took = nanoseconds(now.saturating_sub(self.begun));
        self.begun = now;
        self.longest = took.max(self.longest - self.longest / FORGETTING);
        self.latest = self.latest.max(took);
    }

    /// The nanoseconds of the longest request since this was called.
    pub(crate) fn longest(&mut self) -> u64 {
        std::mem::take(&mut self.latest)
    }

    /// Whether what is kept has to leave now.
    pub(crate) fn is_due(&self) -> bool {
        let age = nanoseconds(self.begun.saturating_sub(self.since));
        self.open && (age >= LONGEST || !self.takes()) && !self.connections().is_empty()
    }

    /// What is kept, if anything is. The batch is at its end when that is the `last`.
    pub(crate) fn take(&mut self, last: bool) -> Vec<Arc<Connection>> {
        if last {
            (self.open, self.timed) = (false, false);
        }
        std::mem::take(&mut *self.connections())
    }

    /// The room of what was taken.
    pub(crate) fn give_back(&mut self, mut room: Vec<Arc<Connection>>) {
        room.clear();
        let mut connections = self.connections();
        if connections.is_empty() {
            *connections = room;
        }
    }
}
