//! The second half of BENCHMARKS.md.

use super::Measured;
use super::aims;
use super::figures::{Figures, Sample};
use super::scenarios::{SCENARIOS, Scenario};
use crate::bench::sections::SERVING;
use crate::bench::table::Table;

const METHOD: &str = "\
All servers of a table are up at once; in each round each is loaded once, by wrk with one thread, and each round begins with
another one. A figure is the median of the rounds; a ratio is taken within each round, and the median of these is given.
Load and servers share the machine, so the figure to trust is the CPU time per request: user and system time of all processes
of a server, Apache's included, as the kernel counts it. *PSS* is their memory, with what they share divided among them, right
after the load; *RSS* counts it once for each.

All run the same interpreter and the same application, with the settings of production: no access log, connections kept alive
(75 s where it can be set), a backlog of 1024, no reloading on changes, no other middleware. Ours is a packed program. gunicorn runs its
`gthread` worker, as its default worker keeps no connection; uwsgi `--http11-socket`, `--master`, `--lazy-apps`,
with which a thread stays with one connection, so that the others wait and its latencies say nothing; granian
`--blocking-threads` as many as threads are said, and its own default for the rest; bjoern and fastwsgi have one thread and fork;
mod_wsgi is `mod_wsgi-express` in daemon mode behind the event MPM.
";

const SWITCHING: &str = "\
Both forms are the load of a well-known post about mod_wsgi's `WSGISwitchInterval`: about 3 ms of pure Python, 1 ms of sleep, 1 KiB, 10
requests at once. *Fixed work* is real work. *Busy until 3 ms have passed* is the form of that post: a thread that waits for the GIL gets
its work done by the clock, so a short interval seems to recover throughput that no real work gets back; what it does buy is a
shorter wait. `gil_wait` is what the server says that a request waited for the GIL where the server acts (mod_wsgi's first
bucket ends at 1.25 ms). *Sleep overrun* needs no server: how much longer than 1 ms the application's own sleep took.
*auto* is loaded beforehand until its controller rests, for 5 minutes at most; one that finds its setting has to try others.
";

/// The text.
pub(super) fn render(measured: &Measured) -> String {
    let mut out = vec![
        format!("{SERVING}\n"),
        "What our WSGI host costs, beside others. This half of the page is written by\n\n```sh\ncargo xtask bench serve\n```\n\n\
         which installs what it needs.\n"
            .to_owned(),
    ];
    if measured.is_trial {
        out.push(
            "**A trial, with fewer rounds or servers than the full run: not for quoting.**\n"
                .to_owned(),
        );
    }
    out.push(format!("## Aims in serving\n\n{}", aims(&measured.figures)));
    out.push(format!("## How serving is measured\n\n{METHOD}"));
    let mut machine = Table::new(&["machine", ""]);
    for row in &measured.machine {
        machine.row(row.iter().cloned());
    }
    out.push(machine.to_string());
    out.push(format!(
        "Rounds: {}, of {} s for each server.\n",
        measured.rounds, measured.seconds
    ));
    for scenario in &SCENARIOS {
        if !measured.figures.labels(scenario.name).is_empty() {
            out.push(section(&measured.figures, scenario));
        }
    }
    if !measured.skipped.is_empty() {
        let mut table = Table::new(&["left out", "why"]);
        for (what, why) in &measured.skipped {
            table.row([what.clone(), why.clone()]);
        }
        out.push(format!("## Not measured\n\n{table}"));
    }
    out.join("\n")
}

fn aims(figures: &Figures) -> Table {
    let mut table = Table::new(&["ratio", "scenario", "aim", "measured", ""]);
    for outcome in aims::outcomes(figures) {
        let (ratio, verdict) = match outcome.ratio {
            Some(ratio) if outcome.is_met => (format!("{ratio:.3}"), "met"),
            Some(ratio) => (format!("{ratio:.3}"), "**missed**"),
            None => (String::new(), "not measured"),
        };
        table.row([
            outcome.what,
            outcome.scenario.to_owned(),
            outcome.aim,
            ratio,
            verdict.to_owned(),
        ]);
    }
    table
}

fn section(figures: &Figures, scenario: &Scenario) -> String {
    let mut header = vec![
        "server",
        "CPU per request",
        "requests/s",
        "p50",
        "p95",
        "p99",
        "PSS",
        "RSS",
    ];
    let about_the_gil = scenario.asks_about_the_gil();
    if about_the_gil {
        header.extend(["gil_wait p50", "p95", "sleep overrun p50", "p95"]);
    }
    header.push("failed");
    let mut table = Table::new(&header);
    for label in figures.labels(scenario.name) {
        let median = |pick: &dyn Fn(&Sample) -> f64| figures.median(scenario.name, label, pick);
        let mut cells = vec![
            label.clone(),
            format!("{:.1} µs", median(&|sample| sample.cpu)),
            format!("{:.0}", median(&|sample| sample.rate)),
        ];
        cells.extend([0, 1, 2].map(|at| milliseconds(median(&|sample| sample.latencies[at]))));
        cells.push(megabytes(median(&|sample| sample.memory.proportional)));
        cells.push(megabytes(median(&|sample| sample.memory.resident)));
        if about_the_gil {
            let of = |quantiles: Option<[f64; 2]>, at: usize| {
                quantiles.map_or(f64::NAN, |both| both[at])
            };
            cells.extend([0, 1].map(|at| milliseconds(median(&|sample| of(sample.gil_wait, at)))));
            cells.extend([0, 1].map(|at| milliseconds(median(&|sample| of(sample.overrun, at)))));
        }
        cells.push(format!("{:.0}", median(&|sample| sample.errors)));
        table.row(cells);
    }
    let about = scenario.about;
    let explained = if scenario.name == "fixed" {
        format!("{SWITCHING}\n")
    } else {
        String::new()
    };
    format!(
        "## Serving {}\n\n{about}\n\n{explained}{table}",
        scenario.name
    )
}

/// Empty when it was not told.
fn milliseconds(microseconds: f64) -> String {
    if microseconds.is_nan() {
        String::new()
    } else if microseconds < 100.0 {
        format!("{:.3} ms", microseconds / 1e3)
    } else {
        format!("{:.2} ms", microseconds / 1e3)
    }
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_a_row_and_what_was_left_out_is_told() {
        let measured = Measured {
            figures: Figures::of(&[
                ("hello", "pack", &[(9.0, 1000.0, 2e6), (11.0, 1100.0, 2e6)]),
                ("hello", "bjoern", &[(10.0, 900.0, 3e6), (10.0, 900.0, 3e6)]),
                ("fixed", "pack, 2 × 1", &[(4000.0, 300.0, 2e6)]),
            ]),
            skipped: vec![(
                "fixed: pack, 1 × 5, auto".to_owned(),
                "no such mode".to_owned(),
            )],
            machine: vec![["processor".to_owned(), "abacus".to_owned()]],
            rounds: 2,
            seconds: 1,
            is_trial: true,
        };
        let text = render(&measured);
        assert!(text.starts_with("# Serving\n"));
        assert!(text.contains("**A trial"));
        let row = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start)).unwrap();
            line.split('|')
                .map(|cell| cell.trim().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(row("| pack  ")[2..4], ["10.0 µs", "1050"]);
        assert_eq!(row("| pack  ")[7], "2.0 MB");
        assert_eq!(
            row("| CPU per request, pack / bjoern ")[3..6],
            ["at most 0.9", "1.000", "**missed**"]
        );
        assert_eq!(
            row("| CPU per request, pack / fastwsgi ")[5],
            "not measured"
        );
        assert_eq!(row("| fixed: pack, 1 × 5, auto ")[2], "no such mode");
        assert_eq!(row("| pack, 2 × 1 ")[9], "");
    }
}
