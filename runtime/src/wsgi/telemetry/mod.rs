//! What the server measures about itself: counters, histograms of each phase of a request, waits for the GIL, the
//! slowest requests, the switch interval and what moves it.
//!
//! - `memory`: the words in which all figures lie, in blocks per process and interpreter; `histogram` and `slow` are
//!   parts of a block.
//! - `local`: what the thread that runs a request measures.
//! - `snapshot`: figures taken at one time, added up over blocks, subtracted over time.
//! - `prometheus` and `json` write them down.
//! - `tuner` sets the switch interval, by the hand of an operator or by `controller`.
//!
//! **Invariant**: what is measured in a request takes no lock and makes no system call, but for the samples of processor
//! time and for requests that are among the slowest.

pub(crate) mod controller;
mod facts;
pub(crate) mod histogram;
pub(crate) mod json;
pub(crate) mod local;
mod memory;
pub(crate) mod prometheus;
mod slow;
pub(crate) mod snapshot;
mod tuner;

use std::sync::Arc;

use platform::clock;

pub(crate) use facts::{Facts, metrics};
pub(crate) use memory::{AUTO, Block, Memory, Phase, Shape, Word};
pub(crate) use tuner::{Interval, tune};

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum State {
    /// No process is in the slot.
    Absent,
    /// It imports the application.
    Starting,
    /// It takes requests.
    Serving,
    /// It finishes those under way.
    Draining,
}

impl State {
    /// As in answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Draining => "draining",
        }
    }

    /// Of the process that a block belongs to.
    pub(crate) fn of(block: &Block) -> Self {
        match block.get(Word::State) {
            1 => Self::Starting,
            2 => Self::Serving,
            3 => Self::Draining,
            _ => Self::Absent,
        }
    }
}

/// The figures of one process, which fills the blocks of one slot.
#[derive(Debug)]
pub(crate) struct Telemetry {
    memory: Memory,
    slot: usize,
    rings: Vec<slow::Ring>,
}

impl Telemetry {
    /// For the process in `slot`, with the memory of all of them.
    pub(crate) fn in_memory(memory: Memory, slot: usize) -> Arc<Self> {
        clock::calibrate();
        let Shape {
            interpreters,
            threads,
            ..
        } = memory.shape();
        let rings = (0..interpreters).map(|_| slow::Ring::default()).collect();
        let telemetry = Self {
            memory,
            slot,
            rings,
        };
        telemetry.memory.vacate(slot);
        for block in telemetry.own() {
            block.set(Word::Threads, threads as u64);
            block.set(Word::Admitted, threads as u64);
            block.set(Word::Process, std::process::id().into());
            block.set(Word::Began, slow::now());
        }
        telemetry.enter(State::Starting);
        Arc::new(telemetry)
    }

    /// The blocks of all processes.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The block of an interpreter of this process.
    pub(crate) fn block(&self, interpreter: usize) -> Block {
        self.memory.block(self.slot, interpreter)
    }

    /// The blocks of this process.
    pub(crate) fn own(&self) -> impl Iterator<Item = Block> {
        (0..self.memory.shape().interpreters).map(|interpreter| self.block(interpreter))
    }

    /// The process has come to `state`.
    pub(crate) fn enter(&self, state: State) {
        self.own()
            .for_each(|block| block.set(Word::State, state as u64));
    }

    /// Lets new requests among the slowest in the place of old ones.
    pub(crate) fn expire(&self) {
        for (block, ring) in self.own().zip(&self.rings) {
            ring.expire(&block);
        }
    }

    fn ring(&self, interpreter: usize) -> Option<&slow::Ring> {
        self.rings.get(interpreter)
    }
}

/// What happens outside of Python threads: connections, the queue, refusals. Counted in the first interpreter's block,
/// as none of it belongs to an interpreter yet.
impl Telemetry {
    /// A connection was accepted.
    pub(crate) fn accepted(&self) {
        self.block(0).add(Word::Accepted, 1);
    }

    /// A connection was closed.
    pub(crate) fn closed(&self) {
        self.block(0).add(Word::Closed, 1);
    }

    /// A request waits for a thread.
    pub(crate) fn queued(&self) {
        self.block(0).add(Word::Queued, 1);
    }

    /// A request waits no more.
    pub(crate) fn unqueued(&self) {
        self.block(0).add(Word::Unqueued, 1);
    }

    /// A request was answered without Python.
    pub(crate) fn without_python(&self, status: u16) {
        local::count_status(&self.block(0), status);
    }
}
