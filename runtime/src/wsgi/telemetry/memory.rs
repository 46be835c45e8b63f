//! Where the figures lie: plain words, so that they can be in memory that a supervisor shares with its workers.
//!
//! For each process slot and each interpreter in it there is a *block*: gauges, statuses, one *lane* for each thread,
//! slow requests, histograms. A lane has one writer, its thread, which adds without a locked instruction. Buckets and
//! statuses are shared by the threads of an interpreter and take relaxed atomic additions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform::Words;

use super::histogram::BUCKETS;
use super::slow;

/// What is measured of each request, and of each time the host acquires the GIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Phase {
    /// From the complete head (and small body) to the end of the response.
    Request,
    /// Of that, until a thread took the request.
    Queue,
    /// Of that, the thread's time without the phases below: the application, and what it waits for by itself.
    Application,
    /// Of that, reading the request's body, without the GIL.
    Input,
    /// Of that, writing the response, without the GIL.
    Output,
    /// Of that, waiting for the GIL where the host acquires it: a lower bound of all such waits.
    GilWait,
    /// Processor time of the thread.
    Cpu,
    /// One wait for the GIL. `GilWait` is the sum of those of one request.
    GilAcquire,
}

impl Phase {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Request,
        Self::Queue,
        Self::Application,
        Self::Input,
        Self::Output,
        Self::GilWait,
        Self::Cpu,
        Self::GilAcquire,
    ];

    /// As in names of metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Queue => "queue",
            Self::Application => "application",
            Self::Input => "input",
            Self::Output => "output",
            Self::GilWait => "gil_wait",
            Self::Cpu => "cpu",
            Self::GilAcquire => "gil_acquire",
        }
    }

    /// What it is, in a line.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Request => "From the complete request head to the end of the response.",
            Self::Queue => "Waiting for a Python thread.",
            Self::Application => "In the application, without reading, writing and gil_wait.",
            Self::Input => "Reading the request body.",
            Self::Output => "Writing the response.",
            Self::GilWait => {
                "Waiting for the GIL where the host acquires it, per request: a lower bound on contention."
            }
            Self::Cpu => {
                "Processor time of the thread that ran the request (sampled for short requests)."
            }
            Self::GilAcquire => "Each wait for the GIL where the host acquires it.",
        }
    }
}

/// A word of a block that is not in a lane.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Word {
    /// [`super::State`]
    State,
    /// Python threads.
    Threads,
    /// Of these, how many may be at requests at once.
    Admitted,
    /// The switch interval in force, in nanoseconds; 0 where there is none.
    Interval,
    /// The interval that an operator wants, in nanoseconds; `AUTO` for the controller; 0 when nobody has asked.
    Wanted,
    /// 1 while the controller sets the interval.
    Auto,
    /// [`super::Interval`]
    Adjustable,
    /// When the process began to serve, in milliseconds of Unix time.
    Began,
    /// Its number.
    Process,
    /// A request that takes fewer nanoseconds is not among the slowest.
    SlowFloor,
    /// Requests that were put into the queue.
    Queued,
    /// Of these, taken away again without a thread.
    Unqueued,
    /// Connections accepted.
    Accepted,
    /// Of these, closed.
    Closed,
    /// Bytes of requests.
    BytesIn,
    /// Bytes of responses.
    BytesOut,
}

/// `Word::Wanted`: the controller shall decide.
pub(crate) const AUTO: u64 = u64::MAX;

/// A word of a lane.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Cell {
    /// Requests that the thread took.
    Taken,
    /// Ticks that it spent with them.
    Busy,
    /// When it took the one it is at; 0 when it waits for one.
    Since,
    /// How often it acquired the GIL.
    Acquired,
    /// Bytes of requests.
    BytesIn,
    /// Bytes of responses.
    BytesOut,
    /// Nanoseconds of each phase: this and the next seven.
    Sums,
}

const HEAD: usize = 16;
/// Statuses 0 (none was sent) to 599.
pub(crate) const STATUSES: usize = 600;
// Four cache lines, so that threads do not share one.
const LANE: usize = 32;

/// How many blocks there are, and how large.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Worker processes.
    pub slots: usize,
    /// Interpreters in each that serve.
    pub interpreters: usize,
    /// Python threads in each interpreter.
    pub threads: usize,
}

impl Shape {
    /// Words of a block.
    fn block(self) -> usize {
        HEAD + STATUSES + self.threads * LANE + slow::WORDS + Phase::ALL.len() * BUCKETS
    }

    /// Words of all blocks.
    pub(crate) fn words(self) -> usize {
        self.slots * self.interpreters * self.block()
    }
}

/// The figures of all interpreters of all processes.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    words: Arc<Words>,
    shape: Shape,
}

impl Memory {
    /// Memory for `shape`, all zero.
    pub(crate) fn new(words: Words, shape: Shape) -> Self {
        let words = Arc::new(words);
        Self { words, shape }
    }

    /// Its shape.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The block of an interpreter; of the last one when there are fewer.
    pub(crate) fn block(&self, slot: usize, interpreter: usize) -> Block {
        let Shape {
            slots,
            interpreters,
            threads,
        } = self.shape;
        let slot = slot.min(slots.saturating_sub(1));
        let number = slot * interpreters + interpreter.min(interpreters.saturating_sub(1));
        Block {
            words: Arc::clone(&self.words),
            start: number * self.shape.block(),
            threads,
        }
    }

    /// All blocks, with the numbers of slot and interpreter.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (usize, usize, Block)> {
        let Shape {
            slots,
            interpreters,
            ..
        } = self.shape;
        let pairs = (0..slots).flat_map(move |slot| (0..interpreters).map(move |it| (slot, it)));
        pairs.map(|(slot, it)| (slot, it, self.block(slot, it)))
    }

    /// Those that a process has ever had.
    pub(crate) fn used(&self) -> impl Iterator<Item = (usize, usize, Block)> {
        self.blocks()
            .filter(|(_, _, block)| block.get(Word::Began) > 0)
    }

    /// The process in `slot` is gone. What it has counted stays, what it had at that time does not.
    pub(crate) fn vacate(&self, slot: usize) {
        for (_, _, block) in self.blocks().filter(|(it, _, _)| *it == slot) {
            for word in [
                Word::State,
                Word::Threads,
                Word::Admitted,
                Word::Process,
                Word::Adjustable,
            ] {
                block.set(word, 0);
            }
            block.set(Word::Closed, block.get(Word::Accepted));
            block.set(Word::Unqueued, block.get(Word::Queued));
            for lane in block.lanes() {
                if let Some(since) = lane.get(Cell::Since as usize) {
                    since.store(0, Ordering::Relaxed);
                }
            }
        }
    }
}

/// The figures of one interpreter.

#[derive(Debug, Clone)]
pub(crate) struct Block {
    words: Arc<Words>,
    start: usize,
    threads: usize,
}

impl Block {
    #[inline]
    fn part(&self, offset: usize, length: usize) -> &[AtomicU64] {
        let start = self.start + offset;
        self.words.get(start..start + length).unwrap_or_default()
    }

    /// One of its words.
    #[inline]
    pub(crate) fn word(&self, word: Word) -> &AtomicU64 {
        static NONE: AtomicU64 = AtomicU64::new(0);
        self.words.get(self.start + word as usize).unwrap_or(&NONE)
    }

    /// The value of a word.
    #[inline]
    pub(crate) fn get(&self, word: Word) -> u64 {
        self.word(word).load(Ordering::Relaxed)
    }

    /// Sets a word.
    #[inline]
    pub(crate) fn set(&self, word: Word, value: u64) {
        self.word(word).store(value, Ordering::Relaxed);
    }

    /// Adds to a word that several threads add to.
    #[inline]
    pub(crate) fn add(&self, word: Word, more: u64) {
        self.word(word).fetch_add(more, Ordering::Relaxed);
    }

    /// How many requests were answered with each status; those without one at 0.
    #[inline]
    pub(crate) fn statuses(&self) -> &[AtomicU64] {
        self.part(HEAD, STATUSES)
    }

    /// The lane of a thread.
    #[inline]
    pub(crate) fn lane(&self, thread: usize) -> &[AtomicU64] {
        let thread = thread.min(self.threads.saturating_sub(1));
        self.part(HEAD + STATUSES + thread * LANE, LANE)
    }

    /// All lanes.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &[AtomicU64]> {
        self.part(HEAD + STATUSES, self.threads * LANE)
            .chunks_exact(LANE)
    }

    /// The slow requests.
    pub(crate) fn slow(&self) -> &[AtomicU64] {
        self.part(HEAD + STATUSES + self.threads * LANE, slow::WORDS)
    }

    /// The buckets of a histogram.
    #[inline]
    pub(crate) fn histogram(&self, phase: Phase) -> &[AtomicU64] {
        let histograms = HEAD + STATUSES + self.threads * LANE + slow::WORDS;
        self.part(histograms + phase as usize * BUCKETS, BUCKETS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_parts_do_not_overlap() {
        let shape = Shape {
            slots: 2,
            interpreters: 3,
            threads: 4,
        };
        let memory = Memory::new(Words::private(shape.words()), shape);
        let add = |words: &[AtomicU64]| {
            for word in words {
                word.fetch_add(1, Ordering::Relaxed);
            }
        };
        for (_, _, block) in memory.blocks() {
            add(block.part(0, HEAD));
            add(block.statuses());
            block.lanes().for_each(add);
            add(block.slow());
            Phase::ALL
                .iter()
                .for_each(|phase| add(block.histogram(*phase)));
        }
        assert!(
            memory
                .words
                .iter()
                .all(|word| word.load(Ordering::Relaxed) == 1)
        );
        assert!((Word::BytesOut as usize) < HEAD);
        assert!(Cell::Sums as usize + Phase::ALL.len() <= LANE);
    }
}
