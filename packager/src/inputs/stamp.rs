//! What the system says about a file, enough to tell that it was not written to.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Clocks of file systems tick at most this often: two writes between two ticks have the same time.
const TICK_NS: i64 = 20_000_000;
/// Times without a fraction are taken for those of a file system that counts seconds, FAT's pairs of them.
const COARSE_TICK_S: i64 = 2;

/// Identity, size, mode and times of a file. The time of last change is the kernel's own: a program that sets the time
/// of last write back changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) mode: u64,
    pub(super) modified: Time,
    pub(super) changed: Time,
}

/// Seconds and nanoseconds since 1970.
pub(super) type Time = (i64, i64);

impl Stamp {
    /// The stamp of what `metadata` describes.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            mode: metadata.mode().into(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        for value in [self.device, self.inode, self.size, self.mode] {
            out.extend(value.to_le_bytes());
        }
        for (seconds, nanoseconds) in [self.modified, self.changed] {
            out.extend(seconds.to_le_bytes());
            out.extend(nanoseconds.to_le_bytes());
        }
        out
    }

    /// Whether any write from `moment` on must give another stamp: the clock has ticked between the last one and then.
    /// A file that was written just before may be written again without a trace.
    #[must_use]
    pub fn is_settled(&self, moment: SystemTime) -> bool {
        let Some(moment) = moment
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| Some((i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())))
        else {
            return false;
        };
        [self.modified, self.changed]
            .into_iter()
            .all(|time| next_tick(time) < (moment.0, moment.1.into()))
    }

    /// Whether the clock of the file system had ticked between its last change and the last write of `other`.
    #[must_use]
    pub fn is_older_than(&self, other: &Self) -> bool {
        [self.modified, self.changed].into_iter().all(|time| {
            let coarse = if time.1 == 0 { COARSE_TICK_S } else { 0 };
            (time.0.saturating_add(coarse), time.1) < other.modified
        })
    }
}

/// Names the time since the system was started. A crash may lose what was written behind a stamp that is right, and
/// devices may have other numbers afterwards: a stamp is worth nothing in another boot.
#[must_use]
pub fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
    })
}

fn next_tick((seconds, nanoseconds): Time) -> Time {
    match nanoseconds + TICK_NS {
        TICK_NS => (seconds.saturating_add(COARSE_TICK_S), 0),
        later if later >= 1_000_000_000 => (seconds.saturating_add(1), later - 1_000_000_000),
        later => (seconds, later),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn stamp(modified: Time, changed: Time) -> Stamp {
        Stamp {
            device: 1,
            inode: 2,
            size: 3,
            mode: 0o100_644,
            modified,
            changed,
        }
    }

    #[test]
    fn a_stamp_is_older_when_the_clock_has_ticked_in_between() {
        let other = |modified| stamp(modified, (99, 9));
        assert!(stamp((10, 5), (10, 5)).is_older_than(&other((10, 6))));
        assert!(!stamp((10, 5), (10, 6)).is_older_than(&other((10, 6))));
        assert!(!stamp((10, 0), (10, 0)).is_older_than(&other((11, 5))));
        assert!(stamp((10, 0), (10, 0)).is_older_than(&other((12, 5))));
    }

    #[test]
    fn a_stamp_is_settled_when_the_clock_has_ticked() {
        let settled = |modified, changed, seconds, milliseconds| {
            let moment =
                UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(milliseconds);
            stamp(modified, changed).is_settled(moment)
        };
        assert!(settled((10, 1), (10, 1), 10, 21));
        assert!(!settled((10, 1), (10, 1), 10, 20), "within a tick");
        assert!(!settled((10, 990_000_000), (9, 1), 11, 10), "over a second");
        assert!(settled((10, 990_000_000), (9, 1), 11, 11));
        assert!(!settled((1, 1), (10, 1), 10, 2), "the time set back");
        assert!(!settled((10, 0), (10, 0), 11, 999), "seconds only");
        assert!(settled((10, 0), (10, 0), 12, 1));
        assert!(!settled((99, 1), (1, 1), 10, 0), "of the future");
    }
}
