//! Signals as bytes in a pipe, so that a thread can wait for them together with other news.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Interrupt from the keyboard.
pub const INTERRUPT: u8 = 2;
/// The polite request to end.
pub const TERMINATE: u8 = 15;
/// The terminal is gone; to servers: read the settings again.
pub const HANGUP: u8 = 1;
/// Interrupt from the keyboard, for those in a hurry.
pub const QUIT: u8 = 3;
/// Ends a process, whatever it does.
pub const KILL: u8 = 9;
/// For programs' own use; to servers: open the logs again.
pub const USER1: u8 = 10;
/// A child has ended.
pub const CHILD: u8 = 17;
/// To servers: one worker more.
pub const MORE: u8 = 21;
/// To servers: one worker fewer.
pub const FEWER: u8 = 22;
/// What [`Waker::wake`] sends: no signal has this number.
pub const WOKEN: u8 = 0;

// Where the handler writes to; -1 outside of a `Signals`. A handler can reach nothing but statics.
static PIPE: AtomicI32 = AtomicI32::new(-1);
// Whose pipe it is: a forked child inherits both, and must not speak for its parent.
static OWNER: AtomicI32 = AtomicI32::new(-1);

/// Catches some signals until it is dropped; then the handlers that were there before are back.
///
/// One at a time: a second one would take over the first one's signals.
#[derive(Debug)]
pub struct Signals {
    reader: UnixStream,
    writer: UnixStream,
    previous: Vec<(libc::c_int, libc::sigaction)>,
}

/// Wakes the thread that waits in [`Signals::wait`].
#[derive(Debug)]
pub struct Waker(UnixStream);

impl Signals {
    /// Starts to catch `signals`.
    ///
    /// # Errors
    /// When the pipe cannot be made (too many open files), or `signals` holds one that cannot be caught.
    pub fn watch(signals: &[u8]) -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        OWNER.store(own_id(), Ordering::SeqCst);
        PIPE.store(writer.as_raw_fd(), Ordering::SeqCst);
        let mut watched = Self {
            reader,
            writer,
            previous: Vec::new(),
        };
        for &signal in signals {
            let previous = install(signal.into())?;
            watched.previous.push((signal.into(), previous));
        }
        Ok(watched)
    }

    /// Waits for signals or wake-ups; without any after `timeout`, or when a handler of somebody else interrupted the
    /// wait, the result is empty.
    ///
    /// # Errors
    /// When the system refuses to wait, which it has no reason for.
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<Vec<u8>> {
        let timeout = timeout.map_or(-1, |timeout| {
            i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
        });
        let mut poll = libc::pollfd {
            fd: self.reader.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid `pollfd`, of a descriptor that `self` owns.
        if unsafe { libc::poll(&raw mut poll, 1, timeout) } < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted {
                Ok(Vec::new())
            } else {
                Err(error)
            };
        }
        let mut news = [0; 64];
        match (&self.reader).read(&mut news) {
            Ok(length) => Ok(news[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The end that handlers of somebody else (`signal.set_wakeup_fd`) may write signal numbers to; non-blocking.
    #[must_use]
    pub fn wakeup_fd(&self) -> Option<i64> {
        Some(self.writer.as_raw_fd().into())
    }

    /// A handle for other threads.
    ///
    /// # Errors
    /// Too many open files.
    pub fn waker(&self) -> io::Result<Waker> {
        self.writer.try_clone().map(Waker)
    }
}

impl Waker {
    /// Makes [`Signals::wait`] return [`WOKEN`].
    pub fn wake(&self) {
        // A full pipe wakes just as well.
        let _ = (&self.0).write(&[WOKEN]);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (signal, previous) in &self.previous {
            // SAFETY: puts back what `sigaction` returned for this signal.
            unsafe { libc::sigaction(*signal, previous, std::ptr::null_mut()) };
        }
        PIPE.store(-1, Ordering::SeqCst);
    }
}

fn install(signal: libc::c_int) -> io::Result<libc::sigaction> {
    // SAFETY: all-zero bytes are a valid `sigaction` (no flags, empty mask), completed below; the handler does nothing
    // but what signal-safety(7) allows; `previous` is written when the call succeeds.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART;
        let mut previous = MaybeUninit::zeroed();
        if libc::sigaction(signal, &raw const action, previous.as_mut_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(previous.assume_init())
    }
}

/// Sends this process a signal.
pub fn raise(signal: u8) {
    crate::children::send(std::process::id(), signal);
}

/// Whether nobody in this process has said what is to happen at `signal`.
#[must_use]
pub fn is_unhandled(signal: u8) -> bool {
    let mut present = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: asks for the present handler; all-zero bytes are a valid `sigaction`, and the call writes one when it succeeds.
    unsafe {
        libc::sigaction(signal.into(), std::ptr::null(), present.as_mut_ptr()) == 0
            && present.assume_init().sa_sigaction == libc::SIG_DFL
    }
}

fn own_id() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

extern "C" fn on_signal(signal: libc::c_int) {
    if own_id() != OWNER.load(Ordering::SeqCst) {
        // SAFETY: both are async-signal-safe; the forked child takes the signal as if nobody had caught it.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        return;
    }
    let pipe = PIPE.load(Ordering::SeqCst);
    let number = u8::try_from(signal).unwrap_or(WOKEN);
    // SAFETY: `write` is async-signal-safe and the pipe non-blocking; `errno` belongs to the interrupted code and is
    // put back.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::write(pipe, (&raw const number).cast(), 1);
        *errno = before;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_caught_signal_is_a_byte_and_the_old_handler_returns() {
        const USER: u8 = 10;
        assert!(is_unhandled(USER));
        let signals = Signals::watch(&[USER]).unwrap();
        assert!(!is_unhandled(USER));
        assert!(signals.wait(Some(Duration::ZERO)).unwrap().is_empty());
        // SAFETY: a signal to this process, which has a handler.
        unsafe { libc::raise(USER.into()) };
        assert_eq!(signals.wait(Some(Duration::from_secs(5))).unwrap(), [USER]);
        signals.waker().unwrap().wake();
        assert_eq!(signals.wait(Some(Duration::from_secs(5))).unwrap(), [WOKEN]);
        drop(signals);
        assert!(is_unhandled(USER));
    }
}
