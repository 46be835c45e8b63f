//! The standard streams of a process that was started without some of them.

use std::ffi::c_int;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};

/// Keeps the numbers of missing standard streams taken, so that no file that is opened meanwhile becomes one.
#[derive(Debug)]
#[must_use]
pub struct Placeholders([bool; 3]);

impl Placeholders {
    /// Takes the numbers among 0, 1 and 2 that are free.
    pub fn take() -> Self {
        let mut streams = [0, 1, 2].map(|fd| libc::pollfd {
            fd,
            events: 0,
            revents: 0,
        });
        // SAFETY: three valid structures, which the call fills in; it does not wait.
        unsafe { libc::poll(streams.as_mut_ptr(), 3, 0) };
        let missing = streams.map(|stream| stream.revents & libc::POLLNVAL != 0);
        for _ in missing.iter().filter(|missing| **missing) {
            // The lowest free number is the first missing stream's. The root folder is there on every machine, and
            // nothing can be read from it or written to it.
            // SAFETY: the path is NUL-terminated.
            unsafe { libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
        }
        Self(missing)
    }

    /// Keeps them taken until the process ends.
    pub fn keep(self) {}

    /// Gives the numbers back: the program is to find what its caller gave it.
    pub fn give_back(self) {
        for (fd, missing) in self.0.into_iter().enumerate() {
            if missing {
                // SAFETY: `take` opened it, and nobody else knows it.
                unsafe { libc::close(fd as c_int) };
            }
        }
    }
}

/// Writes `text` to stderr for a process that is about to end with a status that says why: whoever reads stderr may be
/// gone, and SIGPIPE would put its own status in that one's place.
pub fn last_words(text: &str) {
    // SAFETY: replaces an action; async-signal-safe.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    // Nowhere to go when stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// `file` under a number that is none of a standard stream.
///
/// # Errors
/// Too many open files.
pub(crate) fn beyond(file: OwnedFd) -> rustix::io::Result<OwnedFd> {
    if file.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(file);
    }
    rustix::io::fcntl_dupfd_cloexec(&file, libc::STDERR_FILENO + 1)
}
