//! How a supervisor makes its workers, and what it shares with them.

use payload::Wsgi;

use super::Slot;
use super::fleet::Policy;
use crate::wsgi::observe;

#[cfg(unix)]
mod forked;
#[cfg(windows)]
mod spawned;

#[cfg(unix)]
pub(super) use forked::Processes;
#[cfg(windows)]
pub(super) use spawned::Processes;
#[cfg(windows)]
pub(crate) use spawned::join;

/// How many workers there may be, and how much memory they share with their supervisor. The same in all of them.
pub(super) struct Room {
    pub policy: Policy,
    /// Words in which they tell each other how they are.
    pub words: usize,
    /// Words in which they count, if they do.
    pub figures: Option<usize>,
}

impl Room {
    /// Of a server with `settings`.
    pub(super) fn of(settings: &Wsgi) -> Self {
        let policy = policy(settings);
        let slots = policy.slots;
        let figures = || observe::shape(settings, slots).words();
        Self {
            policy,
            words: slots * Slot::WORDS,
            figures: observe::is_on().then(figures),
        }
    }
}

fn policy(settings: &Wsgi) -> Policy {
    let milliseconds = |seconds: u32| u64::from(seconds) * 1000;
    let processes = usize::try_from(settings.processes.max(1)).unwrap_or(1);
    Policy {
        processes,
        // Those that finish their last requests have their places, too.
        slots: processes * 4 + 8,
        graceful: milliseconds(settings.graceful_timeout),
        startup: milliseconds(settings.startup_timeout.max(1)),
        deadlock: (settings.deadlock_timeout > 0).then(|| milliseconds(settings.deadlock_timeout)),
    }
}
