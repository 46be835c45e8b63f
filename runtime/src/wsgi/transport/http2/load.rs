//! How much one connection asks of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Requests that a client took back before they were answered, from which on it is told to be calm.
const TAKEN_BACK: usize = 200;

/// Bytes of requests whose bodies are received before a thread has to do with them. Beyond that they wait for a thread
/// with the others, of which the queue bounds the number, and the client's window what they hold.
const GATHERED: usize = 512 * 1024;

/// A connection's requests.
#[derive(Debug, Default)]
pub(super) struct Load {
    under_way: AtomicUsize,
    all: AtomicUsize,
    taken_back: AtomicUsize,
    gathered: AtomicUsize,
    changed: Notify,
}

/// One of them, from its head to the end of its work here.
#[derive(Debug)]
pub(super) struct Ticket {
    load: Arc<Load>,
    gathered: usize,
}

impl Load {
    /// One request more.
    pub(super) fn enter(self: &Arc<Self>) -> Ticket {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.all.fetch_add(1, Ordering::Relaxed);
        Ticket {
            load: Arc::clone(self),
            gathered: 0,
        }
    }

    /// Requests that are not done.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Whether there was no request yet.
    pub(super) fn is_new(&self) -> bool {
        self.all.load(Ordering::Relaxed) == 0
    }

    /// Whether the client makes work for nothing (CVE-2023-44487).
    pub(super) fn is_abused(&self) -> bool {
        let taken_back = self.taken_back.load(Ordering::Relaxed);
        taken_back > TAKEN_BACK && taken_back > self.all.load(Ordering::Relaxed) / 2
    }

    /// Waits until a request is done.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Ticket {
    /// The client took the request back.
    pub(super) fn note_taken_back(&self) {
        self.load.taken_back.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether so many bytes may be held before a thread has to do with it. Asked once.
    pub(super) fn may_gather(&mut self, bytes: usize) -> bool {
        let before = self.load.gathered.fetch_add(bytes, Ordering::SeqCst);
        self.gathered = bytes;
        before + bytes <= GATHERED
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.load
            .gathered
            .fetch_sub(self.gathered, Ordering::SeqCst);
        self.load.under_way.fetch_sub(1, Ordering::SeqCst);
        self.load.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_count_until_they_are_gone() {
        let load = Arc::<Load>::default();
        assert!(load.is_new());
        let (mut first, mut second) = (load.enter(), load.enter());
        assert_eq!((load.under_way(), load.is_new()), (2, false));
        assert!(first.may_gather(GATHERED));
        assert!(!second.may_gather(1));
        drop((first, second));
        assert_eq!(load.under_way(), 0);
        assert!(load.enter().may_gather(GATHERED));
    }

    #[test]
    fn more_taken_back_than_wanted_is_abuse() {
        let load = Arc::<Load>::default();
        for number in 1..=3 * TAKEN_BACK {
            load.enter().note_taken_back();
            assert_eq!(load.is_abused(), number > TAKEN_BACK, "{number}");
        }
        for _ in 0..4 * TAKEN_BACK {
            drop(load.enter());
        }
        assert!(!load.is_abused());
    }
}
