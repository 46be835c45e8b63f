//! `switch-interval = "auto"`: what to do with the switch interval, and with how many threads are at requests at once
//! (the gate), from what was measured. No clock, no thread, no Python: [`Controller::next`] is given a window and answers
//! with the setting of the next one.
//!
//! Both bear on how soon requests begin (`gil_wait`). A short interval hands the GIL over sooner, and costs throughput;
//! fewer threads leave fewer to wait for it, and cost throughput where they leave it idle. How much of each depends on the
//! application, and both drift with the load. So another setting is *tried*: windows with
//! the present one and with the other take turns (A B B A), which cancels drift, and each round of turns is compared; the
//! median of the rounds counts, and there are more of them while they disagree, as on a machine that others use. It is kept
//! when the 95th percentile of `gil_wait` falls by [`WORTH`] and throughput, over all steps so far, stays within
//! [`LOSS`] of the best; with fewer threads responses must not take longer either, with all that they wait for. Otherwise the
//! present one is set again. Fewer threads come first: what they gain is free. After some time the neighbours are tried
//! anew, the longer interval and more threads too.

use std::collections::HashMap;

pub(crate) use told::{Decision, Release, Told, Verdict};
pub(crate) use trial::Window;
use trial::{Figure, Trial};

mod told;
mod trial;

/// Intervals that are tried, in microseconds. The first is Python's own; nothing shorter than the last is ever set.
pub(crate) const LADDER: [u32; 7] = [5000, 2000, 1000, 500, 200, 100, 50];

/// The fewest threads at once: one computes while the other one sleeps.
const FEWEST: u32 = 2;
/// The share of the best throughput that may be lost.
const LOSS: f64 = 0.03;
/// The share of more processor time per request that is taken while there is capacity to spare, when throughput tells
/// nothing: all requests that come are served at any interval.
const COST: f64 = 0.15;
/// The share by which the other setting must lower the wait.
const WORTH: f64 = 0.05;
/// The share by which responses may take longer with fewer threads.
const SLOWER: f64 = 0.03;
/// Seconds. Waits below are not worth a trial.
const LITTLE: f64 = 0.000_1;
/// Where threads wait for the GIL less than this share of their time with requests, fewer of them are no gain.
const FREE: f64 = 0.05;
/// Processors. Threads that use more of them at once do not wait for one GIL.
const PARALLEL: f64 = 1.2;
/// Of so many requests one may begin beyond the limit of threads before it is given up, if there was time to spare.
const BEYOND: u64 = 10;
/// What shows that a limit of threads is in vain: so many requests that met it, or windows in a row. The last requests of a
/// load find others asleep too, and so do those of a visitor; the load that comes next may well compute.
const EVIDENCE: (u64, u32) = (100, 5);
/// Processors. Threads that use less have not computed all the time.
const SPARE: f64 = 0.8;
/// Threads busier than this share of their time have no capacity to spare.
const SATURATED: f64 = 0.9;
/// Requests with each of the two settings.
const ENOUGH: u64 = 400;
/// Windows until it is seen whether there is something to try, while there is not.
const REST: u32 = 3;
/// Windows between trials: first, and at most. It doubles while trials change nothing.
const HOLD: std::ops::RangeInclusive<u32> = 30..=480;

/// What is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Setting {
    /// Microseconds.
    pub interval: u32,
    /// How many threads are at requests at once, at most.
    pub threads: u32,
}

/// What comes next.
#[derive(Debug)]
pub(crate) struct Step {
    /// For the next window.
    pub setting: Setting,
    /// For the log.
    pub told: Option<Told>,
}

/// Moves the interval along [`LADDER`], and bisects the number of threads.
#[derive(Debug)]
pub(crate) struct Controller {
    all: u32,
    at: usize,
    threads: u32,
    // Throughput with a setting as a share of that with the first, as far as it is known.
    shares: HashMap<Setting, f64>,
    state: State,
    hold: u32,
    next: Next,
    // Whether anything was tried since the last pause.
    tried: bool,
    // The last windows together, and how many, if the limit of threads was in vain in each.
    in_vain: Option<(Window, u32)>,
}

#[derive(Debug)]
enum State {
    /// Nothing is tried for so many windows.
    Holding(u32),
    Trying(Box<Trial>),
}

/// What is tried next: these in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Threads: half of them, or halfway between the present number and this one, which was too few.
    Fewer(u32),
    /// The interval this far down the ladder.
    Shorter(usize),
    Longer,
    More,
}

impl Next {
    fn first(all: u32) -> Self {
        if all > FEWEST {
            Self::Fewer(0)
        } else {
            Self::Shorter(1)
        }
    }
}

impl Controller {
    /// Begins at Python's own interval, for `all` threads with one GIL.
    pub(crate) fn new(all: u32) -> Self {
        Self {
            all,
            at: 0,
            threads: all,
            shares: HashMap::new(),
            state: State::Holding(REST),
            hold: *HOLD.start(),
            next: Next::first(all),
            tried: false,
            in_vain: None,
        }
    }

    /// What is set outside of trials.
    pub(crate) fn setting(&self) -> Setting {
        Setting {
            interval: LADDER[self.at],
            threads: self.threads,
        }
    }

    /// What to do after `window`, which had the setting that the last step said.
    pub(crate) fn next(&mut self, window: &Window) -> Step {
        let told = match &mut self.state {
            State::Holding(left) => {
                let rests = *left > 0;
                *left = left.saturating_sub(1);
                let release = self.release(window).map(Told::Release);
                if release.is_none() && !rests {
                    self.begin(window);
                }
                release
            }
            State::Trying(trial) => {
                trial.add(window);
                let over = trial.is_over();
                over.then(|| self.decide().map(Told::Decision)).flatten()
            }
        };
        let setting = match &self.state {
            State::Trying(trial) if trial.is_others_turn() => trial.other,
            _ => self.setting(),
        };
        Step { setting, told }
    }

    // The load has changed: threads wait for their turn while those inside sleep, or work without the GIL.
    #[allow(clippy::cast_precision_loss)]
    fn release(&mut self, window: &Window) -> Option<Release> {
        let idle = window.cpu < SPARE * window.seconds;
        let is_in_vain = window.is_parallel() || idle && window.beyond > window.requests / BEYOND;
        if self.threads == self.all || !is_in_vain {
            self.in_vain = None;
            return None;
        }
        let (seen, windows) = self.in_vain.get_or_insert_default();
        seen.add(window);
        *windows += 1;
        if seen.requests < EVIDENCE.0 && *windows < EVIDENCE.1 {
            return None;
        }
        let (seen, _) = self.in_vain.take()?;
        let from = std::mem::replace(&mut self.threads, self.all);
        // What was known about throughput is no more.
        self.shares.clear();
        self.tried = true;
        self.pause();
        Some(Release {
            from,
            to: self.all,
            beyond: seen.per_request(seen.beyond as f64),
            processors: seen.cpu / seen.seconds.max(1e-9),
        })
    }

    fn begin(&mut self, window: &Window) {
        match self.neighbour(window) {
            Some(other) if window.requests > 0 => {
                self.state = State::Trying(Box::new(Trial::new(other)));
                self.in_vain = None;
                self.tried = true;
            }
            _ => self.rest(self.next),
        }
    }

    // What is next, where it makes sense.
    fn neighbour(&self, window: &Window) -> Option<Setting> {
        let present = self.setting();
        let interval = |at: Option<usize>| {
            let interval = *LADDER.get(at?)?;
            Some(Setting {
                interval,
                ..present
            })
        };
        match self.next {
            Next::Fewer(_) | Next::Shorter(_) if window.wait() < LITTLE => None,
            Next::Fewer(_) if window.waiting() < FREE || window.is_parallel() => None,
            Next::Fewer(low) => {
                let threads = (self.threads.midpoint(low)).max(FEWEST);
                let is_new = threads > low && threads < self.threads;
                is_new.then_some(Setting { threads, ..present })
            }
            Next::Shorter(far) => interval(self.at.checked_add(far)),
            Next::Longer => interval(self.at.checked_sub(1)),
            Next::More if self.threads == self.all => None,
            Next::More => Some(Setting {
                threads: (self.threads + (self.threads / 2).max(1)).min(self.all),
                ..present
            }),
        }
    }

    // A direction is done with: the next one, or a pause.
    fn rest(&mut self, done: Next) {
        self.state = State::Holding(0);
        self.next = match done {
            Next::Fewer(_) => Next::Shorter(1),
            Next::Shorter(_) if self.at > 0 => Next::Longer,
            Next::Shorter(_) | Next::Longer if self.threads < self.all => Next::More,
            _ => return self.pause(),
        };
    }

    fn pause(&mut self) {
        self.next = Next::first(self.all);
        if !std::mem::take(&mut self.tried) {
            self.state = State::Holding(REST);
            return;
        }
        self.state = State::Holding(self.hold);
        self.hold = (self.hold * 2).min(*HOLD.end());
    }

    fn decide(&mut self) -> Option<Decision> {
        let State::Trying(trial) = std::mem::replace(&mut self.state, State::Holding(0)) else {
            return None;
        };
        let decision = self.judge(&trial);
        match (decision.verdict, self.next) {
            (Verdict::Kept, next) => {
                let other = trial.other;
                self.threads = other.threads;
                let at = LADDER.iter().position(|it| *it == other.interval);
                self.at = at.unwrap_or(self.at);
                self.hold = *HOLD.start();
                match next {
                    Next::Fewer(_) => {}
                    Next::Shorter(_) => self.next = Next::Shorter(1),
                    Next::Longer | Next::More => self.rest(next),
                }
            }
            (Verdict::Loses | Verdict::Slows, Next::Fewer(_)) => {
                self.next = Next::Fewer(trial.other.threads);
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
        let ratio = trial.ratio(if saturated {
            Figure::Rate
        } else {
            Figure::Economy
        });
        let here = *self.shares.entry(self.setting()).or_insert(1.0);
        let there = here * ratio;
        if trial.tells() {
            self.shares.insert(trial.other, there);
        }
        let best = self
            .shares
            .values()
            .fold(there, |best: f64, it| best.max(*it));
        let limit = 1.0 - if saturated { LOSS } else { COST };
        let wait = [present.wait(), tried.wait()];
        let promptness = trial.ratio(Figure::Promptness);
        let loses = there / best < limit;
        let slows = matches!(self.next, Next::Fewer(_)) && promptness < 1.0 - SLOWER;
        let speeds = self.next == Next::More && promptness > 1.0 + SLOWER;
        let verdict = match self.next {
            _ if !trial.tells() => Verdict::Quiet,
            Next::Fewer(_) | Next::Shorter(_) if loses && saturated => Verdict::Loses,
            Next::Fewer(_) | Next::Shorter(_) if loses => Verdict::Costs,
            Next::Fewer(_) | Next::Shorter(_) if slows => Verdict::Slows,
            Next::Fewer(_) | Next::Shorter(_) if wait[1] <= wait[0] * (1.0 - WORTH) => {
                Verdict::Kept
            }
            // The present one has come to cost too much, or buys nothing any more.
            Next::Longer | Next::More
                if here / best < limit || speeds || wait[1] <= wait[0] * (1.0 + WORTH) =>
            {
                Verdict::Kept
            }
            _ => Verdict::GainsLittle,
        };
        let response = [present, tried].map(|window| window.per_request(window.response));
        Decision {
            from: self.setting(),
            tried: trial.other,
            rate: [present.rate(), tried.rate()],
            wait,
            response,
            economy: [present.economy(), tried.economy()],
            share: there / best,
            verdict,
        }
    }
}

#[cfg(test)]
mod tests;
