//! What the runs cost, and the statistics of it.

use super::plan::Run;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The cost of one run, or a statistic over those of several, in microseconds; or the ratio of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// User and system time, with that of the children that were waited for.
    pub(super) cpu: f64,
    pub(super) wall: f64,
}

/// The costs of each column's runs, in the order of the rounds.
pub(super) struct Costs(BTreeMap<String, Vec<Cost>>);

impl Costs {
    /// Runs `plan`.
    ///
    /// # Errors
    /// When a command does not end with status 0; the message has gone to stderr by then.
    pub(super) fn measure(python: &Path, plan: &[Run]) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-c", include_str!("measure.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the measuring script")?;
        let plan: Value = plan.iter().map(Run::to_json).collect();
        child
            .stdin
            .take()
            .context("its standard input is piped")?
            .write_all(plan.to_string().as_bytes())
            .context("the measuring script did not read its plan")?;
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "a measured command failed, as told above"
        );
        Self::parse(&output.stdout)
    }

    /// Reads what the script printed.
    fn parse(printed: &[u8]) -> Result<Self> {
        let columns: BTreeMap<String, Vec<(f64, f64)>> =
            serde_json::from_slice(printed).context("the measuring script printed no costs")?;
        let costs = |rounds: Vec<(f64, f64)>| {
            let costs = rounds.into_iter().map(|(cpu, wall)| Cost { cpu, wall });
            costs.collect()
        };
        Ok(Self(
            columns
                .into_iter()
                .map(|(name, rounds)| (name, costs(rounds)))
                .collect(),
        ))
    }

    /// How many rounds were counted.
    pub(super) fn rounds(&self) -> usize {
        self.0.values().map(Vec::len).max().unwrap_or(0)
    }

    pub(super) fn median(&self, name: &str) -> Result<Cost> {
        Ok(of_both(self.column(name)?, median))
    }

    pub(super) fn least(&self, name: &str) -> Result<Cost> {
        Ok(of_both(self.column(name)?, |numbers| {
            numbers.into_iter().fold(f64::INFINITY, f64::min)
        }))
    }

    /// The medians of what `name` cost in each round, as a share of what `beside` cost in the same round.
    pub(super) fn ratio(&self, name: &str, beside: &str) -> Result<Cost> {
        let (ours, theirs) = (self.column(name)?, self.column(beside)?);
        ensure!(
            ours.len() == theirs.len(),
            "{name} ran {} times, {beside} {} times",
            ours.len(),
            theirs.len()
        );
        let ratios: Vec<Cost> = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| Cost {
                cpu: ours.cpu / theirs.cpu,
                wall: ours.wall / theirs.wall,
            })
            .collect();
        Ok(of_both(&ratios, median))
    }

    fn column(&self, name: &str) -> Result<&[Cost]> {
        let column = self.0.get(name).filter(|costs| !costs.is_empty());
        column
            .map(Vec::as_slice)
            .with_context(|| format!("nothing was measured as {name}"))
    }
}

fn of_both(costs: &[Cost], statistic: impl Fn(Vec<f64>) -> f64) -> Cost {
    Cost {
        cpu: statistic(costs.iter().map(|cost| cost.cpu).collect()),
        wall: statistic(costs.iter().map(|cost| cost.wall).collect()),
    }
}

/// The middle one, or halfway between the two in the middle; NaN of nothing.
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

#[cfg(test)]
impl Costs {
    /// Costs as if they had been measured.
    pub(super) fn of(columns: &[(&str, &[(f64, f64)])]) -> Self {
        let columns = columns
            .iter()
            .map(|&(name, rounds)| (name.to_owned(), serde_json::json!(rounds)))
            .collect::<serde_json::Map<_, _>>();
        Self::parse(Value::from(columns).to_string().as_bytes()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
    }

    #[test]
    fn the_median_is_the_middle() {
        close(median(vec![3.0, 1.0, 2.0]), 2.0);
        close(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        close(median(vec![7.0]), 7.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios_not_the_ratio_of_the_medians() {
        // The machine was twice as slow in the third round, for both.
        let costs = Costs::of(&[
            ("ours", &[(10.0, 1.0), (30.0, 1.0), (40.0, 1.0)]),
            ("theirs", &[(20.0, 4.0), (20.0, 2.0), (80.0, 1.0)]),
        ]);
        let ratio = costs.ratio("ours", "theirs").unwrap();
        close(ratio.cpu, 0.5);
        close(ratio.wall, 0.5);
        close(costs.median("ours").unwrap().cpu, 30.0);
        close(costs.least("theirs").unwrap().wall, 1.0);
        assert_eq!(costs.rounds(), 3);
    }

    #[test]
    fn what_was_not_measured_is_an_error_that_names_it() {
        let costs = Costs::of(&[("ours", &[(1.0, 1.0)]), ("theirs", &[])]);
        for missing in ["theirs", "others"] {
            let error = costs.ratio("ours", missing).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
        let uneven = Costs::of(&[("ours", &[(1.0, 1.0)]), ("theirs", &[(1.0, 1.0); 2])]);
        assert!(uneven.ratio("ours", "theirs").is_err());
    }
}
