//! What the live page draws: a window a second, the last minutes of them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::wsgi::telemetry::histogram::{self, Counts};
use crate::wsgi::telemetry::json::{distribution, seconds, slow_requests, state};
use crate::wsgi::telemetry::snapshot::Snapshot;
use crate::wsgi::telemetry::{self, Block, Interval, Memory, Phase, Word};

const EVERY: Duration = Duration::from_secs(1);
/// Windows that are kept: five minutes.
const KEPT: usize = 300;
/// Nothing is sampled when no page has asked for this long.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Bars of a distribution for each doubling of the time.
const BARS: f64 = 8.0;

/// The windows.
#[derive(Debug)]
pub(super) struct Live {
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    windows: VecDeque<(u64, Value)>,
    next: u64,
    asked: Instant,
}

impl Live {
    /// Samples `memory`.
    pub(super) fn new(memory: Memory) -> Self {
        let state = State {
            windows: VecDeque::new(),
            next: 1,
            asked: Instant::now(),
        };
        Self {
            memory,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a window every second, for ever.
    pub(super) async fn sample(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut earlier: Option<Snapshot> = None;
        loop {
            ticks.tick().await;
            if self.state().asked.elapsed() > FORGOTTEN {
                earlier = None;
                continue;
            }
            let now = Snapshot::total(&self.memory);
            if let Some(earlier) = &earlier {
                self.add(&now, &now.since(earlier));
            }
            earlier = Some(now);
        }
    }

    fn add(&self, now: &Snapshot, window: &Snapshot) {
        let value = figures(now, window);
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.windows.push_back((number, value));
        if state.windows.len() > KEPT {
            state.windows.pop_front();
        }
    }

    /// The windows after number `after`, and what is so now.
    pub(super) fn since(&self, after: u64) -> Value {
        let mut held = self.state();
        held.asked = Instant::now();
        let windows: Vec<Value> = held
            .windows
            .iter()
            .filter(|(number, _)| *number > after)
            .map(|(_, value)| value.clone())
            .collect();
        let last = held.next - 1;
        drop(held);
        let mut used = self.memory.used().map(|(_, _, block)| block);
        let serving = |block: &Block| telemetry::State::of(block) == telemetry::State::Serving;
        let block = used
            .find(serving)
            .unwrap_or_else(|| self.memory.block(0, 0));
        json!({
            "last": last,
            "state": state(&self.memory).name(),
            "switch_interval": seconds(block.get(Word::Interval)),
            "switch_interval_auto": block.get(Word::Auto) != 0,
            "adjustable": Interval::from_word(block.get(Word::Adjustable)).refusal().is_none(),
            "windows": windows,
            "slow": slow_requests(&self.memory),
        })
    }
}

#[allow(clippy::cast_precision_loss)]
fn figures(now: &Snapshot, window: &Snapshot) -> Value {
    let length = window.seconds();
    let rate = |count: u64| count as f64 / length.max(1e-9);
    let at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    json!({
        "at": at.as_secs_f64(),
        "throughput": rate(window.requests()),
        "errors": rate(window.class(5) + window.class(0)),
        "bytes_in": rate(window.bytes_in),
        "bytes_out": rate(window.bytes_out),
        "connections": now.open(),
        "queue": now.queue_length(),
        "threads": now.threads,
        "admitted": now.admitted,
        "busy": now.busy,
        "capacity_used": window.capacity_used(length),
        "switch_interval": seconds(now.interval),
        "request": distribution(window.phase(Phase::Request), false),
        "gil_wait": distribution(window.phase(Phase::GilWait), false),
        "gil_acquire": bars(window.phase(Phase::GilAcquire)),
    })
}

// Pairs of bar and count: bar n begins at 2^(n/8) µs; what is shorter than 1 µs is at -1.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn bars(counts: &Counts) -> Vec<(i64, u64)> {
    let mut bars: Vec<(i64, u64)> = Vec::new();
    for (bucket, count) in counts.filled() {
        let bar = match histogram::lower(bucket) {
            0 => -1,
            time => ((time as f64).log2() * BARS).floor() as i64,
        };
        match bars.last_mut() {
            Some((last, sum)) if *last == bar => *sum += count,
            _ => bars.push((bar, count)),
        }
    }
    bars
}
