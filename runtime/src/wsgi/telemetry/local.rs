//! What a Python thread measures of the request that it runs.
//!
//! The figures are the thread's own, so the parts of the host that measure (the GIL's acquire points, `wsgi.input`, the
//! response) need not be handed anything.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform::clock::{nanoseconds, thread_cpu, ticks};

use super::memory::{self, Block, Phase, Word};
use super::slow::{self, Slow};
use super::{Telemetry, histogram};
use crate::embed::gil;

/// Of requests shorter than `LONG`, one in this many is asked for its processor time.
const SAMPLE: u64 = 32;
/// Nanoseconds; reading the processor time twice takes 600, half a percent of this.
const LONG: u64 = 120_000;

struct Recorder {
    telemetry: Arc<Telemetry>,
    interpreter: usize,
    block: Block,
    thread: usize,
}

/// Ticks, unless said otherwise.
struct Local {
    recorder: OnceCell<Recorder>,
    // When a batch of requests began for which the thread attaches once; 0: none. And whether its wait for the GIL is to
    // be counted yet.
    batch: Cell<u64>,
    waited: Cell<bool>,
    queued: Cell<u64>,
    begun: Cell<u64>,
    gil: Cell<u64>,
    acquired: Cell<u64>,
    input: Cell<u64>,
    output: Cell<u64>,
    received: Cell<u64>,
    sent: Cell<u64>,
    status: Cell<u16>,
    // Nanoseconds at the beginning, and how many requests this one stands for; 0: not asked.
    cpu: Cell<u64>,
    weight: Cell<u64>,
    count: Cell<u64>,
    // Nanoseconds that the last request took in this thread.
    last: Cell<u64>,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            recorder: OnceCell::new(),
            batch: Cell::new(0),
            waited: Cell::new(false),
            queued: Cell::new(0),
            begun: Cell::new(0),
            gil: Cell::new(0),
            acquired: Cell::new(0),
            input: Cell::new(0),
            output: Cell::new(0),
            received: Cell::new(0),
            sent: Cell::new(0),
            status: Cell::new(0),
            cpu: Cell::new(0),
            weight: Cell::new(0),
            count: Cell::new(0),
            last: Cell::new(0),
        }
    };
}

/// Times of the request that this thread runs, so far; nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Until a thread took it.
    pub queue: u64,
    /// Waits for the GIL.
    pub gil_wait: u64,
    /// Reading the body.
    pub input: u64,
    /// Writing the response.
    pub output: u64,
    /// Since the thread took it.
    pub thread: u64,
}

/// This thread runs requests of an interpreter from now on, as its thread number `thread`.
pub(crate) fn enter(telemetry: &Arc<Telemetry>, interpreter: usize, thread: usize) {
    gil::observe(waited);
    LOCAL.with(|local| {
        let _ = local.recorder.set(Recorder {
            telemetry: Arc::clone(telemetry),
            interpreter,
            block: telemetry.block(interpreter),
            thread,
        });
    });
}

// Called by whoever acquired the GIL, with the ticks that it took.
fn waited(ticks: u64) {
    // A thread that is ending may have none any more.
    let _ = LOCAL.try_with(|local| {
        local.gil.set(local.gil.get() + ticks);
        local.acquired.set(local.acquired.get() + 1);
        let time = nanoseconds(ticks);
        // The shortest ones are counted together: nearly all, where threads do not compete.
        if time >= 1000
            && let Some(Recorder { block, .. }) = local.recorder.get()
        {
            histogram::record(block.histogram(Phase::GilAcquire), time, 1);
        }
    });
}

/// Several requests may begin on this thread, which attaches once for all of them. To be called before it does.
pub(crate) fn batch() {
    LOCAL.with(|local| {
        local.gil.set(0);
        local.acquired.set(0);
        local.batch.set(ticks());
        local.waited.set(true);
    });
}

/// The batch is over.
pub(crate) fn end_batch() {
    LOCAL.with(|local| local.batch.set(0));
}

/// A request begins on this thread, which was put into the queue at `queued`, 0 if it never was; before the thread
/// attaches, or in a batch.
pub(crate) fn begin(queued: u64) {
    LOCAL.with(|local| {
        let Some(recorder) = local.recorder.get() else {
            return;
        };
        for cell in [&local.input, &local.output, &local.received, &local.sent] {
            cell.set(0);
        }
        // The first request of a batch bears the wait for the GIL; the others have waited for the first.
        if !local.waited.take() {
            local.gil.set(0);
            local.acquired.set(0);
        }
        let now = ticks();
        let (batch, bears) = (local.batch.get(), local.gil.get() > 0);
        let begun = if batch > 0 && bears { batch } else { now };
        let queued = match (queued, batch) {
            (0, 0) => begun,
            (0, batch) => batch,
            (queued, _) => queued,
        };
        local.status.set(0);
        local.queued.set(queued);
        let count = local.count.get().wrapping_add(1);
        local.count.set(count);
        local.weight.set(match count % SAMPLE {
            _ if local.last.get() >= LONG => 1,
            0 => SAMPLE,
            _ => 0,
        });
        if local.weight.get() > 0 {
            local.cpu.set(thread_cpu());
        }
        local.begun.set(begun);
        let lane = recorder.block.lane(recorder.thread);
        add(lane, memory::Cell::Taken as usize, 1);
        store(lane, memory::Cell::Since as usize, begun);
    });
}

/// The head of the response went out with this status.
pub(crate) fn status(status: u16) {
    LOCAL.with(|local| local.status.set(status));
}

/// Times `work`, which reads from the client, and counts what it says it read.
pub(crate) fn input<R>(work: impl FnOnce() -> R, length: impl FnOnce(&R) -> usize) -> R {
    timed(work, |local, result, ticks| {
        local.input.set(local.input.get() + ticks);
        local
            .received
            .set(local.received.get() + length(result) as u64);
    })
}

/// Times `work`, which sends to the client, and counts what it says it took.
pub(crate) fn output<E>(work: impl FnOnce() -> Result<usize, E>) -> Result<usize, E> {
    timed(work, |local, taken, ticks| {
        local.output.set(local.output.get() + ticks);
        let taken = taken.as_ref().map_or(0, |taken| *taken as u64);
        local.sent.set(local.sent.get() + taken);
    })
}

fn timed<R>(work: impl FnOnce() -> R, add: impl FnOnce(&Local, &R, u64)) -> R {
    if !gil::is_observed() {
        return work();
    }
    let begun = ticks();
    let result = work();
    let took = ticks().saturating_sub(begun);
    LOCAL.with(|local| add(local, &result, took));
    result
}

/// Of the request that this thread runs; `None` where nothing is measured.
pub(crate) fn times() -> Option<Times> {
    LOCAL.with(|local| {
        local.recorder.get()?;
        let begun = local.begun.get();
        Some(Times {
            queue: nanoseconds(begun.saturating_sub(local.queued.get())),
            gil_wait: nanoseconds(local.gil.get()),
            input: nanoseconds(local.input.get()),
            output: nanoseconds(local.output.get()),
            thread: nanoseconds(ticks().saturating_sub(begun)),
        })
    })
}

/// Queue time and wait for the GIL of the request that this thread has begun.
pub(crate) fn waits() -> Option<(u64, u64)> {
    LOCAL.with(|local| {
        local.recorder.get()?;
        let queue = local.begun.get().saturating_sub(local.queued.get());
        Some((nanoseconds(queue), nanoseconds(local.gil.get())))
    })
}

/// The request has ended. `describe` gives its method and path, if they are asked for.
pub(crate) fn end<'a>(describe: impl FnOnce() -> (&'a [u8], &'a [u8])) {
    LOCAL.with(|local| {
        if let Some(recorder) = local.recorder.get() {
            recorder.end(local, describe);
        }
    });
}

impl Recorder {
    fn end<'a>(&self, local: &Local, describe: impl FnOnce() -> (&'a [u8], &'a [u8])) {
        let (block, lane, now) = (&self.block, self.block.lane(self.thread), ticks());
        let begun = local.begun.get();
        let busy = now.saturating_sub(begun);
        let queue = nanoseconds(begun.saturating_sub(local.queued.get()));
        let (thread, gil) = (nanoseconds(busy), nanoseconds(local.gil.get()));
        let (input, output) = (
            nanoseconds(local.input.get()),
            nanoseconds(local.output.get()),
        );
        let application = thread.saturating_sub(input + output + gil);
        let request = queue + thread;
        let record = |phase: Phase, time: u64| {
            histogram::record(block.histogram(phase), time, 1);
            add(lane, memory::Cell::Sums as usize + phase as usize, time);
        };
        record(Phase::Request, request);
        record(Phase::Queue, queue);
        record(Phase::Application, application);
        record(Phase::Output, output);
        record(Phase::GilWait, gil);
        // Most requests have no body.
        if local.input.get() > 0 {
            record(Phase::Input, input);
        }
        let weight = local.weight.get();
        if weight > 0 {
            let time = thread_cpu().saturating_sub(local.cpu.get());
            histogram::record(block.histogram(Phase::Cpu), time, weight);
            add(
                lane,
                memory::Cell::Sums as usize + Phase::Cpu as usize,
                time * weight,
            );
        }
        add(
            lane,
            memory::Cell::Sums as usize + Phase::GilAcquire as usize,
            gil,
        );
        add(lane, memory::Cell::Acquired as usize, local.acquired.get());
        add(lane, memory::Cell::BytesIn as usize, local.received.get());
        add(lane, memory::Cell::BytesOut as usize, local.sent.get());
        add(lane, memory::Cell::Busy as usize, busy);
        store(lane, memory::Cell::Since as usize, 0);
        count_status(block, local.status.get());
        local.last.set(thread);
        if request > block.get(Word::SlowFloor) {
            let (method, path) = describe();
            let slow = Slow {
                ended: slow::now(),
                method: String::from_utf8_lossy(method).into_owned(),
                path: String::from_utf8_lossy(path).into_owned(),
                status: local.status.get(),
                request,
                queue,
                application,
                input,
                output,
                gil_wait: gil,
            };
            if let Some(ring) = self.telemetry.ring(self.interpreter) {
                ring.keep(block, &slow);
            }
        }
    }
}

/// Counts an answer; 0 and what is no status counts as none.
pub(super) fn count_status(block: &Block, status: u16) {
    let statuses = block.statuses();
    if let Some(count) = statuses.get(usize::from(status)).or(statuses.first()) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

// The lane has one writer, so nothing is lost between the two halves.
#[inline]
fn add(lane: &[AtomicU64], index: usize, more: u64) {
    if let Some(cell) = lane.get(index) {
        cell.store(
            cell.load(Ordering::Relaxed).wrapping_add(more),
            Ordering::Relaxed,
        );
    }
}

#[inline]
fn store(lane: &[AtomicU64], index: usize, value: u64) {
    if let Some(cell) = lane.get(index) {
        cell.store(value, Ordering::Relaxed);
    }
}
