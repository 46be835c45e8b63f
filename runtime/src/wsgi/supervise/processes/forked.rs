//! Workers as copies of the supervisor, which go on with its code.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::sync::atomic::AtomicU64;

use platform::children::{self, Forked};
use platform::shared_memory;

use super::Room;

/// The workers of this process and the memory that they share.
#[derive(Debug)]
pub(in super::super) struct Processes {
    /// Closed by the end of this process, however it comes.
    leash: (UnixStream, UnixStream),
    memory: &'static [AtomicU64],
    figures: Option<&'static [AtomicU64]>,
}

impl Processes {
    /// None yet, with memory for them.
    ///
    /// # Errors
    /// Too little memory, or too many open files.
    pub(in super::super) fn new(room: &Room) -> io::Result<Self> {
        Ok(Self {
            leash: UnixStream::pair()?,
            memory: shared_memory::words(room.words)?,
            figures: room.figures.map(shared_memory::words).transpose()?,
        })
    }

    /// What they and the supervisor tell each other.
    pub(in super::super) fn memory(&self) -> &'static [AtomicU64] {
        self.memory
    }

    /// Where they count.
    pub(in super::super) fn figures(&self) -> Option<&'static [AtomicU64]> {
        self.figures
    }

    /// Makes a process by `fork`; `None` in the new one, which ends with this one from then on.
    ///
    /// # Errors
    /// When the system gives none.
    pub(in super::super) fn start(
        &mut self,
        fork: &dyn Fn() -> io::Result<Forked>,
    ) -> io::Result<Option<u32>> {
        let supervisor = std::process::id();
        match fork()? {
            Forked::Parent(process) => Ok(Some(process)),
            Forked::Child => {
                children::end_with_parent(supervisor);
                Ok(None)
            }
        }
    }

    /// What ends with the supervisor.
    ///
    /// # Errors
    /// Too many open files.
    pub(in super::super) fn leash(&self) -> io::Result<UnixStream> {
        self.leash.0.try_clone()
    }

    /// One that has ended, if one has: its id and how it ended.
    pub(in super::super) fn reap(&mut self) -> Option<(u32, ExitStatus)> {
        children::reap()
    }

    /// Sends a signal to one.
    pub(in super::super) fn send(&mut self, process: u32, signal: u8) {
        children::send(process, signal);
    }
}
