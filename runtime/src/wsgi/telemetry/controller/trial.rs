//! Two settings compared: windows of the one and of the other, in turns.

use super::{ENOUGH, LOSS, PARALLEL, SATURATED, Setting};
use crate::wsgi::telemetry::histogram::Counts;

/// Windows of one trial, as often as needed for [`ENOUGH`]: false is the present setting, true the other.
const TURNS: [bool; 4] = [false, true, true, false];
/// A trial lasts at least this many rounds of [`TURNS`], and at most so many.
const ROUNDS: std::ops::RangeInclusive<usize> = 3..=8;

/// What was measured during a window, or several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    /// Its length.
    pub seconds: f64,
    /// Requests that ended.
    pub requests: u64,
    /// Processor time of the process, in seconds.
    pub cpu: f64,
    /// Seconds that threads were at requests, divided by the number of those that may be.
    pub busy: f64,
    /// Seconds of all requests together, from when they were complete to their end.
    pub response: f64,
    /// Of these, until a thread could begin with them.
    pub queue: f64,
    /// Requests with which more threads were busy than should be, as it would have been nobody's gain to wait.
    pub beyond: u64,
    /// Of requests.
    pub gil_wait: Counts,
}

impl Window {
    pub(super) fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.requests += other.requests;
        self.cpu += other.cpu;
        self.busy += other.busy;
        self.response += other.response;
        self.queue += other.queue;
        self.beyond += other.beyond;
        self.gil_wait.add(&other.gil_wait);
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn per_request(&self, sum: f64) -> f64 {
        sum / self.requests.max(1) as f64
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds.max(1e-9)
    }

    /// Requests for a second of the processor.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn economy(&self) -> f64 {
        self.requests as f64 / self.cpu.max(1e-9)
    }

    pub(super) fn is_saturated(&self) -> bool {
        self.busy >= SATURATED * self.seconds
    }

    pub(super) fn is_parallel(&self) -> bool {
        self.cpu > PARALLEL * self.seconds
    }

    /// Seconds, the 95th percentile.
    pub(super) fn wait(&self) -> f64 {
        self.gil_wait.quantile(0.95)
    }

    /// The share of the threads' time with requests in which these waited for the GIL.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn waiting(&self) -> f64 {
        let waited = self.gil_wait.sum as f64 / 1e9;
        waited / (self.response - self.queue).max(1e-9)
    }
}

/// Which figure of two windows is compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Figure {
    Rate,
    Economy,
    /// How soon responses are complete, on average.
    Promptness,
}

#[derive(Debug)]
pub(super) struct Trial {
    pub(super) other: Setting,
    turn: usize,
    pub(super) present: Window,
    pub(super) tried: Window,
    // The present round, and for each one before: the figures with the other setting, as shares.
    round: [Window; 2],
    ratios: Vec<[f64; 3]>,
}

impl Trial {
    pub(super) fn new(other: Setting) -> Self {
        Self {
            other,
            turn: 0,
            present: Window::default(),
            tried: Window::default(),
            round: Default::default(),
            ratios: Vec::new(),
        }
    }

    pub(super) fn is_others_turn(&self) -> bool {
        TURNS[self.turn % TURNS.len()]
    }

    pub(super) fn add(&mut self, window: &Window) {
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
            let time = |window: &Window| window.per_request(window.response);
            self.ratios.push([
                share(tried.rate(), present.rate()),
                share(tried.economy(), present.economy()),
                share(time(&present), time(&tried)),
            ]);
        }
    }

    fn sorted(&self, figure: Figure) -> Vec<f64> {
        let ratios = self.ratios.iter().map(|ratios| ratios[figure as usize]);
        let mut ratios: Vec<f64> = ratios.collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    /// The figure with the other setting as a share of that with the present one: the median of the rounds.
    pub(super) fn ratio(&self, figure: Figure) -> f64 {
        let ratios = self.sorted(figure);
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
        let ratios = self.sorted(Figure::Rate);
        let spread = ratios
            .last()
            .zip(ratios.first())
            .map_or(0.0, |(last, first)| last - first);
        spread / (ratios.len() as f64).sqrt() > LOSS
    }

    /// Whether there are requests enough with both to tell.
    pub(super) fn tells(&self) -> bool {
        self.present.requests.min(self.tried.requests) >= ENOUGH
    }

    pub(super) fn is_over(&self) -> bool {
        let (rounds, complete) = (self.ratios.len(), self.turn.is_multiple_of(TURNS.len()));
        let told = self.tells() && !self.is_noisy();
        complete && rounds >= *ROUNDS.start() && (told || rounds >= *ROUNDS.end())
    }
}
