//! The figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write;

use super::State;
use super::histogram::Counts;
use super::json::seconds;
use super::memory::{Memory, Phase};
use super::snapshot::Snapshot;

/// `Content-Type` of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds of the buckets, in microseconds, each also a bound of a bucket of ours. `/metrics.json?buckets=1` has all.
const BOUNDS: [u64; 31] = [
    1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000,
    7_500, 10_000, 15_000, 19_968, 49_920, 99_840, 199_680, 499_712, 999_424, 1_998_848, 4_980_736,
    9_961_472, 59_768_832,
];

struct Series {
    labels: String,
    snapshot: Snapshot,
}

/// All figures since the start, of each interpreter of each process: `sum()` adds them up.
pub(crate) fn text(memory: &Memory) -> String {
    let all: Vec<Series> = memory
        .used()
        .map(|(slot, interpreter, block)| Series {
            labels: format!("worker=\"{slot}\",interpreter=\"{interpreter}\""),
            snapshot: Snapshot::of(&block),
        })
        .collect();
    let mut text = String::with_capacity(16 * 1024);
    gauges(&mut text, &all);
    counters(&mut text, &all);
    for phase in Phase::ALL {
        histogram(&mut text, &all, phase);
    }
    text
}

fn gauges(text: &mut String, all: &[Series]) {
    let mut gauge = |name: &str, help: &str, value: fn(&Snapshot) -> f64| {
        metric(text, name, help, "gauge", all, value);
    };
    gauge("pack_up", "Whether the worker takes requests.", |it| {
        if it.states.contains(&State::Serving) {
            1.0
        } else {
            0.0
        }
    });
    gauge(
        "pack_start_time_seconds",
        "When the worker began, Unix time.",
        |it| seconds(it.began * 1_000_000),
    );
    gauge("pack_threads", "Python threads.", |it| float(it.threads));
    gauge(
        "pack_threads_admitted",
        "Python threads that may be at requests at once; fewer than all where a controller says so.",
        |it| float(it.admitted),
    );
    gauge(
        "pack_threads_busy",
        "Python threads that are at a request.",
        |it| float(it.busy),
    );
    gauge(
        "pack_queue_length",
        "Requests that wait for a Python thread.",
        |it| float(it.queue_length()),
    );
    gauge("pack_connections_open", "Connections of clients.", |it| {
        float(it.open())
    });
    gauge(
        "pack_switch_interval_seconds",
        "The switch interval in force; 0 without a GIL.",
        |it| seconds(it.interval),
    );
    gauge(
        "pack_switch_interval_auto",
        "Whether a controller sets the switch interval.",
        |it| f64::from(u8::from(it.auto)),
    );
}

fn counters(text: &mut String, all: &[Series]) {
    let mut counter = |name: &str, help: &str, value: fn(&Snapshot) -> f64| {
        metric(text, name, help, "counter", all, value);
    };
    counter("pack_requests_total", "Requests that have ended.", |it| {
        float(it.requests())
    });
    counter(
        "pack_aborted_requests_total",
        "Of these, without a response.",
        |it| float(it.class(0)),
    );
    counter(
        "pack_connections_accepted_total",
        "Connections accepted.",
        |it| float(it.accepted),
    );
    counter(
        "pack_received_bytes_total",
        "Bytes of request bodies.",
        |it| float(it.bytes_in),
    );
    counter("pack_sent_bytes_total", "Bytes of response bodies.", |it| {
        float(it.bytes_out)
    });
    counter(
        "pack_busy_seconds_total",
        "Time that threads spent with requests; its rate divided by pack_threads_admitted is the capacity used.",
        |it| seconds(it.busy_time),
    );
    header(
        text,
        "pack_responses_total",
        "Responses by status.",
        "counter",
    );
    for Series { labels, snapshot } in all {
        for (status, count) in snapshot.statuses.iter().enumerate().skip(1) {
            if *count > 0 {
                let _ = writeln!(
                    text,
                    "pack_responses_total{{{labels},code=\"{status}\"}} {count}"
                );
            }
        }
    }
}

fn metric(
    text: &mut String,
    name: &str,
    help: &str,
    kind: &str,
    all: &[Series],
    value: fn(&Snapshot) -> f64,
) {
    header(text, name, help, kind);
    for Series { labels, snapshot } in all {
        let _ = writeln!(text, "{name}{{{labels}}} {}", value(snapshot));
    }
}

fn header(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn histogram(text: &mut String, all: &[Series], phase: Phase) {
    let name = format!("pack_{}_seconds", phase.name());
    header(text, &name, phase.help(), "histogram");
    for Series { labels, snapshot } in all {
        buckets(text, &name, labels, snapshot.phase(phase));
    }
}

fn buckets(text: &mut String, name: &str, labels: &str, counts: &Counts) {
    for bound in BOUNDS {
        let (le, count) = (seconds(bound * 1000), counts.below(bound));
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{le}\"}} {count}");
    }
    let total = counts.total();
    let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}");
    let _ = writeln!(text, "{name}_sum{{{labels}}} {}", seconds(counts.sum));
    let _ = writeln!(text, "{name}_count{{{labels}}} {total}");
}

#[allow(clippy::cast_precision_loss)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wsgi::telemetry::histogram::{bucket, lower};

    #[test]
    fn bounds_are_bounds_of_buckets() {
        for bound in BOUNDS {
            assert_eq!(lower(bucket(bound * 1000)), bound);
        }
        assert!(BOUNDS.is_sorted());
    }
}
