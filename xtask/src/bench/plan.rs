//! What `measure.py` is to run, in order.

use super::subjects::{Subject, Way};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// One run of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// The column that its cost goes to.
    pub(super) name: String,
    /// False for a run that only warms up.
    pub(super) counts: bool,
    pub(super) command: Vec<String>,
    /// HOME, and where it runs.
    pub(super) home: PathBuf,
    /// TMPDIR.
    pub(super) temporary: PathBuf,
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// A source that changes before the run.
    pub(super) edit: Option<PathBuf>,
}

impl Run {
    /// As `measure.py` reads it.
    pub(super) fn to_json(&self) -> Value {
        let variables: serde_json::Map<String, Value> = self
            .variables
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.into()))
            .collect();
        json!({
            "name": self.name,
            "counts": self.counts,
            "run": self.command,
            "home": self.home,
            "temporary": self.temporary,
            "variables": variables,
            "edit": self.edit,
        })
    }
}

/// Starts of `subject` below `folder`: each way once to warm up, then each way once a round.
///
/// Every round begins with another way, so that none always follows the one that leaves the most behind. Every first
/// start has a temporary directory of its own, for nothing may be removed between runs (see `measure.py`).
pub(super) fn starts(
    subject: &Subject,
    folder: &Path,
    rounds: u32,
    command: impl Fn(Way) -> Vec<String>,
) -> Vec<Run> {
    let run = |way: Way, round: Option<u32>| {
        let home = folder.join(format!("{way:?}"));
        let temporary = match (way.is_first(), round) {
            (true, Some(round)) => format!("first-{round}"),
            (true, None) => "first-warm".to_owned(),
            (false, _) => "kept".to_owned(),
        };
        Run {
            name: way.label(subject),
            counts: round.is_some(),
            command: command(way),
            temporary: home.join(temporary),
            home,
            variables: subject.variables,
            edit: None,
        }
    };
    let mut runs: Vec<Run> = Way::ALL.into_iter().map(|way| run(way, None)).collect();
    for round in 0..rounds {
        let mut ways = Way::ALL;
        ways.rotate_left(round as usize % Way::ALL.len());
        runs.extend(ways.into_iter().map(|way| run(way, Some(round))));
    }
    runs
}

/// A packer whose builds are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packer {
    Pack,
    PyInstaller,
}

/// What a build finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Before {
    /// Nothing.
    Cold,
    /// What a build of the same sources left.
    Same,
    /// What a build left, and a source that changed since.
    Edited,
}

impl Before {
    pub(super) const ALL: [Self; 3] = [Self::Cold, Self::Same, Self::Edited];

    /// What tables call it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Cold => "the first build",
            Self::Same => "again, nothing changed",
            Self::Edited => "again, one source changed",
        }
    }
}

impl Packer {
    pub(super) const ALL: [Self; 2] = [Self::Pack, Self::PyInstaller];

    /// The column of its builds of that kind.
    pub(super) fn column(self, before: Before) -> String {
        let packer = match self {
            Self::Pack => "pack",
            Self::PyInstaller => "PyInstaller",
        };
        format!("{packer}, {}", before.label())
    }
}

/// Builds of the sources that `edited` belongs to, after one of each packer to warm up: each round with homes of its own
/// below `folder`, both packers in turn.
pub(super) fn builds(
    folder: &Path,
    edited: &Path,
    rounds: u32,
    command: impl Fn(Packer) -> Vec<String>,
) -> Vec<Run> {
    let run = |packer: Packer, before: Before, round: Option<u32>| {
        let round_name = round.map_or_else(|| "warm".to_owned(), |round| round.to_string());
        let home = folder.join(format!("{packer:?}-{round_name}"));
        Run {
            name: packer.column(before),
            counts: round.is_some(),
            command: command(packer),
            temporary: home.join("tmp"),
            home,
            variables: &[],
            edit: (before == Before::Edited).then(|| edited.to_path_buf()),
        }
    };
    let warm = Packer::ALL
        .into_iter()
        .map(|packer| run(packer, Before::Cold, None));
    let counted = (0..rounds).flat_map(|round| {
        Before::ALL.into_iter().flat_map(move |before| {
            Packer::ALL
                .into_iter()
                .map(move |packer| (packer, before, Some(round)))
        })
    });
    warm.chain(counted.map(|(packer, before, round)| run(packer, before, round)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::subjects::SUBJECTS;
    use super::*;
    use std::collections::BTreeSet;

    fn hello(rounds: u32) -> Vec<Run> {
        starts(&SUBJECTS[0], Path::new("/scratch"), rounds, |way| {
            vec![format!("/{way:?}")]
        })
    }

    #[test]
    fn every_way_warms_up_once_and_counts_once_a_round() {
        let runs = hello(15);
        for way in Way::ALL {
            let label = way.label(&SUBJECTS[0]);
            let of_way = || runs.iter().filter(|run| run.name == label);
            assert_eq!(of_way().filter(|run| !run.counts).count(), 1, "{label}");
            assert_eq!(of_way().filter(|run| run.counts).count(), 15, "{label}");
        }
        let (warm, counted) = runs.split_at(Way::ALL.len());
        assert!(warm.iter().all(|run| !run.counts));
        for round in counted.chunks(Way::ALL.len()) {
            let names: BTreeSet<&str> = round.iter().map(|run| run.name.as_str()).collect();
            assert_eq!(names.len(), Way::ALL.len());
        }
        assert_ne!(counted[0].name, counted[Way::ALL.len()].name);
    }

    #[test]
    fn a_first_start_has_a_new_temporary_directory_and_a_later_one_the_one_it_warmed() {
        let runs = hello(4);
        let of = |way: Way| {
            let label = way.label(&SUBJECTS[0]);
            let all = runs.iter().filter(move |run| run.name == label);
            all.map(|run| run.temporary.clone()).collect::<Vec<_>>()
        };
        for way in Way::ALL {
            let distinct: BTreeSet<_> = of(way).into_iter().collect();
            assert_eq!(
                distinct.len(),
                if way.is_first() { 5 } else { 1 },
                "{way:?}"
            );
        }
        assert_ne!(of(Way::PackFirst)[0], of(Way::PackLater)[0]);
    }

    #[test]
    fn a_source_changes_before_the_third_build_of_each_packer_alone() {
        let runs = builds(
            Path::new("/scratch"),
            Path::new("/source/app.py"),
            2,
            |packer| vec![format!("/{packer:?}")],
        );
        assert_eq!(runs.len(), 2 + 2 * 3 * 2);
        for run in &runs {
            assert_eq!(run.edit.is_some(), run.name.contains("one source changed"));
        }
        let homes: BTreeSet<_> = runs.iter().map(|run| &run.home).collect();
        assert_eq!(
            homes.len(),
            2 * 3,
            "two rounds and the warm-up, two packers"
        );
    }

    #[test]
    fn the_script_gets_every_field() {
        let run = &hello(1)[0];
        let value = run.to_json();
        assert_eq!(value["run"], json!(["/PackFirst"]));
        assert_eq!(value["temporary"], "/scratch/PackFirst/first-warm");
        assert_eq!(value["counts"], false);
        assert_eq!(value["edit"], Value::Null);
    }
}
