//! The load, by wrk, and what it cost the server.

use super::contestants::{Contestant, Tools};
use super::figures::Sample;
use super::processes;
use super::scenarios::Scenario;
use super::server::Server;
use crate::{http, setup};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// Seconds that a server is given at most to tune itself.
const SETTLE: u32 = 300;
/// Seconds without a change after which it has; it pauses for 30 between trials.
const STILL: u32 = 25;

/// What `load.lua` prints.
struct Loaded {
    requests: f64,
    seconds: f64,
    /// Latencies in microseconds: p50, p95, p99.
    latencies: [f64; 3],
    /// Connections that failed, and answers that were no success.
    errors: f64,
}

/// Loads the server for a moment, so that everything is imported and every thread is there.
///
/// # Errors
/// When wrk cannot be run.
pub(super) fn warm_up(tools: &Tools, scenario: &Scenario, server: &Server) -> Result<()> {
    wrk(tools, scenario, server, 1).map(drop)
}

/// Loads a server that tunes itself until it has changed nothing for a while: trials take half a minute each.
///
/// # Errors
/// When wrk cannot be run.
pub(super) fn settle(tools: &Tools, scenario: &Scenario, server: &Server) -> Result<()> {
    let (mut setting, mut still) = (None, 0);
    for _ in 0..SETTLE {
        wrk(tools, scenario, server, 1)?;
        let present = tuned(server);
        still = if present == setting { still + 1 } else { 0 };
        setting = present;
        if still == STILL {
            break;
        }
    }
    println!("    {} settled at {setting:?}", server.row.label());
    Ok(())
}

/// What a server of ours has set: the switch interval in seconds, and how many threads are at requests at once.
fn tuned(server: &Server) -> Option<(f64, u64)> {
    let answer = http::request(server.admin?, "/metrics.json", None).ok()?;
    let metrics: Value = serde_json::from_str(&answer.body).ok()?;
    let figure = |name: &str| metrics.pointer(&format!("/total/{name}"));
    let interval = figure("switch_interval")?.as_f64()?;
    Some((interval, figure("threads_admitted")?.as_u64()?))
}

/// Loads the server for some seconds.
///
/// # Errors
/// When wrk cannot be run, or the server is gone.
pub(super) fn sample(
    tools: &Tools,
    scenario: &Scenario,
    server: &Server,
    seconds: u32,
) -> Result<Sample> {
    let overrun = overruns(server);
    let waited = gil_waits(server);
    let family = server.processes();
    let before = processes::cpu(&family)?;
    let loaded = wrk(tools, scenario, server, seconds)?;
    // Processes that were started meanwhile count from their beginning.
    let family = server.processes();
    let cpu = processes::cpu(&family)? - before;
    let memory = processes::memory(&family)?;
    ensure!(loaded.requests > 0.0, "not one request was answered");
    let overrun = difference(&overruns(server), &overrun);
    let waited = match server.row.contestant {
        Contestant::ModWsgi => gil_waits(server),
        _ => difference(&gil_waits(server), &waited),
    };
    Ok(Sample {
        cpu: cpu / loaded.requests,
        rate: loaded.requests / loaded.seconds,
        latencies: loaded.latencies,
        errors: loaded.errors,
        memory,
        overrun: quantiles(&overrun),
        gil_wait: quantiles(&waited),
    })
}

fn wrk(tools: &Tools, scenario: &Scenario, server: &Server, seconds: u32) -> Result<Loaded> {
    let printed = setup::read(
        Command::new("wrk")
            .args(["--threads", "1", "--connections"])
            .arg(scenario.connections.to_string())
            .args(["--timeout", "10s", "--duration", &format!("{seconds}s")])
            .arg("--script")
            .arg(tools.apps.join("load.lua"))
            .arg(format!("http://{}/", server.address))
            .env("BENCH_BODY", scenario.body.to_string()),
    )?;
    parse(&printed).with_context(|| format!("wrk printed no result:\n{printed}"))
}

fn parse(printed: &str) -> Option<Loaded> {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("RESULT "))?;
    let result: Value = serde_json::from_str(line).ok()?;
    let number = |name: &str| result.get(name)?.as_f64();
    Some(Loaded {
        requests: number("requests")?,
        seconds: number("microseconds")? / 1e6,
        latencies: [number("p50")?, number("p95")?, number("p99")?],
        errors: number("failed")? + number("refused")?,
    })
}

/// Counts by time in nanoseconds.
type Counts = BTreeMap<u64, u64>;

/// Of a step of bench_app.py, which are eighths of a power of 2 in microseconds; `as` saturates.
fn nanoseconds(step: u32) -> u64 {
    ((f64::from(step) / 8.0).exp2() * 1e3) as u64
}

/// What all threads of a server have counted so far.
fn overruns(server: &Server) -> Counts {
    let files = fs::read_dir(server.folder.join("overrun"));
    let mut sum = Counts::new();
    for file in files.into_iter().flatten().flatten() {
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        let pairs = text.split_whitespace().filter_map(|pair| {
            let (step, count) = pair.split_once(':')?;
            Some((step.parse().ok()?, count.parse::<u64>().ok()?))
        });
        for (step, count) in pairs {
            *sum.entry(nanoseconds(step)).or_default() += count;
        }
    }
    sum
}

fn difference(after: &Counts, before: &Counts) -> Counts {
    let since = |(&step, &count): (&u64, &u64)| {
        let earlier = before.get(&step).copied().unwrap_or(0);
        (step, count.saturating_sub(earlier))
    };
    after.iter().map(since).collect()
}

/// p50 and p95 in microseconds; `None` of nothing.
fn quantiles(counts: &Counts) -> Option<[f64; 2]> {
    let total: u64 = counts.values().sum();
    let at = |share: f64| {
        let mut left = share * total as f64;
        let found = counts.iter().find(|&(_, &count)| {
            left -= count as f64;
            left <= 0.0
        });
        found.map(|(&time, _)| time as f64 / 1e3)
    };
    (total > 0).then(|| Some([at(0.5)?, at(0.95)?])).flatten()
}

/// What the server says about the waits of requests for the GIL, by upper bound in microseconds. Ours counts from its start;
/// mod_wsgi since it was last asked, in the process that answers.
fn gil_waits(server: &Server) -> Counts {
    let waits = match (server.row.contestant, server.admin) {
        (Contestant::ModWsgi, _) => http::request(server.address, "/metrics", None)
            .ok()
            .and_then(|answer| mod_wsgi(&answer.body)),
        (_, Some(admin)) => http::request(admin, "/metrics.json?buckets=1", None)
            .ok()
            .and_then(|answer| ours(&answer.body)),
        _ => None,
    };
    waits.unwrap_or_default()
}

/// Our histogram: pairs of upper bound in seconds and count.
fn ours(body: &str) -> Option<Counts> {
    let metrics: Value = serde_json::from_str(body).ok()?;
    let buckets = metrics.pointer("/total/histograms/gil_wait/buckets")?;
    let pairs = buckets.as_array()?.iter().map(|pair| {
        let bound = (pair.get(0)?.as_f64()? * 1e9).round();
        // Nanoseconds of a wait; `as` saturates.
        Some((bound as u64, pair.get(1)?.as_u64()?))
    });
    pairs.collect()
}

/// mod_wsgi's buckets: four to each doubling from 1 ms on; the first one holds what is less, too.
fn mod_wsgi(body: &str) -> Option<Counts> {
    let buckets: Vec<u64> = serde_json::from_str(body).ok()?;
    let upper = |bucket: u64| (4 + bucket % 4 + 1) * (250_000 << (bucket / 4));
    Some(
        (0..)
            .zip(buckets)
            .map(|(bucket, count)| (upper(bucket), count))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_found_among_what_wrk_prints() {
        let printed = "Running 1s test\n\nRESULT {\"requests\":300,\"microseconds\":1500000,\"p50\":1,\"p95\":2,\"p99\":3,\"failed\":1,\"refused\":2}\n";
        let loaded = parse(printed).unwrap();
        assert_eq!(
            (loaded.requests, loaded.seconds, loaded.errors),
            (300.0, 1.5, 3.0)
        );
        assert_eq!(loaded.latencies, [1.0, 2.0, 3.0]);
        assert!(parse("unable to connect").is_none());
    }

    #[test]
    fn quantiles_come_from_counts() {
        let counts: Counts = [(0, 8), (16, 8), (80, 1)]
            .map(|(step, count)| (nanoseconds(step), count))
            .into();
        assert_eq!(quantiles(&counts), Some([4.0, 1024.0]));
        assert_eq!(quantiles(&Counts::new()), None);
        let earlier: Counts = [(4000, 5)].into();
        let since = difference(&counts, &earlier);
        assert_eq!(since.values().copied().collect::<Vec<_>>(), [8, 3, 1]);
    }

    #[test]
    fn what_servers_tell_of_the_gil_is_read() {
        let told = mod_wsgi("[90, 0, 0, 0, 10]").unwrap();
        assert_eq!(quantiles(&told), Some([1250.0, 2500.0]));
        assert!(mod_wsgi("no metrics").is_none());
        let body = r#"{"total": {"histograms": {"gil_wait": {"buckets": [[0.000002, 90], [0.005, 10]]}}}}"#;
        assert_eq!(quantiles(&ours(body).unwrap()), Some([2.0, 5000.0]));
        assert!(ours("{}").is_none());
    }
}
