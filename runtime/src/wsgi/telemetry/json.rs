//! The figures as JSON: `/metrics.json`, and `pack_runtime.metrics()`. Times are seconds.

use serde_json::{Map, Value, json};

use super::State;
use super::histogram::{self, Counts};
use super::memory::{Memory, Phase};
use super::slow::{self, Slow};
use super::snapshot::Snapshot;

/// Shares that are given of each histogram.
pub(crate) const SHARES: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 1.0];
const SHARE_NAMES: [&str; 6] = ["p50", "p90", "p95", "p99", "p999", "max"];

/// All figures since the start: of each interpreter, and of all together. With `buckets` each histogram has its filled
/// buckets too: pairs of upper bound and count, which may be added up with those of other servers.
pub(crate) fn metrics(memory: &Memory, buckets: bool) -> Value {
    let interpreters: Vec<Value> = memory
        .used()
        .map(|(slot, interpreter, block)| {
            let snapshot = Snapshot::of(&block);
            let mut value = figures(&snapshot, buckets);
            value.insert("slot".into(), slot.into());
            value.insert("interpreter".into(), interpreter.into());
            value.insert("process".into(), snapshot.processes[0].into());
            value.insert("state".into(), snapshot.states[0].name().into());
            value.into()
        })
        .collect();
    let blocks: Vec<_> = memory.used().map(|(_, _, block)| block).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "state": state(memory).name(),
        "total": figures(&Snapshot::total(memory), buckets),
        "interpreters": interpreters,
        "slow": slow::list(blocks.iter()).iter().map(slow_request).collect::<Vec<_>>(),
    })
}

/// Of the server as a whole: it serves when one of its processes does.
pub(crate) fn state(memory: &Memory) -> State {
    let states: Vec<State> = memory
        .used()
        .map(|(_, _, block)| State::of(&block))
        .collect();
    let order = [State::Serving, State::Starting, State::Draining];
    let found = order.into_iter().find(|state| states.contains(state));
    found.unwrap_or(State::Absent)
}

/// The slow requests, the slowest first.
pub(crate) fn slow_requests(memory: &Memory) -> Value {
    let blocks: Vec<_> = memory.used().map(|(_, _, block)| block).collect();
    slow::list(blocks.iter()).iter().map(slow_request).collect()
}

fn slow_request(slow: &Slow) -> Value {
    json!({
        "ended": seconds(slow.ended * 1_000_000),
        "method": slow.method,
        "path": slow.path,
        "status": slow.status,
        "request": seconds(slow.request),
        "queue": seconds(slow.queue),
        "application": seconds(slow.application),
        "input": seconds(slow.input),
        "output": seconds(slow.output),
        "gil_wait": seconds(slow.gil_wait),
    })
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

fn figures(snapshot: &Snapshot, buckets: bool) -> Map<String, Value> {
    let statuses: Map<String, Value> = snapshot
        .statuses
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(status, count)| (status.to_string(), (*count).into()))
        .collect();
    let classes: Map<String, Value> = (1..=5)
        .map(|class| (format!("{class}xx"), snapshot.class(class).into()))
        .collect();
    let uptime = seconds(slow::now().saturating_sub(snapshot.began) * 1_000_000);
    let value = json!({
        "uptime": uptime,
        "requests": snapshot.requests(),
        "without_response": snapshot.class(0),
        "classes": classes,
        "statuses": statuses,
        "bytes_in": snapshot.bytes_in,
        "bytes_out": snapshot.bytes_out,
        "connections_open": snapshot.open(),
        "connections_accepted": snapshot.accepted,
        "queue_length": snapshot.queue_length(),
        "threads": snapshot.threads,
        "threads_admitted": snapshot.admitted,
        "threads_busy": snapshot.busy,
        "busy_time": seconds(snapshot.busy_time),
        "capacity_used": snapshot.capacity_used(uptime),
        "switch_interval": seconds(snapshot.interval),
        "switch_interval_auto": snapshot.auto,
        "histograms": Phase::ALL
            .iter()
            .map(|phase| (phase.name().to_owned(), distribution(snapshot.phase(*phase), buckets)))
            .collect::<Map<_, _>>(),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Count, sum, mean and shares of a histogram.
pub(crate) fn distribution(counts: &Counts, buckets: bool) -> Value {
    let mut value = Map::new();
    value.insert("count".into(), counts.total().into());
    value.insert("sum".into(), seconds(counts.sum).into());
    value.insert("mean".into(), counts.mean().into());
    let quantiles = counts.quantiles(&SHARES);
    for (name, quantile) in SHARE_NAMES.into_iter().zip(quantiles) {
        value.insert(name.into(), quantile.into());
    }
    if buckets {
        let pairs = counts
            .filled()
            .map(|(bucket, count)| json!([seconds(histogram::lower(bucket + 1) * 1000), count]));
        value.insert("buckets".into(), pairs.collect());
    }
    value.into()
}
