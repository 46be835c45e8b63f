//! What servers are loaded with, and which of them.

use super::contestants::Contestant::{self, FastWsgi, Gunicorn, ModWsgi, Pack, Uwsgi};
use super::modes::{Gil, Mode};

/// A load.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// What it is, as a sentence.
    pub(super) about: &'static str,
    /// `BENCH_APP` of bench_app.py.
    pub(super) application: &'static str,
    /// Bytes that each request posts.
    pub(super) body: usize,
    /// Requests under way at once.
    pub(super) connections: u32,
    modes: Modes,
}

enum Modes {
    /// One mode, all servers that have it.
    One(Mode),
    /// The modes between which the switch interval is chosen.
    Switching,
}

/// A server in a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) contestant: Contestant,
    pub(super) mode: Mode,
    /// Whether the mode is part of the label: where there are several.
    told: bool,
}

impl Row {
    /// As tables call it.
    pub(super) fn label(self) -> String {
        if self.told {
            label(self.contestant, self.mode)
        } else {
            self.contestant.name().to_owned()
        }
    }
}

/// The label of a server where its mode is told.
pub(super) fn label(contestant: Contestant, mode: Mode) -> String {
    format!("{}, {mode}", contestant.name())
}

/// 2 processes of one thread each.
pub(super) const TWO: Mode = Mode::new(2, 1);
/// 1 process of five threads, with the interval still to be said.
pub(super) const FIVE: Mode = Mode::new(1, 5);
/// The intervals compared, in microseconds.
pub(super) const INTERVALS: [u32; 3] = [5000, 2000, 100];
/// 2 interpreters that each have a GIL.
pub(super) const INTERPRETERS: Mode = Mode::new(1, 1).with(Gil::PerInterpreter(2));
/// Five threads without a GIL.
pub(super) const FREE: Mode = FIVE.with(Gil::Free);

const fn one(
    name: &'static str,
    about: &'static str,
    application: &'static str,
    body: usize,
    mode: Mode,
) -> Scenario {
    Scenario {
        name,
        about,
        application,
        body,
        connections: 32,
        modes: Modes::One(mode),
    }
}

pub(super) const SCENARIOS: [Scenario; 9] = [
    one(
        "hello",
        "6 bytes, 1 process with 1 thread.",
        "hello",
        0,
        Mode::new(1, 1),
    ),
    one(
        "hello-threads",
        "6 bytes, 1 process with 4 threads.",
        "hello",
        0,
        Mode::new(1, 4),
    ),
    one(
        "hello-processes",
        "6 bytes, 2 processes with 1 thread each.",
        "hello",
        0,
        Mode::new(2, 1),
    ),
    one(
        "echo",
        "64 KiB are posted and come back, 1 process with 1 thread.",
        "echo",
        64 * 1024,
        Mode::new(1, 1),
    ),
    one(
        "large",
        "1 MiB from one bytes object, 1 process with 1 thread.",
        "large",
        0,
        Mode::new(1, 1),
    ),
    one(
        "flask",
        "Flask with one route, 1 process with 1 thread.",
        "flask",
        0,
        Mode::new(1, 1),
    ),
    one(
        "django",
        "Django with one view and two of its middlewares, 1 process with 1 thread.",
        "django",
        0,
        Mode::new(1, 1),
    ),
    Scenario {
        name: "fixed",
        about: "*Fixed work*: as many iterations of pure Python as take 3 ms when nothing disturbs, 1 ms of sleep, 1 KiB; 10 requests at once.",
        application: "fixed",
        body: 0,
        connections: 10,
        modes: Modes::Switching,
    },
    Scenario {
        name: "busy",
        about: "*Busy until 3 ms have passed* on the clock, 1 ms of sleep, 1 KiB; 10 requests at once.",
        application: "busy",
        body: 0,
        connections: 10,
        modes: Modes::Switching,
    },
];

impl Scenario {
    /// Whether the wait for the GIL is of interest.
    pub(super) fn asks_about_the_gil(&self) -> bool {
        matches!(self.modes, Modes::Switching)
    }

    /// The servers and modes to compare, ours first.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |contestant, mode, told| Row {
            contestant,
            mode,
            told,
        };
        match self.modes {
            Modes::One(mode) => Contestant::ALL
                .into_iter()
                .filter(|contestant| contestant.has(mode))
                .map(|contestant| row(contestant, mode, false))
                .collect(),
            Modes::Switching => {
                let mut rows = Vec::new();
                for contestant in [Pack, Contestant::Granian, ModWsgi] {
                    rows.push(row(contestant, TWO, true));
                    rows.extend(INTERVALS.map(|us| row(contestant, FIVE.every(us), true)));
                }
                rows.extend([FIVE.auto(), INTERPRETERS, FREE].map(|mode| row(Pack, mode, true)));
                rows.extend(
                    [Gunicorn, Uwsgi, Contestant::Bjoern, FastWsgi]
                        .map(|contestant| row(contestant, TWO, true)),
                );
                rows
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_distinct_and_ours_come_first() {
        for scenario in &SCENARIOS {
            let rows = scenario.rows();
            let labels: BTreeSet<String> = rows.iter().map(|row| row.label()).collect();
            assert_eq!(labels.len(), rows.len(), "{}", scenario.name);
            assert_eq!(rows[0].contestant, Pack, "{}", scenario.name);
        }
    }

    #[test]
    fn servers_of_one_thread_are_not_asked_for_more() {
        let threads = SCENARIOS[1].rows();
        assert!(threads.iter().all(|row| row.contestant != FastWsgi));
        assert_eq!(threads.len(), 5);
        assert_eq!(SCENARIOS[0].rows().len(), Contestant::ALL.len());
    }
}
