//! Waiting for many descriptors at once, and for a single one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{
    EventfdFlags, PollFd, PollFlags, Timespec,
    epoll::{self, CreateFlags, EventData, EventFlags},
    eventfd,
};

pub use crate::interest::{Interest, Repeat};

/// A set of descriptors, each with a number; threads may wait on it together.
#[derive(Debug)]
pub struct Poller(OwnedFd);

/// Room for what [`Poller::wait`] finds.
pub struct Events(Vec<epoll::Event>);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

impl Events {
    /// For up to `most` at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Vec::with_capacity(most))
    }

    /// The numbers of the descriptors that were found.
    pub fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|event| {
            let data = event.data;
            data.u64()
        })
    }

    /// How many were found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn flags(interest: Interest, repeat: Repeat) -> EventFlags {
    let interest = match interest {
        Interest::Read => EventFlags::IN | EventFlags::RDHUP,
        Interest::Write => EventFlags::OUT,
    };
    interest
        | match repeat {
            Repeat::Level => EventFlags::empty(),
            Repeat::Edge => EventFlags::ET,
            Repeat::Once => EventFlags::ONESHOT,
        }
}

fn timespec(timeout: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    }
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// Too many open files.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Adds a descriptor, which leaves the set when it is closed.
    ///
    /// # Errors
    /// When the system has no room for more, or the descriptor is of a kind that cannot be waited for.
    pub fn add(
        &self,
        source: impl AsFd,
        key: u64,
        interest: Interest,
        repeat: Repeat,
    ) -> io::Result<()> {
        epoll::add(
            &self.0,
            source,
            EventData::new_u64(key),
            flags(interest, repeat),
        )
        .map_err(Into::into)
    }

    /// Asks anew.
    ///
    /// # Errors
    /// When the descriptor is not in the set.
    pub fn rearm(
        &self,
        source: impl AsFd,
        key: u64,
        interest: Interest,
        repeat: Repeat,
    ) -> io::Result<()> {
        epoll::modify(
            &self.0,
            source,
            EventData::new_u64(key),
            flags(interest, repeat),
        )
        .map_err(Into::into)
    }

    /// Takes a descriptor out.
    ///
    /// # Errors
    /// When it is not in the set.
    pub fn remove(&self, source: impl AsFd) -> io::Result<()> {
        epoll::delete(&self.0, source).map_err(Into::into)
    }

    /// Waits for news, `timeout` at most. An interrupted wait finds nothing.
    ///
    /// # Errors
    /// When the system refuses to wait, which it has no reason for.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.0.clear();
        let timeout = timeout.map(timespec);
        match epoll::wait(
            &self.0,
            rustix::buffer::spare_capacity(&mut events.0),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Something to add to a [`Poller`] that another thread can make ready.
#[derive(Debug)]
pub struct Wake(OwnedFd);

impl Wake {
    /// Not ready yet.
    ///
    /// # Errors
    /// Too many open files.
    pub fn new() -> io::Result<Self> {
        Ok(Self(eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?))
    }

    /// Makes it ready to read, for ever; an edge each time.
    pub fn wake(&self) {
        // Fails only at 2^64 - 1.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until `source` is ready; false after `timeout`. A closed or failed one is ready.
///
/// # Errors
/// When the system refuses to wait, which it has no reason for.
pub fn wait_for(source: impl AsFd, interest: Interest, timeout: Duration) -> io::Result<bool> {
    let deadline = std::time::Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let flags = match interest {
            Interest::Read => PollFlags::IN | PollFlags::RDHUP,
            Interest::Write => PollFlags::OUT,
        };
        let mut polled = [PollFd::new(&source, flags)];
        match rustix::event::poll(&mut polled, Some(&timespec(left))) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn found(poller: &Poller) -> Vec<u64> {
        let mut events = Events::new(4);
        poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
        events.keys().collect()
    }

    #[test]
    fn level_edge_and_once() {
        let poller = Poller::new().unwrap();
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let edge = Wake::new().unwrap();
        poller.add(&near, 7, Interest::Read, Repeat::Once).unwrap();
        poller.add(&edge, 8, Interest::Read, Repeat::Edge).unwrap();
        assert_eq!(found(&poller), []);
        far.write_all(b"x").unwrap();
        assert_eq!(found(&poller), [7]);
        assert_eq!(found(&poller), []);
        poller
            .rearm(&near, 9, Interest::Read, Repeat::Level)
            .unwrap();
        assert_eq!((found(&poller), found(&poller)), (vec![9], vec![9]));
        near.read_exact(&mut [0]).unwrap();
        edge.wake();
        assert_eq!(found(&poller), [8]);
        assert_eq!(found(&poller), []);
        edge.wake();
        assert_eq!(found(&poller), [8]);
        poller.remove(&edge).unwrap();
        edge.wake();
        assert_eq!(found(&poller), []);
    }

    #[test]
    fn a_single_one() {
        let (near, mut far) = UnixStream::pair().unwrap();
        assert!(wait_for(&near, Interest::Write, Duration::ZERO).unwrap());
        assert!(!wait_for(&near, Interest::Read, Duration::from_millis(1)).unwrap());
        far.write_all(b"x").unwrap();
        assert!(wait_for(&near, Interest::Read, Duration::from_secs(9)).unwrap());
    }
}
