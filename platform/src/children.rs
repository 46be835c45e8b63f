//! Processes forked from this one, which go on with its code.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// The one that was there, with the other's id.
    Parent(u32),
    /// The new one.
    Child,
}

/// Makes a copy of this process. Called while it has one thread: others would not be in the copy, but their locks would.
///
/// # Errors
/// When the system gives no process.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: there is one thread, so the child has a whole and consistent copy of it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent(child.unsigned_abs())),
    }
}

/// Has this process asked to end ([`crate::signals::TERMINATE`]) when its parent ends; it ends now when `parent` has
/// ended already.
pub fn end_with_parent(parent: u32) {
    // SAFETY: a setting of this process, and a question that cannot fail.
    let current = unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
        libc::getppid()
    };
    if current.unsigned_abs() != parent {
        crate::process::exit_now(1);
    }
}

/// A child that has ended, if one has: its id and how it ended.
#[must_use]
pub fn reap() -> Option<(u32, ExitStatus)> {
    let mut status = 0;
    // SAFETY: writes to a local.
    let child = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (child > 0).then(|| (child.unsigned_abs(), ExitStatus::from_raw(status)))
}

/// Sends a signal to a child that was not reaped yet, so that the id is its own. Does nothing for an id that is none.
pub fn send(child: u32, signal: u8) {
    if let Ok(child) = libc::pid_t::try_from(child)
        && child > 0
    {
        // SAFETY: a positive id is one process.
        unsafe { libc::kill(child, signal.into()) };
    }
}

/// Bytes of this process that are in memory; `None` where the system does not tell.
#[must_use]
pub fn resident_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(crate::resident::page_size()?).ok()?)
}

/// Milliseconds of a clock that all processes share, that never goes back, and that stands while the machine sleeps.
#[must_use]
pub fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_child_writes_to_memory_that_outlives_it() {
        let words = crate::shared_memory::words(3).unwrap();
        // The child does nothing but store a word, so that other threads' locks do not matter to it.
        match fork().unwrap() {
            Forked::Child => {
                words[2].store(7, Ordering::SeqCst);
                crate::process::exit_now(5);
            }
            Forked::Parent(child) => {
                let mut status = 0;
                // SAFETY: waits for a child of this test; writes to a local.
                let ended =
                    unsafe { libc::waitpid(i32::try_from(child).unwrap(), &raw mut status, 0) };
                assert_eq!(ended.unsigned_abs(), child);
                assert_eq!(ExitStatus::from_raw(status).code(), Some(5));
                assert_eq!(words[2].load(Ordering::SeqCst), 7);
            }
        }
        assert!(resident_memory().unwrap() > 100_000);
    }
}
