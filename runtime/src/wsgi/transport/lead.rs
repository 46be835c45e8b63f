//! One thread that serves for all, while requests are short.
//!
//! Threads with one GIL do not run Python at the same time. Where each request takes some microseconds and waits for
//! nothing, threads that all take requests mostly wake each other up and wait for each other. So one of them, the leader,
//! takes news in batches as a single thread does, and the others sleep.
//!
//! That is right only as long as no request keeps the leader. So one of the others watches: when the leader does not get
//! on for a moment, all threads take requests again, first what its batch has left. The same happens when the leader
//! finds that requests have become long, or that it sleeps in them (a database, a lock): others could work meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::held::{Kept, SHORT};

/// How often the leader is looked after: it may be stuck for twice as long.
const LOOK: Duration = Duration::from_millis(1);
/// Without a request for so long, nobody leads: sleeping threads are better woken by the system, one for each request.
pub(super) const IDLE: Duration = Duration::from_millis(50);
/// Short requests after which one leads, at first, and at most; twice as many after each failure.
const ROW: (u64, u64) = (64, 1 << 16);
/// The most of them after a leader was relieved, for which its requests may not be to blame: other programs may have
/// had its processor.
const RELIEVED: u64 = 1 << 11;
/// That many of them have to come within so many milliseconds.
const PACE: (u64, u64) = (64, 100);
/// Requests of one leader after which its predecessors' failures are forgotten.
const PROVEN: u64 = 8192;
/// A leader's first batches, and one in so many later ones, are asked whether it slept in them.
const SAMPLED: u64 = 16;
/// What a long request, and a batch that slept, count against a leader; a short one counts 1 for it.
const DOUBTS: (u64, u64) = (64, 128);
/// Where it ends.
const DISTRUST: u64 = 256;

/// Who takes requests.
pub(crate) struct Lead {
    on: AtomicBool,
    // While all do: how many short ones there were, less the long ones, and since when (milliseconds).
    row: AtomicU64,
    since: AtomicU64,
    // The leader has a batch, and how often it has got on with one.
    busy: AtomicBool,
    beat: AtomicU64,
    // News that are left of a batch: asked before each wait.
    left: AtomicUsize,
    state: Mutex<State>,
    sleepers: Condvar,
}

#[derive(Default)]
struct State {
    // Leaders so far: one that comes back late must not take itself for the present one.
    term: u64,
    led: bool,
    watched: bool,
    over: bool,
    batch: VecDeque<u64>,
    held: Option<Kept>,
    row: u64,
}

/// A thread's time as the leader, and what it knows of its requests.
#[derive(Debug, Default)]
pub(crate) struct Term {
    /// Which leader it is.
    pub number: u64,
    requests: u64,
    batches: u64,
    doubt: u64,
    sleeps: Option<u64>,
}

impl Default for Lead {
    fn default() -> Self {
        Self {
            on: AtomicBool::new(false),
            row: AtomicU64::new(0),
            since: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            beat: AtomicU64::new(0),
            left: AtomicUsize::new(0),
            state: Mutex::new(State {
                row: ROW.0,
                ..State::default()
            }),
            sleepers: Condvar::new(),
        }
    }
}

impl Lead {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one serves for all.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// While all take requests: one of them took so many nanoseconds; `now` is in milliseconds.
    pub(crate) fn took(&self, nanoseconds: u64, now: u64) {
        if nanoseconds >= SHORT {
            let less = |row: u64| Some(row.saturating_sub(DOUBTS.0));
            let _ = self
                .row
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            return;
        }
        let row = self.row.fetch_add(1, Ordering::Relaxed) + 1;
        if row == 1 {
            self.since.store(now, Ordering::Relaxed);
        } else if row.is_multiple_of(PACE.0) {
            self.consider(row, now);
        }
    }

    fn consider(&self, row: u64, now: u64) {
        let mut state = self.state();
        if row < state.row || state.over || self.is_on() {
            return;
        }
        let took = now.saturating_sub(self.since.load(Ordering::Relaxed));
        self.row.store(0, Ordering::Relaxed);
        if took <= row / PACE.0 * PACE.1 {
            state.led = false;
            self.on.store(true, Ordering::Relaxed);
        }
    }

    /// Waits until the caller, which keeps responses in `held`, is to lead; `None` when nobody is to any more.
    pub(crate) fn turn(&self, held: &Kept) -> Option<Term> {
        let mut state = self.state();
        // While the leader was busy in the same step when this thread looked last: which one.
        let mut seen = None;
        while self.is_on() {
            if !state.led {
                return Some(self.elect(&mut state, held));
            }
            if state.watched {
                let waited = self.sleepers.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let busy = self.busy.load(Ordering::Relaxed);
            let step = busy.then(|| (state.term, self.beat.load(Ordering::Relaxed)));
            if step.is_some() && step == seen {
                let row = state.row.max((state.row * 2).min(RELIEVED));
                self.stop(&mut state, row);
                break;
            }
            seen = step;
            state.watched = true;
            let waited = self.sleepers.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.watched = false;
        }
        None
    }

    fn elect(&self, state: &mut State, held: &Kept) -> Term {
        state.led = true;
        state.term += 1;
        state.held = Some(Arc::clone(held));
        self.busy.store(false, Ordering::Relaxed);
        Term {
            number: state.term,
            ..Term::default()
        }
    }

    // Lets all take requests; one may lead again after `row` short ones.
    fn stop(&self, state: &mut State, row: u64) {
        if self.is_on() {
            self.on.store(false, Ordering::Relaxed);
            self.row.store(0, Ordering::Relaxed);
            state.row = row;
            self.sleepers.notify_all();
        }
    }

    fn is_present(&self, state: &State, leader: u64) -> bool {
        self.is_on() && state.term == leader
    }

    /// There is nothing to do for the leader.
    pub(crate) fn rest(&self, term: &Term) {
        let mut state = self.state();
        if self.is_present(&state, term.number) {
            let row = state.row;
            self.stop(&mut state, row);
        }
    }

    /// Nobody leads from now on.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.over = true;
        self.stop(&mut state, ROW.0);
    }

    /// The leader has found these news. `sleeps`: how often its thread has given up the processor to wait, asked when it
    /// is of interest.
    pub(crate) fn begin(
        &self,
        term: &mut Term,
        keys: impl Iterator<Item = u64>,
        sleeps: impl FnOnce() -> Option<u64>,
    ) {
        // Another step than the last of the batch before.
        self.step();
        self.busy.store(true, Ordering::Relaxed);
        let mut state = self.state();
        state.batch.extend(keys);
        self.left.store(state.batch.len(), Ordering::Relaxed);
        drop(state);
        let asks = term.batches < SAMPLED || term.batches.is_multiple_of(SAMPLED);
        term.batches += 1;
        term.sleeps = if asks { sleeps() } else { None };
    }

    /// The leader is through with a request: of one connection there may be several at once.
    #[inline]
    pub(crate) fn step(&self) {
        self.beat.fetch_add(1, Ordering::Relaxed);
    }

    /// The leader has got on; the longest request of these news took so many nanoseconds.
    pub(crate) fn got_on(&self, term: &mut Term, nanoseconds: u64) {
        self.step();
        term.requests += 1;
        term.doubt = if nanoseconds >= SHORT {
            term.doubt + DOUBTS.0
        } else {
            term.doubt.saturating_sub(1)
        };
    }

    /// The leader is through with its batch. False when it does not lead any more.
    pub(crate) fn end(&self, term: &mut Term, sleeps: impl FnOnce() -> Option<u64>) -> bool {
        if let Some(before) = term.sleeps.take()
            && sleeps().is_some_and(|after| after > before)
        {
            term.doubt += DOUBTS.1;
        }
        let mut state = self.state();
        if !self.is_present(&state, term.number) {
            return false;
        }
        self.busy.store(false, Ordering::Relaxed);
        if term.doubt >= DISTRUST {
            let row = (state.row * 2).min(ROW.1);
            self.stop(&mut state, row);
        } else if term.requests >= PROVEN {
            state.row = ROW.0;
        }
        self.is_on()
    }

    /// The next of the leader's news; `None` when there is none, or it does not lead any more.
    pub(crate) fn next(&self, leader: u64) -> Option<u64> {
        let mut state = self.state();
        let is_present = self.is_present(&state, leader);
        is_present.then(|| self.pop(&mut state)).flatten()
    }

    fn pop(&self, state: &mut State) -> Option<u64> {
        let key = state.batch.pop_front();
        self.left.store(state.batch.len(), Ordering::Relaxed);
        key
    }

    /// When nobody leads: one of the news that the last leader has left.
    pub(crate) fn left(&self) -> Option<u64> {
        if self.left.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut state = self.state();
        let is_free = !self.is_on();
        is_free.then(|| self.pop(&mut state)).flatten()
    }

    /// When nobody leads: where the last leader kept responses.
    pub(crate) fn held(&self) -> Option<Kept> {
        let mut state = self.state();
        let is_free = !self.is_on();
        is_free.then(|| state.held.take()).flatten()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MICROSECOND: u64 = 1_000;
    const AWAKE: fn() -> Option<u64> = || Some(7);

    fn short_requests(lead: &Lead, count: u64, now: u64) {
        for _ in 0..count {
            lead.took(MICROSECOND, now);
        }
    }

    /// Somebody leads.
    fn led() -> (Lead, Term) {
        let lead = Lead::default();
        short_requests(&lead, ROW.0, 1);
        let term = lead.turn(&Kept::default()).unwrap();
        (lead, term)
    }

    /// Leads a batch of `times` nanoseconds; whether it leads on.
    fn batch(lead: &Lead, term: &mut Term, times: &[u64], slept: bool) -> bool {
        lead.begin(term, 0..times.len() as u64, || Some(0));
        for (key, time) in (0..).zip(times) {
            assert_eq!(lead.next(term.number), Some(key));
            lead.got_on(term, *time);
        }
        assert_eq!(lead.next(term.number), None);
        lead.end(term, || Some(slept.into()))
    }

    #[test]
    fn short_requests_make_a_leader() {
        let lead = Lead::default();
        short_requests(&lead, ROW.0 - 1, 1);
        lead.took(SHORT, 1);
        short_requests(&lead, ROW.0 - 1, 1);
        lead.took(SHORT, 1);
        short_requests(&lead, ROW.0 - 1, 1);
        assert!(!lead.is_on() && lead.turn(&Kept::default()).is_none());
        lead.took(SHORT - 1, 1);
        assert!(lead.is_on());
    }

    #[test]
    fn rare_ones_do_not() {
        let lead = Lead::default();
        for now in 0..10 * ROW.0 {
            lead.took(MICROSECOND, now * 2);
        }
        assert!(!lead.is_on(), "one in 2 ms");
        for now in 0..10 * ROW.0 {
            lead.took(MICROSECOND, now);
        }
        assert!(lead.is_on(), "one in 1 ms");
    }

    #[test]
    fn long_requests_end_it_and_it_is_harder_to_begin_again() {
        let (lead, mut term) = led();
        assert!(batch(
            &lead,
            &mut term,
            &[MICROSECOND, SHORT, SHORT, SHORT],
            false
        ));
        assert!(!batch(&lead, &mut term, &[SHORT, SHORT], false));
        short_requests(&lead, ROW.0, 1);
        assert!(!lead.is_on());
        short_requests(&lead, ROW.0, 1);
        assert!(lead.is_on());
        // A long time without trouble.
        let mut term = lead.turn(&Kept::default()).unwrap();
        for _ in 0..PROVEN / 16 {
            assert!(batch(&lead, &mut term, &[MICROSECOND; 16], false));
        }
        assert!(!batch(&lead, &mut term, &[SHORT; 4], false));
        short_requests(&lead, 2 * ROW.0, 1);
        assert!(lead.is_on());
    }

    #[test]
    fn one_long_request_among_many_does_not_end_it() {
        let (lead, mut term) = led();
        for _ in 0..100 {
            assert!(batch(&lead, &mut term, &[SHORT], false));
            assert!(batch(&lead, &mut term, &[MICROSECOND; 100], false));
        }
    }

    #[test]
    fn sleeping_in_requests_ends_it() {
        let (lead, mut term) = led();
        assert!(batch(&lead, &mut term, &[MICROSECOND], true));
        assert!(batch(&lead, &mut term, &[MICROSECOND], true));
        assert!(!batch(&lead, &mut term, &[MICROSECOND], true));
    }

    #[test]
    fn nothing_to_do_ends_it_without_a_grudge() {
        let (lead, term) = led();
        lead.rest(&term);
        assert!(!lead.is_on());
        short_requests(&lead, ROW.0, 1);
        assert!(lead.is_on());
    }

    #[test]
    fn a_leader_that_is_stuck_is_relieved_of_its_batch_and_its_responses() {
        let (lead, mut term) = led();
        let kept = Arc::clone(lead.state().held.as_ref().unwrap());
        lead.begin(&mut term, [5, 6].into_iter(), AWAKE);
        assert_eq!(lead.next(term.number), Some(5));
        assert_eq!(
            (lead.left(), lead.held().is_none()),
            (None, true),
            "it leads"
        );
        // Two that sleep: one of them watches, and both come back.
        std::thread::scope(|scope| {
            let sleeper = || assert!(lead.turn(&Kept::default()).is_none());
            scope.spawn(sleeper);
            scope.spawn(sleeper);
        });
        assert!(Arc::ptr_eq(&lead.held().unwrap(), &kept) && lead.held().is_none());
        assert_eq!((lead.left(), lead.left()), (Some(6), None));
        // It comes back when another one leads.
        short_requests(&lead, 2 * ROW.0, 1);
        let mut other = lead.turn(&Kept::default()).unwrap();
        lead.begin(&mut other, [7].into_iter(), AWAKE);
        lead.got_on(&mut term, MICROSECOND);
        assert_eq!(lead.next(term.number), None);
        assert!(!lead.end(&mut term, AWAKE));
        lead.rest(&term);
        assert_eq!(lead.next(other.number), Some(7));
        assert!(lead.end(&mut other, AWAKE));
    }

    #[test]
    fn a_leader_that_waits_for_news_is_not_relieved() {
        let (lead, _) = led();
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| lead.turn(&Kept::default()).is_none());
            std::thread::sleep(10 * LOOK);
            assert!(lead.is_on() && !sleeper.is_finished());
            lead.close();
            assert!(sleeper.join().unwrap());
        });
        short_requests(&lead, ROW.1, 1);
        assert!(!lead.is_on(), "the server stops");
    }
}
