//! What our server aims at, and whether it gets there.

use super::contestants::Contestant::{self, Bjoern, FastWsgi, Granian, ModWsgi, Pack};
use super::figures::{Figures, Sample};
use super::scenarios::{FIVE, FREE, INTERPRETERS, INTERVALS, TWO, label};
use crate::bench::aims::Aim;

/// An aim and what came of it.
pub(super) struct Outcome {
    pub(super) what: String,
    pub(super) scenario: &'static str,
    pub(super) aim: String,
    /// `None` when one side was not measured.
    pub(super) ratio: Option<f64>,
    pub(super) is_met: bool,
}

/// What of a sample an aim is about.
#[derive(Clone, Copy)]
enum Figure {
    Cpu,
    Rate,
    Memory,
    GilWait,
    Overrun,
}

impl Figure {
    fn of(self, sample: &Sample) -> f64 {
        let p95 = |quantiles: Option<[f64; 2]>| quantiles.map_or(f64::NAN, |[_, p95]| p95);
        match self {
            Self::Cpu => sample.cpu,
            Self::Rate => sample.rate,
            Self::Memory => sample.memory.proportional,
            Self::GilWait => p95(sample.gil_wait),
            Self::Overrun => p95(sample.overrun),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU per request",
            Self::Rate => "requests/s",
            Self::Memory => "memory (PSS)",
            Self::GilWait => "`gil_wait` p95",
            Self::Overrun => "sleep overrun p95",
        }
    }
}

/// Every aim that concerns what was measured.
pub(super) fn outcomes(figures: &Figures) -> Vec<Outcome> {
    let mut found = Vec::new();
    for beside in [Bjoern, FastWsgi] {
        found.push(beside_one(
            figures,
            "hello",
            Figure::Cpu,
            beside,
            Aim::AtMost(0.9),
        ));
    }
    found.push(beside_one(
        figures,
        "hello-threads",
        Figure::Cpu,
        Granian,
        Aim::AtMost(0.5),
    ));
    for scenario in ["hello-processes", "flask", "django"] {
        for beside in Contestant::ALL.into_iter().skip(1) {
            found.push(beside_one(
                figures,
                scenario,
                Figure::Cpu,
                beside,
                Aim::Below(1.0),
            ));
        }
    }
    for scenario in ["echo", "large"] {
        found.push(beside_one(
            figures,
            scenario,
            Figure::Cpu,
            Granian,
            Aim::Below(1.0),
        ));
        found.push(beside_one(
            figures,
            scenario,
            Figure::Memory,
            Granian,
            Aim::AtMost(0.333),
        ));
    }
    found.extend(switching(figures));
    // A trial of a few scenarios has nothing to say about the others.
    found.retain(|outcome| !figures.labels(outcome.scenario).is_empty());
    found
}

fn switching(figures: &Figures) -> Vec<Outcome> {
    let mut found = Vec::new();
    let mut push = |figure, ours: &str, beside: &str, aim| {
        found.push(outcome(figures, "fixed", figure, ours, beside, aim));
    };
    for interval in INTERVALS {
        let mode = FIVE.every(interval);
        let ours = label(Pack, mode);
        for beside in [Granian, ModWsgi] {
            push(Figure::Rate, &ours, &label(beside, mode), Aim::AtLeast(1.0));
        }
        push(
            Figure::GilWait,
            &ours,
            &label(ModWsgi, mode),
            Aim::Below(1.0),
        );
        push(
            Figure::Overrun,
            &ours,
            &label(Granian, mode),
            Aim::Below(1.0),
        );
    }
    let auto = label(Pack, FIVE.auto());
    let fixed = INTERVALS.map(|interval| label(Pack, FIVE.every(interval)));
    let quickest = best(figures, &fixed, |label| {
        -figures.median("fixed", label, |sample| Figure::Rate.of(sample))
    });
    let calmest = best(figures, &fixed, |label| {
        figures.median("fixed", label, |sample| Figure::GilWait.of(sample))
    });
    push(Figure::GilWait, &auto, calmest, Aim::AtMost(1.2));
    push(Figure::Rate, &auto, quickest, Aim::AtLeast(0.97));
    let two = label(Pack, TWO);
    for mode in [INTERPRETERS, FREE] {
        let ours = label(Pack, mode);
        push(Figure::Rate, &ours, &two, Aim::AtLeast(0.95));
        push(Figure::Memory, &ours, &two, Aim::Below(1.0));
    }
    found
}

/// The one of `labels` with the least cost, among those measured.
fn best<'a>(figures: &Figures, labels: &'a [String], cost: impl Fn(&str) -> f64) -> &'a str {
    let measured = labels
        .iter()
        .filter(|label| figures.labels("fixed").contains(label));
    let least = measured.min_by(|one, other| cost(one).total_cmp(&cost(other)));
    least.or(labels.first()).map_or("", String::as_str)
}

fn beside_one(
    figures: &Figures,
    scenario: &'static str,
    figure: Figure,
    beside: Contestant,
    aim: Aim,
) -> Outcome {
    outcome(figures, scenario, figure, Pack.name(), beside.name(), aim)
}

fn outcome(
    figures: &Figures,
    scenario: &'static str,
    figure: Figure,
    ours: &str,
    beside: &str,
    aim: Aim,
) -> Outcome {
    let ratio = figures.ratio(scenario, ours, beside, |sample| figure.of(sample));
    Outcome {
        what: format!("{}, {ours} / {beside}", figure.name()),
        scenario,
        aim: aim.to_string(),
        ratio,
        is_met: ratio.is_some_and(|ratio| aim.is_met(ratio)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figures::Made;
    use super::*;

    #[test]
    fn aims_are_met_missed_or_not_measured() {
        let figures = Figures::of(&[
            ("hello", "pack", &[(9.0, 1.0, 1.0)]),
            ("hello", "bjoern", &[(10.0, 1.0, 1.0)]),
            ("large", "pack", &[(1.0, 1.0, 40.0)]),
            ("large", "granian", &[(2.0, 1.0, 100.0)]),
        ]);
        let found = outcomes(&figures);
        let of = |what: &str| found.iter().find(|outcome| outcome.what == what).unwrap();
        let bjoern = of("CPU per request, pack / bjoern");
        assert!(bjoern.is_met && bjoern.ratio == Some(0.9));
        assert_eq!(of("CPU per request, pack / fastwsgi").ratio, None);
        assert!(!of("memory (PSS), pack / granian").is_met);
        assert!(
            found
                .iter()
                .all(|outcome| ["hello", "large"].contains(&outcome.scenario))
        );
    }

    #[test]
    fn auto_is_compared_with_the_best_fixed_interval() {
        let rows: Vec<(String, f64)> = INTERVALS
            .iter()
            .zip([300.0, 200.0, 100.0])
            .map(|(&interval, rate)| (label(Pack, FIVE.every(interval)), rate))
            .chain([(label(Pack, FIVE.auto()), 294.0)])
            .collect();
        let rounds: Vec<[(f64, f64, f64); 1]> =
            rows.iter().map(|row| [(1.0, row.1, 1.0)]).collect();
        let rows: Vec<Made<'_>> = rows
            .iter()
            .zip(&rounds)
            .map(|((label, _), rounds)| ("fixed", label.as_str(), rounds.as_slice()))
            .collect();
        let found = outcomes(&Figures::of(&rows));
        let auto = found
            .iter()
            .find(|outcome| outcome.what == "requests/s, pack, 1 × 5, auto / pack, 1 × 5, 5 ms")
            .unwrap();
        assert!(auto.is_met && auto.ratio == Some(0.98));
    }
}
