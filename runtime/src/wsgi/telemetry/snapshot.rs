//! Figures taken from blocks at one time.

use std::sync::atomic::{AtomicU64, Ordering};

use platform::clock::{nanoseconds, ticks};

use super::State;
use super::histogram::Counts;
use super::memory::{Block, Cell, Memory, Phase, STATUSES, Word};

/// What was counted in one block, or in several together.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// When it was taken ([`ticks`]).
    at: u64,
    /// Where each process is in its life, one per block.
    pub states: Vec<State>,
    /// Numbers of the processes, one per block.
    pub processes: Vec<u64>,
    /// When the first of the processes began, in milliseconds of Unix time.
    pub began: u64,
    /// Nanoseconds; 0 where there is none. Of the first block.
    pub interval: u64,
    /// Whether a controller moves it.
    pub auto: bool,
    /// Python threads.
    pub threads: u64,
    /// Of these, how many may be at requests at once.
    pub admitted: u64,
    /// Of these, how many are at a request.
    pub busy: u64,
    /// Nanoseconds that threads were at requests.
    pub busy_time: u64,
    /// Requests by status; 0: no response was sent.
    pub statuses: Vec<u64>,
    /// Requests that threads took.
    pub taken: u64,
    /// Requests that were put into the queue.
    queued: u64,
    /// Of these, taken away again.
    unqueued: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Of these, closed.
    closed: u64,
    /// Bytes of requests.
    pub bytes_in: u64,
    /// Bytes of responses.
    pub bytes_out: u64,
    /// By [`Phase`].
    phases: [Counts; Phase::ALL.len()],
}

impl Snapshot {
    /// Of an interpreter.
    pub(crate) fn of(block: &Block) -> Self {
        let at = ticks();
        let sum = |cell: Cell| -> u64 { block.lanes().map(|lane| load(lane, cell as usize)).sum() };
        let since: Vec<u64> = block
            .lanes()
            .map(|lane| load(lane, Cell::Since as usize))
            .filter(|since| *since > 0)
            .collect();
        let running: u64 = since.iter().map(|since| at.saturating_sub(*since)).sum();
        let phases = Phase::ALL.map(|phase| {
            let sums = block
                .lanes()
                .map(|lane| load(lane, Cell::Sums as usize + phase as usize));
            let mut counts = Counts::default();
            counts.add_from(block.histogram(phase), sums.sum());
            if phase == Phase::GilAcquire {
                counts.add_shortest(sum(Cell::Acquired).saturating_sub(counts.total()));
            }
            counts
        });
        Self {
            at,
            states: vec![State::of(block)],
            processes: vec![block.get(Word::Process)],
            began: block.get(Word::Began),
            interval: block.get(Word::Interval),
            auto: block.get(Word::Auto) != 0,
            threads: block.get(Word::Threads),
            admitted: block.get(Word::Admitted),
            busy: since.len() as u64,
            busy_time: nanoseconds(sum(Cell::Busy) + running),
            statuses: block
                .statuses()
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .collect(),
            taken: sum(Cell::Taken),
            queued: block.get(Word::Queued),
            unqueued: block.get(Word::Unqueued),
            accepted: block.get(Word::Accepted),
            closed: block.get(Word::Closed),
            bytes_in: sum(Cell::BytesIn) + block.get(Word::BytesIn),
            bytes_out: sum(Cell::BytesOut) + block.get(Word::BytesOut),
            phases,
        }
    }

    /// Of all interpreters of all processes together.
    pub(crate) fn total(memory: &Memory) -> Self {
        let mut blocks: Vec<Self> = memory
            .used()
            .map(|(_, _, block)| Self::of(&block))
            .collect();
        // The interval is that of the first.
        blocks.sort_by_key(|it| !it.states.contains(&State::Serving));
        let mut blocks = blocks.into_iter();
        let Some(mut total) = blocks.next() else {
            return Self::of(&memory.block(0, 0));
        };
        blocks.for_each(|more| total.add(&more));
        total
    }

    /// Adds the figures of another block, taken at the same time.
    pub(crate) fn add(&mut self, other: &Self) {
        self.states.extend(&other.states);
        self.processes.extend(&other.processes);
        if other.began > 0 && (self.began == 0 || other.began < self.began) {
            self.began = other.began;
        }
        self.auto |= other.auto;
        for (mine, more) in self.statuses.iter_mut().zip(&other.statuses) {
            *mine += more;
        }
        for (mine, more) in self.phases.iter_mut().zip(&other.phases) {
            mine.add(more);
        }
        self.pairs(other, |mine, more| mine + more);
        self.threads += other.threads;
        self.admitted += other.admitted;
        self.busy += other.busy;
    }

    /// What has come since `earlier`; gauges are those of `self`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut window = self.clone();
        window.at = self.at.saturating_sub(earlier.at);
        for (now, then) in window.statuses.iter_mut().zip(&earlier.statuses) {
            *now = now.saturating_sub(*then);
        }
        for (now, then) in window.phases.iter_mut().zip(&earlier.phases) {
            *now = now.since(then);
        }
        window.pairs(earlier, u64::saturating_sub);
        window
    }

    fn pairs(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64) {
        for (mine, theirs) in [
            (&mut self.busy_time, other.busy_time),
            (&mut self.taken, other.taken),
            (&mut self.queued, other.queued),
            (&mut self.unqueued, other.unqueued),
            (&mut self.accepted, other.accepted),
            (&mut self.closed, other.closed),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
        ] {
            *mine = join(*mine, theirs);
        }
    }

    /// Seconds between two snapshots, for what [`Snapshot::since`] returned.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn seconds(&self) -> f64 {
        nanoseconds(self.at) as f64 / 1e9
    }

    /// Requests that have ended, however they did.
    pub(crate) fn requests(&self) -> u64 {
        self.statuses.iter().sum()
    }

    /// Of these, with a status of this class (1 to 5; 0: no response).
    pub(crate) fn class(&self, class: usize) -> u64 {
        let range = class * 100..((class + 1) * 100).min(STATUSES);
        self.statuses
            .get(range)
            .map_or(0, |counts| counts.iter().sum())
    }

    /// Requests that wait for a thread now. Not for a window.
    pub(crate) fn queue_length(&self) -> u64 {
        self.queued.saturating_sub(self.unqueued)
    }

    /// Connections open now. Not for a window.
    pub(crate) fn open(&self) -> u64 {
        self.accepted.saturating_sub(self.closed)
    }

    /// The histogram of a phase.
    pub(crate) fn phase(&self, phase: Phase) -> &Counts {
        &self.phases[phase as usize]
    }

    /// The share of their time that threads, as many as may be at requests at once, spent with these; for a window of `seconds`.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn capacity_used(&self, seconds: f64) -> f64 {
        let all = self.admitted as f64 * seconds;
        if all > 0.0 {
            (self.busy_time as f64 / 1e9 / all).min(1.0)
        } else {
            0.0
        }
    }
}

fn load(words: &[AtomicU64], index: usize) -> u64 {
    words
        .get(index)
        .map_or(0, |word| word.load(Ordering::Relaxed))
}
