//! Histograms of times: 1 µs wide buckets up to 16 ms, above them 128 to each doubling (0.8 %), up to 35 minutes.
//!
//! The `hdrhistogram` crate does not fit: its counts lie in a vector of its own, so they cannot be in memory that a
//! supervisor shares; recording needs `&mut` or a channel; and for 1 µs steps up to 10 ms it must keep four digits
//! everywhere, 2.4 MB for 35 minutes, where these buckets take 145 KB.

use std::sync::atomic::{AtomicU64, Ordering};

/// Times below this many microseconds have a bucket each.
const LINEAR: u64 = 1 << LINEAR_BITS;
const LINEAR_BITS: u32 = 14;
/// Buckets of each doubling above.
const PARTS: u64 = 1 << PART_BITS;
const PART_BITS: u32 = 7;
const DOUBLINGS: u64 = 17;

/// Buckets of a histogram.
pub(crate) const BUCKETS: usize = (LINEAR + DOUBLINGS * PARTS) as usize;

/// The bucket for a time; the last one holds everything longer.
#[inline]
pub(crate) fn bucket(nanoseconds: u64) -> usize {
    let time = nanoseconds / 1000;
    let index = if time < LINEAR {
        time
    } else {
        let doubling = time.ilog2() - LINEAR_BITS;
        let part = (time >> (doubling + LINEAR_BITS - PART_BITS)) & (PARTS - 1);
        LINEAR + u64::from(doubling) * PARTS + part
    };
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

/// The least time of a bucket, in microseconds; with `BUCKETS` the end of the last one.
pub(crate) fn lower(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket.checked_sub(LINEAR) {
        None => bucket,
        Some(above) => {
            (PARTS + above % PARTS) << (above / PARTS + u64::from(LINEAR_BITS - PART_BITS))
        }
    }
}

/// Adds one time to the histogram in `buckets`, or `count` equal ones.
#[inline]
pub(crate) fn record(buckets: &[AtomicU64], nanoseconds: u64, count: u64) {
    if let Some(bucket) = buckets.get(bucket(nanoseconds)) {
        bucket.fetch_add(count, Ordering::Relaxed);
    }
}

/// Counts taken from a histogram at one time. Adding up those of several gives the histogram of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    buckets: Vec<u64>,
    /// Nanoseconds, of all times together.
    pub sum: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            sum: 0,
        }
    }
}

impl Counts {
    /// Adds what is in a histogram now.
    pub(crate) fn add_from(&mut self, buckets: &[AtomicU64], sum: u64) {
        for (count, bucket) in self.buckets.iter_mut().zip(buckets) {
            *count += bucket.load(Ordering::Relaxed);
        }
        self.sum += sum;
    }

    /// Adds `count` times shorter than 1 µs that nobody recorded one by one.
    pub(crate) fn add_shortest(&mut self, count: u64) {
        self.buckets[0] += count;
    }

    /// Adds the counts of another histogram.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// What has come since `earlier` was taken.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        Self {
            buckets: pairs.map(|(now, then)| now.saturating_sub(*then)).collect(),
            sum: self.sum.saturating_sub(earlier.sum),
        }
    }

    /// How many times there are.
    pub(crate) fn total(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How many are shorter than `microseconds`, a bound of a bucket.
    pub(crate) fn below(&self, microseconds: u64) -> u64 {
        let end = bucket(microseconds.saturating_mul(1000));
        self.buckets[..end].iter().sum()
    }

    /// Seconds, such that this share of the times is not longer; the middle of a bucket. 0 when there are none.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        self.quantiles(&[share])[0]
    }

    /// [`Counts::quantile`] for several shares in ascending order.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn quantiles<const N: usize>(&self, shares: &[f64; N]) -> [f64; N] {
        let (total, mut seen, mut bucket) = (self.total(), 0, 0);
        shares.map(|share| {
            // At least one time, so that the least bucket with any answers for a share of 0.
            let wanted = (share * total as f64).ceil().max(1.0);
            while bucket < BUCKETS && ((seen + self.buckets[bucket]) as f64) < wanted {
                seen += self.buckets[bucket];
                bucket += 1;
            }
            if bucket == BUCKETS {
                0.0
            } else {
                middle(bucket)
            }
        })
    }

    /// The mean, in seconds; 0 when there are none.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn mean(&self) -> f64 {
        match self.total() {
            0 => 0.0,
            total => self.sum as f64 / 1e9 / total as f64,
        }
    }

    /// The buckets that hold something: index and count.
    pub(crate) fn filled(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.buckets.iter().copied().enumerate();
        counts.filter(|(_, count)| *count > 0)
    }
}

#[allow(clippy::cast_precision_loss)]
fn middle(bucket: usize) -> f64 {
    (lower(bucket) + lower(bucket + 1)) as f64 / 2e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::Words;

    #[test]
    fn bounds_meet_without_gap_or_overlap() {
        for index in 0..BUCKETS {
            let (from, to) = (lower(index), lower(index + 1));
            assert!(from < to, "{index}");
            assert_eq!(bucket(from * 1000), index);
            assert_eq!(bucket(to * 1000 - 1), index);
            let width = to - from;
            assert!(
                width == 1 || (from >= 10_000 && width * 100 <= from),
                "{index}: {from} to {to}"
            );
        }
        assert!(lower(BUCKETS) >= 30 * 60 * 1_000_000);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_as_exact_as_the_buckets() {
        let words = Words::private(BUCKETS);
        // 1 µs to 100 ms, evenly.
        for time in 1..=100_000_u64 {
            record(&words, time * 1000, 1);
        }
        let mut counts = Counts::default();
        counts.add_from(&words, (1..=100_000_u64).sum::<u64>() * 1000);
        assert_eq!(counts.total(), 100_000);
        for (share, exact) in [
            (0.0, 1e-6),
            (0.05, 0.005),
            (0.5, 0.05),
            (0.95, 0.095),
            (1.0, 0.1),
        ] {
            let found = counts.quantile(share);
            assert!(
                (found - exact).abs() <= 0.51e-6_f64.max(exact / 100.0),
                "{share}: {found}"
            );
        }
        assert!((counts.mean() - 0.050_000_5).abs() < 1e-9);
        assert_eq!(counts.below(5_000), 4_999);
        assert_eq!(Counts::default().quantile(0.5).to_bits(), 0);
    }

    #[test]
    fn histograms_are_added_and_subtracted() {
        let mut state = 1_u64;
        let mut fill = |words: &Words| {
            for _ in 0..1000 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                record(words, state >> (20 + state % 40), 1 + state % 3);
            }
        };
        let (one, two) = (Words::private(BUCKETS), Words::private(BUCKETS));
        fill(&one);
        fill(&two);
        let take = |words: &Words, sum| {
            let mut counts = Counts::default();
            counts.add_from(words, sum);
            counts
        };
        let (first, second) = (take(&one, 5), take(&two, 7));
        let mut both = first.clone();
        both.add(&second);
        assert_eq!(both.total(), first.total() + second.total());
        assert_eq!(both.since(&first), second);
        fill(&one);
        let later = take(&one, 9);
        assert_eq!(later.since(&first).sum, 4);
        assert_eq!(later.since(&first).total(), later.total() - first.total());
    }
}
