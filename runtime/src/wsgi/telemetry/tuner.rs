//! The thread that sets the switch interval: what an operator asks for through the admin listener, or what the
//! controller decides, which also says how many threads may be at requests at once. One for each interpreter with a GIL of its own.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use payload::SwitchInterval;
use platform::clock;

use super::Telemetry;
use super::controller::{Controller, Setting, Window};
use super::memory::{AUTO, Block, Phase, Word};
use super::snapshot::Snapshot;
use crate::embed::{Attached, Interpreter, PyResult, ThreadState};
use crate::wsgi::background::Background;
use crate::wsgi::gate::{self, Gate};
use crate::wsgi::log;

/// How often it looks whether something is wanted.
const TICK: Duration = Duration::from_millis(200);
/// What one step of the controller is judged by.
const WINDOW: Duration = Duration::from_secs(1);
/// After a change, until requests that began before it are through.
const SETTLE: Duration = Duration::from_millis(100);
const EXPIRE: Duration = Duration::from_secs(5);

/// Whether an interpreter has a switch interval that can be set for it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Interval {
    /// It has not come up.
    Unknown,
    /// It has a GIL of its own.
    Own,
    /// It has none: free-threaded.
    NoGil,
    /// It shares its GIL with other interpreters, for which it would be set too.
    SharedGil,
}

impl Interval {
    /// Of the interpreter attached to. `shares`: with other interpreters.
    pub(crate) fn of(py: Attached<'_>, shares: bool) -> Self {
        let has_gil = || -> PyResult<'_, bool> {
            match py.import(c"sys")?.attr_opt(c"_is_gil_enabled")? {
                Some(asked) => asked.call(&[])?.truth(),
                None => Ok(true),
            }
        };
        match has_gil() {
            Ok(false) => Self::NoGil,
            _ if shares => Self::SharedGil,
            _ => Self::Own,
        }
    }

    /// What was written into [`Word::Adjustable`].
    pub(crate) fn from_word(word: u64) -> Self {
        let all = [Self::Own, Self::NoGil, Self::SharedGil];
        let found = all.into_iter().find(|it| *it as u64 == word);
        found.unwrap_or(Self::Unknown)
    }

    /// Why it cannot be set, if it cannot.
    pub(crate) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Own => None,
            Self::Unknown => {
                Some("`switch-interval` cannot be set yet: the application is starting")
            }
            Self::NoGil => Some("`switch-interval` has no effect: this Python runs without a GIL"),
            Self::SharedGil => Some(
                "`switch-interval` is not set: the interpreters share one GIL, and so one interval",
            ),
        }
    }

    /// Applies `setting` at the start; what is said about a setting that cannot be.
    ///
    /// # Errors
    /// What Python raised.
    pub(crate) fn apply<'py>(
        self,
        py: Attached<'py>,
        setting: Option<SwitchInterval>,
        block: Option<&Block>,
    ) -> PyResult<'py, Option<&'static str>> {
        if let Some(block) = block {
            block.set(Word::Adjustable, self as u64);
        }
        match (self, setting) {
            (_, None) => {}
            (Self::Own, Some(SwitchInterval::Fixed(microseconds))) => set(py, microseconds)?,
            (Self::Own, Some(SwitchInterval::Auto)) => match block {
                Some(block) => block.set(Word::Wanted, AUTO),
                None => return Ok(Some("`switch-interval` is not tuned: nothing is measured")),
            },
            _ => return Ok(self.refusal()),
        }
        if let Some(block) = block.filter(|_| self != Self::NoGil) {
            block.set(Word::Interval, present(py)?);
        }
        Ok(None)
    }
}

fn set<'py>(py: Attached<'py>, microseconds: u32) -> PyResult<'py, ()> {
    let seconds = py.float(f64::from(microseconds) / 1e6)?;
    py.import(c"sys")?
        .call_method(c"setswitchinterval", &[&seconds])
        .map(drop)
}

// Nanoseconds.
fn present(py: Attached<'_>) -> PyResult<'_, u64> {
    let seconds = py.import(c"sys")?.call_method(c"getswitchinterval", &[])?;
    let text = seconds.str()?.to_text()?;
    let seconds = Duration::try_from_secs_f64(text.parse().unwrap_or(0.0)).unwrap_or_default();
    Ok(u64::try_from(seconds.as_nanos()).unwrap_or(0))
}

/// Tunes `interpreter`, number `number` of this process, and the gate of its threads, from now on; `adjustable` as
/// [`Interval::of`] says.
///
/// # Errors
/// When the system gives no more threads.
pub(crate) fn tune(
    telemetry: Arc<Telemetry>,
    number: usize,
    (interpreter, gate): (Interpreter, Option<Arc<Gate>>),
    adjustable: Interval,
    background: &mut Background,
) -> io::Result<()> {
    background.spawn("wsgi-tuner", move |stop| {
        let block = telemetry.block(number);
        let mut tuning = Tuning::new(telemetry, block, (interpreter, gate), adjustable);
        while !stop.wait(TICK) {
            tuning.tick();
        }
    })
}

struct Tuning {
    telemetry: Arc<Telemetry>,
    block: Block,
    state: ThreadState,
    gate: Option<Arc<Gate>>,
    adjustable: bool,
    wanted: u64,
    automatic: Option<Automatic>,
    expired: Instant,
}

struct Automatic {
    controller: Controller,
    // Since when the setting is in force, and what there was after it had settled.
    set: Instant,
    begun: Option<Begun>,
}

/// The beginning of a window.
struct Begun {
    at: Instant,
    figures: Snapshot,
    cpu: u64,
    beyond: u64,
}

impl Tuning {
    fn new(
        telemetry: Arc<Telemetry>,
        block: Block,
        (interpreter, gate): (Interpreter, Option<Arc<Gate>>),
        adjustable: Interval,
    ) -> Self {
        Self {
            telemetry,
            block,
            state: ThreadState::new(interpreter),
            gate,
            adjustable: adjustable == Interval::Own,
            wanted: 0,
            automatic: None,
            expired: Instant::now(),
        }
    }

    fn tick(&mut self) {
        if self.expired.elapsed() >= EXPIRE {
            self.expired = Instant::now();
            self.telemetry.expire();
        }
        if !self.adjustable {
            return;
        }
        let wanted = self.block.get(Word::Wanted);
        if wanted != self.wanted {
            self.wanted = wanted;
            self.obey(wanted);
        }
        self.control();
    }

    fn obey(&mut self, wanted: u64) {
        let automatic = wanted == AUTO;
        self.block.set(Word::Auto, automatic.into());
        let threads = self.threads(Word::Threads);
        self.automatic = automatic.then(|| Automatic {
            controller: Controller::new(threads),
            set: Instant::now(),
            begun: None,
        });
        let interval = match &self.automatic {
            Some(automatic) => automatic.controller.setting().interval,
            None => u32::try_from(wanted / 1000).unwrap_or(u32::MAX).max(1),
        };
        self.set(interval);
        self.admit(threads);
        let how = if automatic {
            ", tuned from here on"
        } else {
            ""
        };
        log::line(&format!(
            "switch interval: {} ms{how}",
            f64::from(interval) / 1e3
        ));
    }

    fn set(&mut self, microseconds: u32) {
        let block = &self.block;
        self.state.attach(|py| {
            let done = set(py, microseconds).and_then(|()| present(py));
            match done {
                Ok(interval) => block.set(Word::Interval, interval),
                Err(raised) => log::write(&raised.render()),
            }
        });
    }

    // How many the controller may give work at once, or has: without a gate they are none of its business.
    fn threads(&self, word: Word) -> u32 {
        match self.gate {
            Some(_) => u32::try_from(self.block.get(word)).unwrap_or(u32::MAX),
            None => 1,
        }
    }

    fn admit(&self, threads: u32) {
        let Some(gate) = &self.gate else {
            return;
        };
        let is_all = threads == self.threads(Word::Threads);
        let limit = usize::try_from(threads).unwrap_or(gate::ALL);
        gate.set(if is_all { gate::ALL } else { limit });
        self.block.set(Word::Admitted, threads.into());
    }

    // What is in force.
    fn setting(&self) -> Setting {
        let interval = self.block.get(Word::Interval) / 1000;
        Setting {
            interval: u32::try_from(interval).unwrap_or(u32::MAX),
            threads: self.threads(Word::Admitted),
        }
    }

    fn control(&mut self) {
        let present = self.setting();
        let Some(automatic) = &mut self.automatic else {
            return;
        };
        let now = || Begun::new(&self.block, self.gate.as_deref());
        let Some(begun) = &automatic.begun else {
            if automatic.set.elapsed() >= SETTLE {
                automatic.begun = Some(now());
            }
            return;
        };
        if begun.at.elapsed() < WINDOW {
            return;
        }
        let now = now();
        let step = automatic.controller.next(&now.since(begun));
        if let Some(told) = step.told {
            log::line(&told.to_string());
        }
        if step.setting == present {
            automatic.begun = Some(now);
            return;
        }
        automatic.begun = None;
        automatic.set = Instant::now();
        if step.setting.interval != present.interval {
            self.set(step.setting.interval);
        }
        self.admit(step.setting.threads);
    }
}

impl Begun {
    fn new(block: &Block, gate: Option<&Gate>) -> Self {
        Self {
            at: Instant::now(),
            figures: Snapshot::of(block),
            cpu: clock::process_cpu(),
            beyond: gate.map_or(0, Gate::beyond),
        }
    }

    // What was measured between `earlier` and this.
    #[allow(clippy::cast_precision_loss)]
    fn since(&self, earlier: &Self) -> Window {
        let figures = self.figures.since(&earlier.figures);
        let seconds = figures.seconds();
        let sum = |phase: Phase| figures.phase(phase).sum as f64 / 1e9;
        Window {
            seconds,
            requests: figures.requests(),
            cpu: self.cpu.saturating_sub(earlier.cpu) as f64 / 1e9,
            busy: figures.capacity_used(seconds) * seconds,
            response: sum(Phase::Request),
            queue: sum(Phase::Queue),
            beyond: self.beyond.saturating_sub(earlier.beyond),
            gil_wait: figures.phase(Phase::GilWait).clone(),
        }
    }
}
