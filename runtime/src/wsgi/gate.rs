//! How many Python threads are at requests at once, while the controller finds that fewer serve better than all.
//!
//! Threads with one GIL that compute do not work at the same time. A few keep the GIL busy while one of them sleeps; each
//! one more makes all of them wait, before each request and after each pause in it. The others wait here, with
//! their request and without the GIL.
//!
//! That must not keep work from being done. So the one that has waited the longest looks every millisecond, and goes on
//! when those inside have hardly used a processor since, for they sleep, or when none of them has come out for long.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use platform::clock::ThreadClock;

/// As many as there are.
pub(crate) const ALL: usize = usize::MAX;
/// How often the first one looks.
const LOOK: Duration = Duration::from_millis(1);
/// Without one that comes out for so long, one more goes in.
const LONG: Duration = Duration::from_millis(50);

/// The gate of an interpreter's threads.
#[derive(Debug)]
pub(crate) struct Gate {
    limit: AtomicUsize,
    look: Duration,
    state: Mutex<State>,
    beyond: AtomicU64,
}

#[derive(Debug)]
struct State {
    // Those that came in while there was a limit.
    inside: Vec<ThreadClock>,
    waiting: VecDeque<Arc<Waiting>>,
    // When one came out last.
    moved: Instant,
}

#[derive(Debug)]
struct Waiting {
    thread: Thread,
    clock: ThreadClock,
    admitted: AtomicBool,
}

/// A thread is inside, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    clock: ThreadClock,
}

/// What those inside had done when somebody looked.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    moved: Instant,
    cpu: u64,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            limit: AtomicUsize::new(ALL),
            look: LOOK,
            state: Mutex::new(State {
                inside: Vec::new(),
                waiting: VecDeque::new(),
                moved: Instant::now(),
            }),
            beyond: AtomicU64::new(0),
        }
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Whether threads may have to wait.
    #[inline]
    pub(crate) fn is_narrow(&self) -> bool {
        self.limit() != ALL
    }

    /// Whether the system has what it takes to see that threads sleep.
    pub(crate) fn is_possible() -> bool {
        ThreadClock::current().is_some()
    }

    /// From now on up to `limit` are inside at once.
    pub(crate) fn set(&self, limit: usize) {
        let mut state = self.state();
        self.limit.store(limit.max(1), Ordering::Relaxed);
        while state.inside.len() < self.limit() && state.admit_first() {}
    }

    /// How many went in beyond the limit so far, since those inside slept or took long.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond.load(Ordering::Relaxed)
    }

    /// Waits until the caller may begin with a request. To be called without the GIL. `None` where there is no limit.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        let clock = ThreadClock::current().filter(|_| self.is_narrow())?;
        let mut state = self.state();
        if state.inside.len() < self.limit() && state.waiting.is_empty() {
            state.inside.push(clock);
        } else {
            let own = Arc::new(Waiting {
                thread: std::thread::current(),
                clock,
                admitted: AtomicBool::new(false),
            });
            state.waiting.push_back(Arc::clone(&own));
            drop(state);
            self.wait(&own);
        }
        Some(Pass { gate: self, clock })
    }

    fn wait(&self, own: &Arc<Waiting>) {
        let mut before: Option<Look> = None;
        loop {
            let mut state = self.state();
            if own.admitted.load(Ordering::Relaxed) {
                return;
            }
            let is_first = state
                .waiting
                .front()
                .is_some_and(|first| Arc::ptr_eq(first, own));
            if is_first {
                let now = state.look();
                match before {
                    Some(before) if now.at.duration_since(before.at) < self.look => {}
                    Some(before) if before.is_idle_until(now) || now.is_stuck() => {
                        self.beyond.fetch_add(1, Ordering::Relaxed);
                        state.admit_first();
                        return;
                    }
                    _ => before = Some(now),
                }
            }
            drop(state);
            if is_first {
                std::thread::park_timeout(self.look);
            } else {
                std::thread::park();
            }
        }
    }

    fn leave(&self, clock: ThreadClock) {
        let mut state = self.state();
        state.moved = Instant::now();
        state.inside.retain(|other| *other != clock);
        if state.inside.len() < self.limit() {
            state.admit_first();
        }
    }
}

impl State {
    // False when nobody waits.
    fn admit_first(&mut self) -> bool {
        let Some(first) = self.waiting.pop_front() else {
            return false;
        };
        self.inside.push(first.clock);
        first.admitted.store(true, Ordering::Relaxed);
        first.thread.unpark();
        // It is the one that looks from now on.
        if let Some(next) = self.waiting.front() {
            next.thread.unpark();
        }
        true
    }

    fn look(&self) -> Look {
        Look {
            at: Instant::now(),
            moved: self.moved,
            cpu: self.inside.iter().map(|clock| clock.read()).sum(),
        }
    }
}

impl Look {
    // Nobody has come out, and less than half of a processor was used.
    fn is_idle_until(self, now: Self) -> bool {
        let used = Duration::from_nanos(now.cpu.saturating_sub(self.cpu));
        self.moved == now.moved && used * 2 < now.at.duration_since(self.at)
    }

    fn is_stuck(self) -> bool {
        self.at.duration_since(self.moved) >= LONG
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.leave(self.clock);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::hint::spin_loop;
    use std::sync::mpsc;

    impl State {
        fn len(&self) -> usize {
            self.inside.len() + self.waiting.len()
        }
    }

    /// Threads that enter, say so, and stay as long as the returned sender lives: asleep, or at work.
    fn visitors(
        gate: &Arc<Gate>,
        count: usize,
        at_work: bool,
    ) -> (mpsc::Receiver<usize>, Vec<mpsc::Sender<()>>) {
        let (came, inside) = mpsc::channel();
        let leave = (0..count).map(|number| {
            let (own, came) = (Arc::clone(gate), came.clone());
            let (leave, left) = mpsc::channel::<()>();
            std::thread::spawn(move || {
                let pass = own.enter();
                came.send(number).unwrap();
                while at_work && left.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    spin_loop();
                }
                let _ = left.recv();
                drop(pass);
            });
            // So that they come in this order.
            while gate.is_narrow() && gate.state().len() <= number {
                std::thread::yield_now();
            }
            leave
        });
        let leave = leave.collect();
        (inside, leave)
    }

    #[test]
    fn without_a_limit_all_go_in() {
        let gate = Arc::new(Gate::default());
        assert!(!gate.is_narrow());
        let (inside, _leave) = visitors(&gate, 3, false);
        assert_eq!(inside.iter().take(3).count(), 3);
        assert_eq!(gate.state().inside, []);
    }

    #[test]
    fn those_that_wait_go_in_by_turns_and_all_when_the_limit_is_gone() {
        // On a machine with much else to do, threads that have work look as if they slept: nobody looks.
        let gate = Arc::new(Gate {
            look: Duration::MAX,
            ..Gate::default()
        });
        gate.set(1);
        let (inside, mut leave) = visitors(&gate, 4, true);
        assert_eq!(inside.recv().unwrap(), 0);
        drop(leave.remove(0));
        assert_eq!(inside.recv().unwrap(), 1);
        gate.set(ALL);
        let mut rest = [inside.recv().unwrap(), inside.recv().unwrap()];
        rest.sort_unstable();
        assert_eq!(rest, [2, 3]);
        assert_eq!(gate.state().waiting.len(), 0);
    }

    #[test]
    fn nobody_waits_for_those_that_sleep() {
        let gate = Arc::new(Gate::default());
        gate.set(1);
        let (inside, leave) = visitors(&gate, 3, false);
        assert_eq!(inside.iter().take(3).count(), 3);
        assert_eq!(gate.beyond(), 2);
        drop(leave);
        // All have left when a limit holds again.
        while !gate.state().inside.is_empty() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn nor_for_those_that_take_long() {
        let gate = Arc::new(Gate::default());
        gate.set(1);
        let (inside, _leave) = visitors(&gate, 2, true);
        assert_eq!(inside.iter().take(2).count(), 2);
        assert_eq!(gate.beyond(), 1);
    }
}
