//! Workers where a process cannot be divided: the program is started again, and told what it is through a pipe.

use std::io::{self, PipeReader, Read as _};
use std::process::ExitStatus;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use payload::Wsgi;
use platform::children::{self, Job};
use platform::shared_memory::Section;
use platform::signals::KILL;
use platform::{Listener, Words};
use serde::{Deserialize, Serialize};

use super::super::worker::Worker;
use super::super::{Slot, slot_of};
use super::Room;
use crate::wsgi::observe;
use crate::wsgi::telemetry::Memory;
use crate::wsgi::transport::tls::Tls;

/// More than any supervisor has to say.
const LONGEST: u32 = 1 << 20;

/// The workers of this process and the memory that they share.
#[derive(Debug)]
pub(in super::super) struct Processes {
    job: Job,
    workers: Vec<children::Worker>,
    memory: Section,
    figures: Option<Section>,
}

/// What a worker is told.
#[derive(Serialize, Deserialize)]
struct Invitation {
    number: usize,
    memory: u64,
    figures: Option<u64>,
    listeners: Vec<Vec<u8>>,
}

impl Processes {
    /// None yet, with memory for them.
    ///
    /// # Errors
    /// Too little memory.
    pub(in super::super) fn new(room: &Room) -> io::Result<Self> {
        Ok(Self {
            job: Job::new()?,
            workers: Vec::new(),
            memory: Section::new(room.words)?,
            figures: room.figures.map(Section::new).transpose()?,
        })
    }

    /// What they and the supervisor tell each other.
    pub(in super::super) fn memory(&self) -> &'static [AtomicU64] {
        self.memory.words()
    }

    /// Where they count.
    pub(in super::super) fn figures(&self) -> Option<&'static [AtomicU64]> {
        self.figures.as_ref().map(Section::words)
    }

    /// Starts the worker that is to have place `number`.
    ///
    /// # Errors
    /// When the system gives no process.
    pub(in super::super) fn start(
        &mut self,
        number: usize,
        listeners: &[Listener],
    ) -> io::Result<u32> {
        let mut worker = children::Worker::start(&self.job)?;
        let invited = self.invite(&mut worker, number, listeners);
        let process = worker.id();
        // One that does not get to know what it is for ends by itself.
        self.workers.push(worker);
        invited.map(|()| process)
    }

    fn invite(
        &self,
        worker: &mut children::Worker,
        number: usize,
        listeners: &[Listener],
    ) -> io::Result<()> {
        let share = |section: &Section| section.share_with(worker.process());
        let listeners = listeners
            .iter()
            .map(|listener| listener.share_with(worker.id()));
        let invitation = Invitation {
            number,
            memory: share(&self.memory)?,
            figures: self.figures.as_ref().map(share).transpose()?,
            listeners: listeners.collect::<io::Result<_>>()?,
        };
        let text = serde_json::to_vec(&invitation)?;
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        worker.tell(&length.to_le_bytes())?;
        worker.tell(&text)
    }

    /// One that has ended, if one has: its id and how it ended.
    pub(in super::super) fn reap(&mut self) -> Option<(u32, ExitStatus)> {
        let ended = |worker: &mut children::Worker| worker.ended();
        let (index, status) = self
            .workers
            .iter_mut()
            .enumerate()
            .find_map(|(index, worker)| Some((index, ended(worker)?)))?;
        Some((self.workers.swap_remove(index).id(), status))
    }

    /// Sends a signal to one.
    pub(in super::super) fn send(&mut self, process: u32, signal: u8) {
        if let Some(worker) = self.workers.iter_mut().find(|it| it.id() == process) {
            if signal == KILL {
                worker.kill();
            } else {
                // Fails where it has ended.
                let _ = worker.tell(&[signal]);
            }
        }
    }
}

/// Whether this process was started as a worker of a server with `settings`; it is one from then on.
///
/// # Errors
/// When it was, and does not get to know what it is for.
pub(crate) fn join(settings: &Wsgi) -> io::Result<bool> {
    let room = Room::of(settings);
    let Some(mut pipe) = children::pipe() else {
        return Ok(false);
    };
    let invitation = read(&mut pipe)?;
    let memory = Section::of(invitation.memory, room.words)?.words();
    let figures = match (invitation.figures, room.figures) {
        (Some(number), Some(words)) => Some(Section::of(number, words)?.words()),
        _ => None,
    };
    let figures = figures.map(|words| {
        let shape = observe::shape(settings, room.policy.slots);
        Memory::new(Words::shared(words), shape)
    });
    let listeners = invitation.listeners.iter().map(|told| Listener::of(told));
    let listeners = listeners.collect::<io::Result<_>>()?;
    let tls = Tls::new(settings).map_err(|error| io::Error::other(error.to_string()))?;
    let slot: Slot = slot_of(memory, invitation.number);
    Worker::begin(
        invitation.number,
        slot,
        listeners,
        (figures, tls),
        Ok(pipe),
        Duration::from_secs(settings.graceful_timeout.into()),
    );
    Ok(true)
}

fn read(pipe: &mut PipeReader) -> io::Result<Invitation> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut text = vec![0; length as usize];
    pipe.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
