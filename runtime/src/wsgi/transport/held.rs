//! Responses of a batch that leave together.
//!
//! A client on the same machine, or a proxy, sleeps until there is something to read. Each response that is sent by itself
//! wakes it once more, which costs the sender as much as a short request does; sent in one go, the first wakes it and it
//! finds the others.

use std::sync::Arc;

use platform::clock::{nanoseconds, ticks};

use super::connection::Connection;

/// Nanoseconds for which a complete response may be kept.
const LONGEST: u64 = 1_000_000;
/// Nanoseconds that the requests of late have to stay below: a response must not wait for a slow one.
const SHORT: u64 = 300_000;
/// A long request is forgotten after some dozens of short ones: what is remembered shrinks by this part with each.
const FORGETTING: u64 = 16;

/// The connections whose responses are kept.
#[derive(Default)]
pub(crate) struct Held {
    connections: Vec<Arc<Connection>>,
    open: bool,
    // Ticks: when the first was kept, and when the last request began.
    since: u64,
    begun: u64,
    // Nanoseconds.
    longest: u64,
}

impl Held {
    /// A batch of `count` begins.
    pub(crate) fn open(&mut self, count: usize) {
        self.begun = ticks();
        self.open = count > 1;
    }

    /// Whether a response may be kept.
    pub(crate) fn takes(&self) -> bool {
        self.open && self.longest < SHORT
    }

    /// Keeps one.
    pub(crate) fn keep(&mut self, connection: &Arc<Connection>) {
        if self.connections.is_empty() {
            self.since = ticks();
        }
        self.connections.push(Arc::clone(connection));
    }

    /// One of the batch is through. Whether what is kept has to leave now.
    pub(crate) fn is_due(&mut self) -> bool {
        if !self.open {
            return false;
        }
        let now = ticks();
        let took = nanoseconds(now.saturating_sub(self.begun));
        self.begun = now;
        self.longest = took.max(self.longest - self.longest / FORGETTING);
        let age = nanoseconds(now.saturating_sub(self.since));
        !self.connections.is_empty() && (age >= LONGEST || !self.takes())
    }

    /// What is kept, if anything is; nothing more is until the next batch when it is at its end (`last`).
    pub(crate) fn take(&mut self, last: bool) -> Vec<Arc<Connection>> {
        self.open &= !last;
        std::mem::take(&mut self.connections)
    }

    /// The room of what was taken.
    pub(crate) fn give_back(&mut self, mut room: Vec<Arc<Connection>>) {
        room.clear();
        if self.connections.is_empty() {
            self.connections = room;
        }
    }
}
