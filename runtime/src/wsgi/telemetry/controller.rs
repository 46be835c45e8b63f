//! `switch-interval = "auto"`: what to do with the switch interval, from what was measured. No clock, no thread, no
//! Python: [`Controller::next`] is given a window and answers with the interval of the next one.
//!
//! A short interval hands the GIL over sooner, so that requests begin sooner (`gil_wait`), and costs throughput; how
//! much of each depends on the application, and both drift with the load. So a shorter interval is *tried*: windows with
//! the present one and with the other take turns (A B B A), which cancels drift, and each round of turns is compared; the
//! median of the rounds counts, and there are more of them while they disagree, as on a machine that others use. It is kept
//! when the 95th percentile of `gil_wait` falls by [`WORTH`] and throughput, over all steps so far, stays within
//! [`LOSS`] of the best. Otherwise the present one is set again. After some time the neighbours are tried anew, the
//! longer one too.

use std::fmt;

use super::histogram::Counts;

/// Intervals that are tried, in microseconds. The first is Python's own; nothing shorter than the last is ever set.
pub(crate) const LADDER: [u32; 7] = [5000, 2000, 1000, 500, 200, 100, 50];

/// The share of the best throughput that may be lost.
const LOSS: f64 = 0.03;
/// The share of more processor time per request that is taken while there is capacity to spare, when throughput tells
/// nothing: all requests that come are served at any interval.
const COST: f64 = 0.15;
/// The share by which a shorter interval must lower the wait.
const WORTH: f64 = 0.05;
/// Seconds. Waits below are not worth a trial.
const LITTLE: f64 = 0.000_1;
/// Threads busier than this share of their time have no capacity to spare.
const SATURATED: f64 = 0.9;
/// Windows of one trial, as often as needed for `ENOUGH`: false is the present interval, true the other.
const TURNS: [bool; 4] = [false, true, true, false];
/// A trial lasts at least this many rounds of `TURNS`, and at most so many.
const ROUNDS: std::ops::RangeInclusive<usize> = 3..=8;
/// Requests with each of the two intervals.
const ENOUGH: u64 = 400;
/// Windows between trials: first, and at most. It doubles while trials change nothing.
const HOLD: std::ops::RangeInclusive<u32> = 30..=480;

/// What was measured during a window, or several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    /// Its length.
    pub seconds: f64,
    /// Requests that ended.
    pub requests: u64,
    /// Processor time of the process, in seconds.
    pub cpu: f64,
    /// Seconds that threads were at requests, divided by their number.
    pub busy: f64,
    /// Of requests.
    pub gil_wait: Counts,
}

impl Window {
    fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.requests += other.requests;
        self.cpu += other.cpu;
        self.busy += other.busy;
        self.gil_wait.add(&other.gil_wait);
    }

    #[allow(clippy::cast_precision_loss)]
    fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds.max(1e-9)
    }

    // Requests for a second of the processor.
    #[allow(clippy::cast_precision_loss)]
    fn economy(&self) -> f64 {
        self.requests as f64 / self.cpu.max(1e-9)
    }

    fn is_saturated(&self) -> bool {
        self.busy >= SATURATED * self.seconds
    }

    fn wait(&self) -> f64 {
        self.gil_wait.quantile(0.95)
    }
}

/// What comes next.
#[derive(Debug)]
pub(crate) struct Step {
    /// The interval for the next window, in microseconds.
    pub interval: u32,
    /// A decision, for the log.
    pub decision: Option<Decision>,
}

/// How a trial ended, with the figures that decided it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// Microseconds: before, and what was tried.
    pub from: u32,
    /// As above.
    pub tried: u32,
    /// Requests a second with each.
    pub rate: [f64; 2],
    /// Seconds, the 95th percentile with each.
    pub wait: [f64; 2],
    /// Requests a second of processor time with each.
    pub economy: [f64; 2],
    /// Throughput (or economy) after the step, as a share of the best.
    pub share: f64,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The other interval stays.
    Kept,
    /// Too much throughput was lost.
    Loses,
    /// Too much processor time was spent.
    Costs,
    /// The wait is about the same.
    GainsLittle,
    /// Too few requests to tell.
    Quiet,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = |pair: [f64; 2]| 100.0 * (pair[1] / pair[0].max(1e-9) - 1.0);
        let verdict = match self.verdict {
            Verdict::Kept => "kept",
            Verdict::Loses => "it loses too much throughput: back",
            Verdict::Costs => "it costs too much processor time: back",
            Verdict::GainsLittle => "it gains too little: back",
            Verdict::Quiet => "too few requests to tell: back",
        };
        write!(
            f,
            "switch interval: {} ms tried for {} ms: gil_wait p95 {:.2} -> {:.2} ms, throughput {:.0} -> {:.0}/s ({:+.1} %), \
             requests per CPU second {:.0} -> {:.0} ({:+.1} %), {:.1} % of the best; {verdict}",
            f64::from(self.tried) / 1e3,
            f64::from(self.from) / 1e3,
            self.wait[0] * 1e3,
            self.wait[1] * 1e3,
            self.rate[0],
            self.rate[1],
            change(self.rate),
            self.economy[0],
            self.economy[1],
            change(self.economy),
            self.share * 100.0,
        )
    }
}

/// Moves the interval along [`LADDER`].
#[derive(Debug)]
pub(crate) struct Controller {
    at: usize,
    // Throughput at each step of the ladder as a share of that at the first, as far as it is known.
    shares: [Option<f64>; LADDER.len()],
    state: State,
    hold: u32,
    // Trials since the last one that was kept: the shorter neighbours, then the longer one.
    next: Next,
}

#[derive(Debug)]
enum State {
    /// Nothing is tried for so many windows.
    Holding(u32),
    Trying(Box<Trial>),
}

#[derive(Debug)]
struct Trial {
    other: usize,
    turn: usize,
    present: Window,
    tried: Window,
    // The present round, and for each one before: throughput and economy with the other interval as a share.
    round: [Window; 2],
    ratios: Vec<[f64; 2]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The one this far below.
    Shorter(usize),
    Longer,
}

impl Controller {
    /// Begins at Python's own interval.
    pub(crate) fn new() -> Self {
        Self {
            at: 0,
            shares: [None; LADDER.len()],
            state: State::Holding(3),
            hold: *HOLD.start(),
            next: Next::Shorter(1),
        }
    }

    /// The interval outside of trials, in microseconds.
    pub(crate) fn interval(&self) -> u32 {
        LADDER[self.at]
    }

    /// What to do after `window`, which had the interval that the last step said.
    pub(crate) fn next(&mut self, window: &Window) -> Step {
        let mut decision = None;
        match &mut self.state {
            State::Holding(left) if *left > 0 => *left -= 1,
            State::Holding(_) => self.begin(window),
            State::Trying(trial) => {
                trial.add(window);
                if trial.is_over() {
                    decision = self.decide();
                }
            }
        }
        let interval = match &self.state {
            State::Trying(trial) if trial.is_others_turn() => LADDER[trial.other],
            _ => self.interval(),
        };
        Step { interval, decision }
    }

    fn begin(&mut self, window: &Window) {
        let other = match self.next {
            Next::Shorter(far) => Some(self.at + far).filter(|at| *at < LADDER.len()),
            Next::Longer => self.at.checked_sub(1),
        };
        let pointless = matches!(self.next, Next::Shorter(_)) && window.wait() < LITTLE;
        match other {
            Some(other) if !pointless && window.requests > 0 => {
                self.state = State::Trying(Box::new(Trial {
                    other,
                    turn: 0,
                    present: Window::default(),
                    tried: Window::default(),
                    round: Default::default(),
                    ratios: Vec::new(),
                }));
            }
            _ => self.rest(self.next),
        }
    }

    // A direction is done with: the other one, or a pause.
    fn rest(&mut self, done: Next) {
        match done {
            Next::Shorter(_) if self.at > 0 => {
                self.next = Next::Longer;
                self.state = State::Holding(0);
            }
            _ => {
                self.next = Next::Shorter(1);
                self.state = State::Holding(self.hold);
                self.hold = (self.hold * 2).min(*HOLD.end());
            }
        }
    }

    fn decide(&mut self) -> Option<Decision> {
        let State::Trying(trial) = std::mem::replace(&mut self.state, State::Holding(0)) else {
            return None;
        };
        let decision = self.judge(&trial);
        match (decision.verdict, self.next) {
            (Verdict::Kept, next) => {
                self.at = trial.other;
                self.hold = *HOLD.start();
                match next {
                    Next::Shorter(_) => self.next = Next::Shorter(1),
                    Next::Longer => self.rest(next),
                }
            }
            // The wait may fall in a leap, further down.
            (Verdict::GainsLittle, Next::Shorter(far)) => self.next = Next::Shorter(far + 1),
            (_, next) => self.rest(next),
        }
        Some(decision)
    }

    fn judge(&mut self, trial: &Trial) -> Decision {
        let (present, tried) = (&trial.present, &trial.tried);
        let saturated = present.is_saturated() || tried.is_saturated();
        let ratio = trial.ratio(usize::from(!saturated));
        let here = *self.shares[self.at].get_or_insert(1.0);
        let there = here * ratio;
        self.shares[trial.other] = Some(there);
        let best = self
            .shares
            .iter()
            .flatten()
            .fold(0.0, |best: f64, it| best.max(*it));
        let share = there / best;
        let wait = [present.wait(), tried.wait()];
        let limit = 1.0 - if saturated { LOSS } else { COST };
        let verdict = if present.requests.min(tried.requests) < ENOUGH {
            self.shares[trial.other] = None;
            Verdict::Quiet
        } else if trial.other > self.at {
            match () {
                () if share < limit && saturated => Verdict::Loses,
                () if share < limit => Verdict::Costs,
                () if wait[1] > wait[0] * (1.0 - WORTH) => Verdict::GainsLittle,
                () => Verdict::Kept,
            }
        } else if here / best < limit || wait[1] <= wait[0] * (1.0 + WORTH) {
            // The present one has come to cost too much, or buys nothing any more.
            Verdict::Kept
        } else {
            Verdict::GainsLittle
        };
        Decision {
            from: LADDER[self.at],
            tried: LADDER[trial.other],
            rate: [present.rate(), tried.rate()],
            wait,
            economy: [present.economy(), tried.economy()],
            share,
            verdict,
        }
    }
}

impl Trial {
    fn is_others_turn(&self) -> bool {
        TURNS[self.turn % TURNS.len()]
    }

    fn add(&mut self, window: &Window) {
        let others = self.is_others_turn();
        let all = if others {
            &mut self.tried
        } else {
            &mut self.present
        };
        all.add(window);
        self.round[usize::from(others)].add(window);
        self.turn += 1;
        if self.turn.is_multiple_of(TURNS.len()) {
            let [present, tried] = std::mem::take(&mut self.round);
            let share = |there: f64, here: f64| if here > 0.0 { there / here } else { 1.0 };
            self.ratios.push([
                share(tried.rate(), present.rate()),
                share(tried.economy(), present.economy()),
            ]);
        }
    }

    fn sorted(&self, kind: usize) -> Vec<f64> {
        let mut ratios: Vec<f64> = self.ratios.iter().map(|ratios| ratios[kind]).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    // The median of the rounds: of throughput (0) or economy (1).
    fn ratio(&self, kind: usize) -> f64 {
        let ratios = self.sorted(kind);
        let middle = ratios.len() / 2;
        match ratios.len() {
            0 => 1.0,
            even if even % 2 == 0 => f64::midpoint(ratios[middle - 1], ratios[middle]),
            _ => ratios[middle],
        }
    }

    // Whether the median is known no better than what may be lost: about the spread over the root of the number.
    #[allow(clippy::cast_precision_loss)]
    fn is_noisy(&self) -> bool {
        let ratios = self.sorted(0);
        let spread = ratios
            .last()
            .zip(ratios.first())
            .map_or(0.0, |(last, first)| last - first);
        spread / (ratios.len() as f64).sqrt() > LOSS
    }

    fn is_over(&self) -> bool {
        let (rounds, complete) = (self.ratios.len(), self.turn.is_multiple_of(TURNS.len()));
        let enough = self.present.requests.min(self.tried.requests) >= ENOUGH;
        let told = enough && !self.is_noisy();
        complete && rounds >= *ROUNDS.start() && (told || rounds >= *ROUNDS.end())
    }
}

#[cfg(test)]
#[path = "controller_tests.rs"]
mod tests;
