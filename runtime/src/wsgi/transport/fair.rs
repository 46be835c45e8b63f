//! Which of the processes that accept from the same sockets takes a connection.
//!
//! The system wakes all of them, and the quickest would take everything that comes while the others are still waking up: a
//! load balancer that opens its ten connections at once would have them all served by one process. So a process that is
//! ahead of another leaves what waits to it, for some milliseconds: the other may be busy for longer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::wsgi::supervise::Share;

/// How long a connection waits for a process that has fewer; milliseconds.
const PATIENCE: u64 = 3;
/// How often one that has left a connection to others looks whether they took it.
pub(super) const RETRY: Duration = Duration::from_millis(1);
/// What was left so long ago was another connection; milliseconds.
const FORGOTTEN: u64 = 50;

/// This process's part in it.
#[derive(Debug)]
pub(super) struct Fair {
    share: Option<Share>,
    // When a connection was left to others first; 0: none was. Milliseconds.
    left: AtomicU64,
    looks_again: AtomicBool,
}

impl Fair {
    /// With its share, if there are others.
    pub(super) fn new(share: Option<Share>) -> Self {
        Self {
            share,
            left: AtomicU64::new(0),
            looks_again: AtomicBool::new(false),
        }
    }

    /// Whether there are others.
    pub(super) fn is_one_of_several(&self) -> bool {
        self.share.is_some()
    }

    /// It has so many connections.
    #[inline]
    pub(super) fn has(&self, connections: usize) {
        if let Some(share) = self.share {
            share.has(connections);
        }
    }

    /// It takes no more.
    pub(super) fn ends(&self) {
        if let Some(share) = self.share {
            share.ends();
        }
    }

    /// Whether a connection that waits at `now` is left to another process. Whoever does that stops to watch the sockets
    /// until [`Fair::looks_again`].
    pub(super) fn leaves(&self, now: u64) -> bool {
        let Some(share) = self.share else {
            return false;
        };
        let since = self.left.load(Ordering::Relaxed);
        let waited = now.saturating_sub(since);
        let is_waiting = since > 0 && waited < FORGOTTEN;
        if !share.is_ahead() || (is_waiting && waited >= PATIENCE) {
            self.left.store(0, Ordering::Relaxed);
            return false;
        }
        if !is_waiting {
            self.left.store(now.max(1), Ordering::Relaxed);
        }
        self.looks_again.store(true, Ordering::SeqCst);
        true
    }

    /// Whether the sockets are to be watched again; true once.
    #[inline]
    pub(super) fn looks_again(&self) -> bool {
        self.looks_again.load(Ordering::Relaxed) && self.looks_again.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wsgi::supervise::tests::shares;

    #[test]
    fn one_that_is_alone_takes_everything() {
        let fair = Fair::new(None);
        fair.has(1000);
        assert!(!fair.leaves(1) && !fair.looks_again());
    }

    #[test]
    fn one_that_is_ahead_leaves_it_to_others_for_a_while() {
        let [one, other, _] = shares();
        let fair = Fair::new(Some(one));
        other.has(0);
        fair.has(1);
        assert!(!fair.leaves(100), "one more is no difference");
        fair.has(2);
        assert!(fair.leaves(100));
        assert!(fair.looks_again() && !fair.looks_again());
        assert!(fair.leaves(100 + PATIENCE - 1) && fair.looks_again());
        assert!(!fair.leaves(100 + PATIENCE), "nobody took it");
        assert!(fair.leaves(100 + PATIENCE), "the next one waits as well");
        other.has(1);
        assert!(!fair.leaves(100 + PATIENCE), "the other has caught up");
        other.has(0);
        assert!(fair.leaves(200));
        assert!(fair.leaves(200 + FORGOTTEN), "another one");
    }
}
