//! What a worker process knows of its supervisor.

use std::io::{self, Read};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use platform::Listener;
use platform::process::exit_now;
use platform::signals::{TERMINATE, raise};

use super::{Share, Slot, Word};
use crate::wsgi::log;
use crate::wsgi::telemetry::Memory;
use crate::wsgi::transport::tls::Tls;

/// This process's place under its supervisor.
#[derive(Debug)]
pub(crate) struct Worker {
    number: usize,
    slot: Slot,
    listeners: Mutex<Vec<Listener>>,
    memory: Option<Memory>,
    tls: Mutex<Option<Tls>>,
}

// One for a process, which is a worker from its first moment to its end. Holds no Python object.
static WORKER: OnceLock<Worker> = OnceLock::new();

impl Worker {
    /// This process, if it is one.
    pub(crate) fn current() -> Option<&'static Self> {
        WORKER.get()
    }

    /// This process is a worker from now on. It ends some time after the other end of `leash` is closed, whatever Python
    /// is doing then; what comes out of it are signals.
    pub(super) fn begin(
        number: usize,
        slot: Slot,
        listeners: Vec<Listener>,
        (memory, tls): (Option<Memory>, Option<Tls>),
        leash: io::Result<impl Read + Send + 'static>,
        grace: Duration,
    ) {
        let listeners = Mutex::new(listeners);
        let _ = WORKER.set(Self {
            number: number + 1,
            slot,
            listeners,
            memory,
            tls: Mutex::new(tls),
        });
        let watched = leash.and_then(|leash| {
            std::thread::Builder::new()
                .name("supervisor".into())
                .spawn(move || outlive(leash, grace))
        });
        // Without it the supervisor's end is still a signal.
        drop(watched);
    }

    /// Its number, from 1 on.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Where all workers count, and this one's place there.
    pub(crate) fn memory(&self) -> Option<(Memory, usize)> {
        Some((self.memory.clone()?, self.number - 1))
    }

    /// The supervisor's listeners, once.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        std::mem::take(
            &mut self
                .listeners
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// What the supervisor does handshakes with, if it does, once.
    pub(crate) fn tls(&self) -> Option<Tls> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        tls.take()
    }

    /// Its share of the connections.
    pub(crate) fn share(&self) -> Share {
        Share(self.slot)
    }

    /// It takes requests.
    pub(crate) fn ready(&self) {
        self.slot.set(Word::Ready, 1);
    }

    /// All interpreters have had a turn since `time`.
    pub(super) fn beat(&self, time: u64) {
        self.slot.set(Word::Beat, time);
    }

    /// Asks for a replacement, and says why.
    pub(crate) fn ask_for_replacement(&self, reason: &str) {
        let (number, process) = (self.number, std::process::id());
        log::line(&format!(
            "worker {number} (process {process}) is replaced: {reason}"
        ));
        self.slot.set(Word::Stale, 1);
    }
}

// Reading ends with the supervisor.
fn outlive(mut leash: impl Read, grace: Duration) {
    let mut signal = [0];
    loop {
        match leash.read(&mut signal) {
            Ok(1) => raise(signal[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    raise(TERMINATE);
    std::thread::sleep(grace + Duration::from_secs(2));
    exit_now(1);
}
