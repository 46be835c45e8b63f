//! What was measured, and the statistics of it.

use super::processes::Memory;
use super::scenarios::Row;
use std::collections::BTreeMap;

/// One server in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Microseconds of CPU time per request, of all processes.
    pub(super) cpu: f64,
    /// Requests per second.
    pub(super) rate: f64,
    /// p50, p95, p99 in microseconds.
    pub(super) latencies: [f64; 3],
    /// Requests that failed.
    pub(super) errors: f64,
    pub(super) memory: Memory,
    /// p50 and p95 of how much longer than 1 ms the application slept, in microseconds.
    pub(super) overrun: Option<[f64; 2]>,
    /// p50 and p95 of what the server says about the wait for the GIL, in microseconds.
    pub(super) gil_wait: Option<[f64; 2]>,
}

/// The samples of each server in each scenario, in the order of the rounds.
#[derive(Default)]
pub(super) struct Figures {
    rounds: BTreeMap<(String, String), Vec<Sample>>,
    /// Labels of each scenario, in the order they were measured first.
    order: BTreeMap<String, Vec<String>>,
}

impl Figures {
    pub(super) fn add(&mut self, scenario: &str, row: &Row, sample: Sample) {
        self.insert(scenario, row.label(), sample);
    }

    fn insert(&mut self, scenario: &str, label: String, sample: Sample) {
        let key = (scenario.to_owned(), label.clone());
        let rounds = self.rounds.entry(key).or_default();
        if rounds.is_empty() {
            let order = self.order.entry(scenario.to_owned()).or_default();
            order.push(label);
        }
        rounds.push(sample);
    }

    /// The labels measured in a scenario.
    pub(super) fn labels(&self, scenario: &str) -> &[String] {
        self.order.get(scenario).map_or(&[], Vec::as_slice)
    }

    fn samples(&self, scenario: &str, label: &str) -> &[Sample] {
        let key = (scenario.to_owned(), label.to_owned());
        self.rounds.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The median over the rounds of what `pick` picks; NaN of nothing.
    pub(super) fn median(&self, scenario: &str, label: &str, pick: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples(scenario, label).iter().map(pick).collect())
    }

    /// The median over the rounds of one server's figure as a share of another's in the same round. `None` when either
    /// was not measured, or does not tell that.
    pub(super) fn ratio(
        &self,
        scenario: &str,
        ours: &str,
        beside: &str,
        pick: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        let (ours, beside) = (self.samples(scenario, ours), self.samples(scenario, beside));
        let pairs = ours.iter().zip(beside);
        let ratio = median(
            pairs
                .map(|(ours, beside)| pick(ours) / pick(beside))
                .collect(),
        );
        ratio.is_finite().then_some(ratio)
    }

    /// A line for whoever waits.
    pub(super) fn told(&self, scenario: &str, label: &str) -> String {
        let cpu = self.median(scenario, label, |sample| sample.cpu);
        let rate = self.median(scenario, label, |sample| sample.rate);
        format!("{label}: {cpu:.1} µs CPU per request, {rate:.0} requests/s")
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match (numbers.get(middle), numbers.get(middle.wrapping_sub(1))) {
        (Some(above), Some(below)) if numbers.len().is_multiple_of(2) => {
            f64::midpoint(*above, *below)
        }
        (Some(number), _) => *number,
        (None, _) => f64::NAN,
    }
}

/// A server in a scenario: CPU, rate and proportional memory of each round.
#[cfg(test)]
pub(super) type Made<'a> = (&'a str, &'a str, &'a [(f64, f64, f64)]);

#[cfg(test)]
impl Figures {
    /// Figures as if they had been measured.
    pub(super) fn of(rows: &[Made<'_>]) -> Self {
        let mut figures = Self::default();
        for &(scenario, label, rounds) in rows {
            for &(cpu, rate, proportional) in rounds {
                let memory = Memory {
                    proportional,
                    resident: proportional,
                };
                let sample = Sample {
                    cpu,
                    rate,
                    memory,
                    ..Sample::default()
                };
                figures.insert(scenario, label.to_owned(), sample);
            }
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_the_rounds() {
        // The machine was twice as slow in the third round.
        let figures = Figures::of(&[
            (
                "hello",
                "pack",
                &[(10.0, 1.0, 1.0), (10.0, 1.0, 1.0), (20.0, 1.0, 1.0)],
            ),
            (
                "hello",
                "granian",
                &[(20.0, 1.0, 1.0), (20.0, 1.0, 1.0), (40.0, 1.0, 1.0)],
            ),
        ]);
        let ratio = figures.ratio("hello", "pack", "granian", |sample| sample.cpu);
        assert_eq!(ratio, Some(0.5));
        assert_eq!(
            figures.median("hello", "granian", |sample| sample.cpu),
            20.0
        );
        assert_eq!(figures.labels("hello"), ["pack", "granian"]);
        assert_eq!(
            figures.ratio("hello", "pack", "bjoern", |sample| sample.cpu),
            None
        );
        assert_eq!(figures.labels("echo"), [""; 0]);
    }
}
