//! Ctrl-C: the build stops at its next step, and everything half-written goes.
//!
//! The signal sets a flag. Whoever reports progress sees it and unwinds its thread with [`Interrupted`], so that every
//! temporary file on the way is dropped, which removes it; `rayon` carries the unwinding over to the thread that waits.
//! `main` catches it and exits with [`EXIT_CODE`]. (salsa and rust-analyzer cancel queries in this way.)

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of an interrupted `pack`: that of shells for SIGINT.
pub const EXIT_CODE: u8 = 130;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The payload of the unwinding.
#[derive(Debug, Clone, Copy)]
pub struct Interrupted;

/// Watches for SIGINT, SIGTERM and SIGHUP, or Ctrl-C on Windows. The second one ends the process at once.
///
/// # Errors
/// When the system allows no handler.
pub fn watch() -> Result<(), ctrlc::Error> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Threads that wait for one that was unwound may panic in turn: that is no bug either.
        if !requested() {
            hook(info);
        }
    }));
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(EXIT_CODE.into());
        }
    })
}

/// Has somebody asked to stop?
#[must_use]
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Unwinds when somebody has asked to stop.
pub fn check() {
    if requested() {
        // Not `panic!`: this is no bug, and the panic hook has nothing to print.
        panic::resume_unwind(Box::new(Interrupted));
    }
}

/// Runs `work`; `Err` when it was interrupted. A real panic goes on.
///
/// # Errors
/// [`Interrupted`] when `work` was unwound by [`check`].
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Interrupted> {
    // What `work` has touched is not looked at again after an unwinding: the process ends.
    panic::catch_unwind(panic::AssertUnwindSafe(work)).map_err(|payload| {
        if payload.is::<Interrupted>() || requested() {
            Interrupted
        } else {
            panic::resume_unwind(payload)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn unwinding_is_caught() {
        assert_eq!(catch(|| 3).unwrap(), 3);
        let interrupted = catch(|| panic::resume_unwind(Box::new(Interrupted)));
        assert!(interrupted.is_err());
    }
}
