//! The slowest requests of the last minutes, with their phases.
//!
//! A fixed number of places in the block. One process writes them, under a lock of its own; another may read at the same
//! time: each place has a version that is odd while it is written.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::memory::{Block, Word};

/// Requests that are kept.
const PLACES: usize = 32;
/// For how long, in milliseconds.
const KEPT: u64 = 5 * 60 * 1000;
const METHOD: usize = 2;
const PATH: usize = 24;
const NUMBERS: usize = 10;
const PLACE: usize = NUMBERS + METHOD + PATH;
/// Words that they take.
pub(super) const WORDS: usize = PLACES * PLACE;

/// A slow request. Times in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slow {
    /// When it ended, in milliseconds of Unix time.
    pub ended: u64,
    /// `GET`
    pub method: String,
    /// Without the query, which may hold secrets; its first 192 bytes.
    pub path: String,
    /// 0 when none was sent.
    pub status: u16,
    /// All of it.
    pub request: u64,
    /// In the queue.
    pub queue: u64,
    /// In the application.
    pub application: u64,
    /// Reading the body.
    pub input: u64,
    /// Writing the response.
    pub output: u64,
    /// Waiting for the GIL.
    pub gil_wait: u64,
}

/// The writer of a block's slow requests.
#[derive(Debug, Default)]
pub(crate) struct Ring(Mutex<()>);

impl Ring {
    /// Keeps `slow` when it is among the slowest. Whoever calls it has compared with `Word::SlowFloor`.
    pub(crate) fn keep(&self, block: &Block, slow: &Slow) {
        let _one_at_a_time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = |place: &[AtomicU64]| rank(place, slow.ended);
        let places = || block.slow().chunks_exact(PLACE);
        if let Some(least) = places().min_by_key(|place| rank(place))
            && rank(least) < slow.request
        {
            write(least, slow);
        }
        block.set(Word::SlowFloor, places().map(rank).min().unwrap_or(0));
    }

    /// Lets newer requests in for those that are too old. To be called every few seconds.
    pub(crate) fn expire(&self, block: &Block) {
        let _one_at_a_time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        let ranks = block
            .slow()
            .chunks_exact(PLACE)
            .map(|place| rank(place, now));
        block.set(Word::SlowFloor, ranks.min().unwrap_or(0));
    }
}

/// Milliseconds of Unix time.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

// The time of the request in a place; 0 where another may be put.
fn rank(place: &[AtomicU64], now: u64) -> u64 {
    if now.saturating_sub(load(place, 1)) > KEPT {
        0
    } else {
        load(place, 3)
    }
}

fn load(place: &[AtomicU64], index: usize) -> u64 {
    place
        .get(index)
        .map_or(0, |word| word.load(Ordering::Relaxed))
}

fn write(place: &[AtomicU64], slow: &Slow) {
    let Some((version, words)) = place.split_first() else {
        return;
    };
    let before = version.load(Ordering::Relaxed);
    version.store(before | 1, Ordering::Relaxed);
    fence(Ordering::Release);
    let numbers = [
        slow.ended,
        u64::from(slow.status),
        slow.request,
        slow.queue,
        slow.application,
        slow.input,
        slow.output,
        slow.gil_wait,
        0,
    ];
    let text = packed::<METHOD>(&slow.method)
        .into_iter()
        .chain(packed::<PATH>(&slow.path));
    for (word, value) in words.iter().zip(numbers.into_iter().chain(text)) {
        word.store(value, Ordering::Relaxed);
    }
    version.store((before | 1) + 1, Ordering::Release);
}

fn packed<const N: usize>(text: &str) -> [u64; N] {
    let bytes = text.as_bytes();
    std::array::from_fn(|word| {
        let byte = |index: usize| bytes.get(word * 8 + index).copied().unwrap_or(0);
        u64::from_le_bytes(std::array::from_fn(byte))
    })
}

fn unpacked(words: &[u64]) -> String {
    let bytes: Vec<u8> = words
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .take_while(|&byte| byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn read(place: &[AtomicU64]) -> Option<Slow> {
    let (version, words) = place.split_first()?;
    let before = version.load(Ordering::Acquire);
    let values: Vec<u64> = words
        .iter()
        .map(|word| word.load(Ordering::Relaxed))
        .collect();
    fence(Ordering::Acquire);
    if before == 0 || before % 2 == 1 || version.load(Ordering::Relaxed) != before {
        return None;
    }
    let text = values.get(NUMBERS - 1..)?;
    Some(Slow {
        ended: values[0],
        status: u16::try_from(values[1]).unwrap_or(0),
        request: values[2],
        queue: values[3],
        application: values[4],
        input: values[5],
        output: values[6],
        gil_wait: values[7],
        method: unpacked(&text[..METHOD]),
        path: unpacked(&text[METHOD..]),
    })
}

/// The requests kept in `blocks`, the slowest first.
pub(crate) fn list<'a>(blocks: impl Iterator<Item = &'a Block>) -> Vec<Slow> {
    let now = now();
    let mut all: Vec<Slow> = blocks
        .flat_map(|block| block.slow().chunks_exact(PLACE).filter_map(read))
        .filter(|slow| now.saturating_sub(slow.ended) <= KEPT)
        .collect();
    all.sort_by_key(|slow| std::cmp::Reverse(slow.request));
    all.truncate(PLACES);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wsgi::telemetry::memory::{Memory, Shape};
    use platform::Words;

    fn block() -> Block {
        let shape = Shape {
            slots: 1,
            interpreters: 1,
            threads: 1,
        };
        Memory::new(Words::private(shape.words()), shape).block(0, 0)
    }

    fn slow(request: u64, ended: u64) -> Slow {
        Slow {
            ended,
            method: "GET".into(),
            path: format!("/{request}"),
            status: 200,
            request,
            gil_wait: 3,
            ..Slow::default()
        }
    }

    #[test]
    fn the_slowest_are_kept() {
        let (block, ring, now) = (block(), Ring::default(), now());
        for request in (1..=100).rev().chain(101..=110) {
            ring.keep(&block, &slow(request, now));
        }
        let kept = list([&block].into_iter());
        let times: Vec<u64> = kept.iter().map(|slow| slow.request).collect();
        assert_eq!(times, (79..=110).rev().collect::<Vec<_>>());
        assert_eq!(kept[0], slow(110, now));
        assert_eq!(block.get(Word::SlowFloor), 79);
    }

    #[test]
    fn old_ones_make_room() {
        let (block, ring, now) = (block(), Ring::default(), now());
        for request in 1..=PLACES as u64 {
            ring.keep(&block, &slow(1000 + request, now - KEPT + 500));
        }
        assert_eq!(block.get(Word::SlowFloor), 1001);
        // Too old for a request that ends a second later.
        ring.keep(&block, &slow(7, now + 1000));
        let kept = list([&block].into_iter());
        assert!(kept.iter().any(|slow| slow.request == 7));
        assert_eq!(block.get(Word::SlowFloor), 0);
    }

    #[test]
    fn long_and_odd_texts_are_cut() {
        let (block, ring) = (block(), Ring::default());
        let path = "/\u{e9}".repeat(200);
        let given = Slow {
            path: path.clone(),
            method: "A".repeat(40),
            ..slow(5, now())
        };
        ring.keep(&block, &given);
        let kept = list([&block].into_iter());
        assert_eq!(kept[0].path, path[..192]);
        assert_eq!(kept[0].method.len(), 16);
    }
}
