//! What the controller has decided, for the log.

use std::fmt;

use super::Setting;

/// How a trial ended, with the figures that decided it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// What there was before.
    pub from: Setting,
    /// What was tried.
    pub tried: Setting,
    /// Requests a second with each.
    pub rate: [f64; 2],
    /// Seconds, the 95th percentile with each.
    pub wait: [f64; 2],
    /// Seconds that a response took with each, on average.
    pub response: [f64; 2],
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
    /// The other setting stays.
    Kept,
    /// Too much throughput was lost.
    Loses,
    /// Too much processor time was spent.
    Costs,
    /// Responses took longer.
    Slows,
    /// The wait is about the same.
    GainsLittle,
    /// Too few requests to tell.
    Quiet,
}

/// All threads may be at requests again, before a trial says so: more than the GIL allows for goes on, or nothing does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Release {
    /// How many there could be.
    pub from: u32,
    /// How many there are.
    pub to: u32,
    /// The share of requests that began beyond that, since others slept.
    pub beyond: f64,
    /// Processors in use.
    pub processors: f64,
}

/// What is worth a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    Decision(Decision),
    Release(Release),
}

fn milliseconds(microseconds: u32) -> f64 {
    f64::from(microseconds) / 1e3
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, tried) = (self.from, self.tried);
        if from.interval == tried.interval {
            write!(
                f,
                "threads at once: {} tried for {}",
                tried.threads, from.threads
            )?;
        } else {
            let [from, tried] = [from, tried].map(|it| milliseconds(it.interval));
            write!(f, "switch interval: {tried} ms tried for {from} ms")?;
        }
        let change = |pair: [f64; 2]| 100.0 * (pair[1] / pair[0].max(1e-9) - 1.0);
        let verdict = match self.verdict {
            Verdict::Kept => "kept",
            Verdict::Loses => "it loses too much throughput: back",
            Verdict::Costs => "it costs too much processor time: back",
            Verdict::Slows => "responses take longer: back",
            Verdict::GainsLittle => "it gains too little: back",
            Verdict::Quiet => "too few requests to tell: back",
        };
        write!(
            f,
            ": gil_wait p95 {:.2} -> {:.2} ms, throughput {:.0} -> {:.0}/s ({:+.1} %), responses {:.1} -> {:.1} ms, \
             requests per CPU second {:.0} -> {:.0} ({:+.1} %), {:.1} % of the best; {verdict}",
            self.wait[0] * 1e3,
            self.wait[1] * 1e3,
            self.rate[0],
            self.rate[1],
            change(self.rate),
            self.response[0] * 1e3,
            self.response[1] * 1e3,
            self.economy[0],
            self.economy[1],
            change(self.economy),
            self.share * 100.0,
        )
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "threads at once: {} again after {}: {:.0} % of the requests began beyond that, since others slept, and {:.1} processors were in use",
            self.to,
            self.from,
            self.beyond * 100.0,
            self.processors,
        )
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decision(decision) => decision.fmt(f),
            Self::Release(release) => release.fmt(f),
        }
    }
}
