//! How long a client may keep others waiting, and how many threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes in a second that a client has to send or take on average: those of IIS and Kestrel. Less is a client that is to
/// keep a thread busy, or a connection that no user would wait for.
const RATE: u32 = 240;

/// The time that a client was waited for, as far as what it sent or took since does not make up for it. Silence uses it up, and
/// so does a byte now and then; one that is slow for a while, or steady at [`RATE`], is served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Patience {
    spent: Duration,
}

impl Patience {
    /// It was waited for.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.spent += time;
    }

    /// It has sent or taken something.
    pub(crate) fn moved(&mut self, bytes: u64) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.spent = self
            .spent
            .saturating_sub(Duration::from_secs(1) * bytes / RATE);
    }

    /// How much longer, where one may wait `timeout` for a client that does nothing.
    pub(crate) fn left(self, timeout: Duration) -> Duration {
        timeout.saturating_sub(self.spent)
    }
}

/// Patience with a client that is sent something. What it takes is told by what its system acknowledges: there is room for
/// more in large steps only, between which a slow client may be busy for minutes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taking {
    patience: Patience,
    // As of the last look, where that is known.
    acknowledged: Option<u64>,
}

impl Taking {
    /// It is going to be waited for, and has `acknowledged` so much.
    pub(crate) fn begin(&mut self, acknowledged: impl FnOnce() -> Option<u64>) {
        if self.acknowledged.is_none() {
            self.acknowledged = acknowledged();
        }
    }

    /// It was waited for; `ready`: there was room then.
    pub(crate) fn waited(&mut self, time: Duration, acknowledged: Option<u64>, ready: bool) {
        self.patience.waited(time);
        match (self.acknowledged, acknowledged) {
            (Some(before), Some(now)) => self.patience.moved(now.saturating_sub(before)),
            (None, None) if ready => self.patience = Patience::default(),
            _ => {}
        }
        self.acknowledged = acknowledged;
    }

    /// As [`Patience::left`].
    pub(crate) fn left(self, timeout: Duration) -> Duration {
        self.patience.left(timeout)
    }
}

/// Threads that may wait for clients which paused before what is gathered of their bodies was there: all but one, for others.
#[derive(Debug)]
pub(crate) struct Waiters {
    left: Arc<AtomicUsize>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter {
    left: Arc<AtomicUsize>,
}

impl Waiters {
    /// Of so many threads; where there is one only, it may.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new((threads - 1).max(1))),
        }
    }

    /// One more, if it may.
    pub(crate) fn enter(&self) -> Option<Waiter> {
        let less = |left: usize| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .ok()?;
        Some(Waiter {
            left: Arc::clone(&self.left),
        })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.left.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    // Seconds for which a client is waited for that moves `bytes` each `seconds`; none where it is for an hour.
    fn waits(bytes: u64, seconds: u64) -> Option<u64> {
        let mut patience = Patience::default();
        let pause = Duration::from_secs(seconds);
        (0..3600 / seconds).find_map(|turn| {
            let left = patience.left(MINUTE);
            patience.waited(pause.min(left));
            patience.moved(bytes);
            (left < pause).then_some(turn * seconds + left.as_secs())
        })
    }

    #[test]
    fn silence_and_drops_use_it_up() {
        assert_eq!(waits(0, 1), Some(60));
        assert_eq!(waits(0, 90), Some(60));
        assert_eq!(waits(1, 1), Some(60));
        assert_eq!(waits(120, 1), Some(119));
        assert_eq!(waits(1, 59), Some(60));
    }

    #[test]
    fn what_is_acknowledged_was_taken() {
        let mut taking = Taking::default();
        taking.begin(|| Some(5000));
        taking.begin(|| Some(9000));
        taking.waited(MINUTE, Some(5000), true);
        assert_eq!(taking.left(MINUTE), Duration::ZERO);
        taking.waited(Duration::ZERO, Some(5000 + u64::from(RATE)), false);
        assert_eq!(taking.left(MINUTE), Duration::from_secs(1));
        let mut unknown = Taking::default();
        unknown.begin(|| None);
        unknown.waited(MINUTE, None, true);
        assert_eq!(unknown.left(MINUTE), MINUTE);
        unknown.waited(MINUTE, None, false);
        assert_eq!(unknown.left(MINUTE), Duration::ZERO);
    }

    #[test]
    fn a_thread_is_left_for_others() {
        for (threads, most) in [(1, 1), (2, 1), (4, 3)] {
            let waiters = Waiters::new(threads);
            let mut inside: Vec<_> = (0..most).map(|_| waiters.enter()).collect();
            assert!(inside.iter().all(Option::is_some));
            assert!(waiters.enter().is_none());
            inside.pop();
            assert!(waiters.enter().is_some());
        }
    }

    #[test]
    fn a_steady_client_is_waited_for() {
        assert_eq!(waits(u64::from(RATE), 1), None);
        assert_eq!(waits(1 << 20, 59), None);
        assert_eq!(waits(u64::MAX, 59), None);
        // What it has done before does not allow for more silence.
        assert_eq!(waits(u64::MAX, 61), Some(60));
    }
}
