//! Looks after a worker from inside: whether its interpreter's GIL still changes hands, and whether a limit is reached
//! after which the worker is to be replaced.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payload::Wsgi;
use platform::children;

use super::worker::Worker;
use crate::embed::{Interpreter, ThreadState};
use crate::wsgi::background::{Background, Stop};
use crate::wsgi::engine::Engine;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(200);
/// Between two turns at the GIL.
const BEAT: Duration = Duration::from_secs(1);

/// Where one thread counts the requests it has served.
#[derive(Debug, Default)]
pub(crate) struct Seat(AtomicU64);

impl Seat {
    /// A request more.
    pub(crate) fn served(&self) {
        // One thread writes: no need for an addition that others could disturb.
        self.0
            .store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// What a worker may use up, and since when it does.
struct Limits {
    requests: u64,
    memory: u64,
    age: u64,
    began: u64,
}

impl Limits {
    fn of(settings: &Wsgi, worker: &Worker) -> Self {
        let jitter = settings.max_requests_jitter;
        // Not secret, only different for each worker.
        let mixed = (u64::from(std::process::id()) ^ (worker.number() as u64) << 32)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            >> 16;
        Self {
            requests: match settings.max_requests {
                0 => 0,
                most => most.saturating_add(mixed % jitter.saturating_add(1).max(1)),
            },
            memory: settings.max_memory,
            age: u64::from(settings.restart_interval) * 1000,
            began: children::now(),
        }
    }

    /// Which one is reached.
    fn reached(&self, served: u64, memory: impl Fn() -> Option<u64>, now: u64) -> Option<String> {
        if self.requests > 0 && served >= self.requests {
            return Some(format!("it has served {served} requests"));
        }
        if self.age > 0 && now.saturating_sub(self.began) >= self.age {
            return Some("its restart interval is over".into());
        }
        if self.memory > 0
            && let Some(used) = memory().filter(|used| *used > self.memory)
        {
            return Some(format!("it uses {} MiB of memory", used >> 20));
        }
        None
    }
}

/// Begins to look after this process, if it is a worker that serves with `engine`; `seats` has one for each thread.
///
/// # Errors
/// When the system gives no more threads.
pub(crate) fn watch(
    settings: &Wsgi,
    engine: &Engine,
    seats: &[Arc<Seat>],
    background: &mut Background,
) -> io::Result<()> {
    let Some(worker) = Worker::current() else {
        return Ok(());
    };
    let beats = engine
        .members()
        .iter()
        .map(|_| AtomicU64::new(children::now()));
    let beats: Arc<[AtomicU64]> = beats.collect();
    for (index, member) in engine.members().iter().enumerate() {
        let (interpreter, beats) = (member.interpreter, Arc::clone(&beats));
        background.spawn("wsgi-beat", move |stop| {
            beat(interpreter, worker, (&beats, index), stop);
        })?;
    }
    let (limits, seats) = (Limits::of(settings, worker), seats.to_vec());
    background.spawn("wsgi-watch", move |stop| {
        look(&limits, &seats, worker, stop);
    })
}

fn beat(
    interpreter: Interpreter,
    worker: &Worker,
    (beats, own): (&[AtomicU64], usize),
    stop: &Stop,
) {
    let mut state = ThreadState::new(interpreter);
    loop {
        state.attach(|_| beats[own].store(children::now(), Ordering::Relaxed));
        // The worker is as alive as the interpreter that has waited for the longest.
        let oldest = beats.iter().map(|beat| beat.load(Ordering::Relaxed)).min();
        worker.beat(oldest.unwrap_or(0));
        if stop.wait(BEAT) {
            return;
        }
    }
}

fn look(limits: &Limits, seats: &[Arc<Seat>], worker: &Worker, stop: &Stop) {
    while !stop.wait(PERIOD) {
        let served = seats
            .iter()
            .map(|seat| seat.0.load(Ordering::Relaxed))
            .sum();
        let reached = limits.reached(served, children::resident_memory, children::now());
        if let Some(reason) = reached {
            worker.ask_for_replacement(&reason);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_a_reason() {
        let none = Limits {
            requests: 0,
            memory: 0,
            age: 0,
            began: 1000,
        };
        let huge = || Some(u64::MAX);
        assert_eq!(none.reached(u64::MAX, huge, u64::MAX), None);
        let all = Limits {
            requests: 10,
            memory: 1 << 20,
            age: 500,
            began: 1000,
        };
        let small = || Some(1 << 20);
        assert_eq!(all.reached(9, small, 1499), None);
        let reason = |served, memory: u64, now| all.reached(served, || Some(memory), now);
        assert!(reason(10, 0, 1000).is_some_and(|it| it.contains("10 requests")));
        assert!(reason(0, 3 << 20, 1000).is_some_and(|it| it.contains("3 MiB")));
        assert!(reason(0, 0, 1500).is_some_and(|it| it.contains("interval")));
        assert_eq!(all.reached(0, || None, 1000), None);
    }
}
