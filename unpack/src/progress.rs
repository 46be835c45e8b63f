//! How far a first start has come.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shorter than this, nobody wonders.
const LONG: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);

/// Bytes to be hashed and written, and how many are done; told by the threads that do the work.
#[derive(Debug)]
pub struct Progress {
    expected: AtomicU64,
    done: AtomicU64,
    started: Instant,
    /// Milliseconds after the start before which nothing is shown.
    next: AtomicU64,
    shown: AtomicBool,
    show: Option<fn(f64)>,
}

impl Progress {
    /// From now on. Once the work has taken a second, `show` is called with the part that is done, 0 to 1.
    #[must_use]
    pub fn new(show: Option<fn(f64)>) -> Self {
        Self {
            expected: AtomicU64::new(0),
            done: AtomicU64::new(0),
            started: Instant::now(),
            next: AtomicU64::new(milliseconds(LONG)),
            shown: AtomicBool::new(false),
            show,
        }
    }

    /// Whether anything was shown.
    #[must_use]
    pub fn was_shown(&self) -> bool {
        self.shown.load(Ordering::Relaxed)
    }

    /// The part that is done, from 0 to 1; `None` while there is nothing to do.
    #[must_use]
    pub fn part(&self) -> Option<f64> {
        let expected = self.expected.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(expected);
        (expected > 0).then(|| done as f64 / expected as f64)
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        let Some(show) = self.show else { return };
        let now = milliseconds(self.started.elapsed());
        let next = self.next.load(Ordering::Relaxed);
        let mine = now >= next
            && self
                .next
                .compare_exchange(
                    next,
                    now + milliseconds(STEP),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if let Some(part) = self.part().filter(|_| mine) {
            self.shown.store(true, Ordering::Relaxed);
            show(part);
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_more_than_the_whole() {
        let progress = Progress::new(None);
        assert_eq!(progress.part(), None);
        progress.expect(10);
        progress.advance(5);
        assert_eq!(progress.part(), Some(0.5));
        progress.advance(50);
        assert_eq!(progress.part(), Some(1.0));
    }

    #[test]
    fn short_work_is_not_shown_and_long_work_is() {
        let progress = Progress::new(Some(|_| {}));
        progress.expect(10);
        progress.advance(1);
        assert!(!progress.was_shown());
        progress.next.store(0, Ordering::Relaxed);
        progress.advance(1);
        assert!(progress.was_shown());
    }
}
