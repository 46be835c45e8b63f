//! Waiting for many sockets at once, and for a single one.

use std::collections::VecDeque;
use std::io;
use std::os::windows::io::{AsRawSocket as _, AsSocket, BorrowedSocket};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use polling::os::iocp::{CompletionPacket, PollerIocpExt as _};
use polling::{Event, PollMode};
use windows_sys::Win32::Networking::WinSock::{
    POLLRDNORM, POLLWRNORM, SOCKET, SOCKET_ERROR, WSAPOLLFD, WSAPoll,
};

pub use crate::interest::{Interest, Repeat};

/// A set of sockets and [`Wake`]s, each with a number; threads may wait on it together.
///
/// One of them asks the system and the others wait for their turn: what it finds and has no room for is theirs.
#[derive(Debug)]
pub struct Poller {
    system: Arc<polling::Poller>,
    turn: Mutex<Turn>,
    /// A thread asks the system, or is about to.
    asking: AtomicBool,
    wakes: RwLock<Vec<(u64, Arc<Bell>)>>,
}

#[derive(Debug)]
struct Turn {
    room: polling::Events,
    found: VecDeque<u64>,
}

/// Room for what [`Poller::wait`] finds.
#[derive(Debug)]
pub struct Events {
    keys: Vec<u64>,
    most: usize,
}

impl Events {
    /// For up to `most` at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            keys: Vec::with_capacity(most),
            most,
        }
    }

    /// The numbers of what was found.
    pub fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.keys.iter().copied()
    }

    /// How many were found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn mode(repeat: Repeat) -> PollMode {
    match repeat {
        Repeat::Level => PollMode::Level,
        Repeat::Edge => PollMode::Edge,
        Repeat::Once => PollMode::Oneshot,
    }
}

fn event(key: u64, interest: Interest) -> Event {
    let key = key as usize;
    match interest {
        Interest::Read => Event::readable(key),
        Interest::Write => Event::writable(key),
    }
}

/// What can be added to a [`Poller`].
pub trait Source {
    /// Adds it.
    ///
    /// # Errors
    /// As [`Poller::add`].
    fn add_to(
        &self,
        poller: &Poller,
        key: u64,
        interest: Interest,
        repeat: Repeat,
    ) -> io::Result<()>;
}

impl<T: AsSocket> Source for T {
    fn add_to(
        &self,
        poller: &Poller,
        key: u64,
        interest: Interest,
        repeat: Repeat,
    ) -> io::Result<()> {
        let socket = self.as_socket().as_raw_socket();
        // SAFETY: whoever closes the socket removes it before; one that is closed otherwise is known by nothing but its
        // number, about which the system then tells an error.
        unsafe {
            poller
                .system
                .add_with_mode(socket, event(key, interest), mode(repeat))?;
        }
        poller.tell_who_asks();
        Ok(())
    }
}

impl Source for Wake {
    fn add_to(&self, poller: &Poller, key: u64, _: Interest, repeat: Repeat) -> io::Result<()> {
        let place = Place {
            system: Arc::clone(&poller.system),
            key,
            repeats: repeat == Repeat::Level,
        };
        *lock(&self.0.place) = Some(place);
        poller
            .wakes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((key, Arc::clone(&self.0)));
        if self.0.rung.load(Ordering::SeqCst) {
            self.0.post();
        }
        Ok(())
    }
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// When the system gives no completion port.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            system: Arc::new(polling::Poller::new()?),
            turn: Mutex::new(Turn {
                room: polling::Events::new(),
                found: VecDeque::new(),
            }),
            asking: AtomicBool::new(false),
            wakes: RwLock::default(),
        })
    }

    /// Adds a source by a number other than `u64::MAX`. A socket is to be removed before it is closed.
    ///
    /// # Errors
    /// When the system has no room for more, or the socket is of a kind that cannot be waited for.
    pub fn add(
        &self,
        source: &impl Source,
        key: u64,
        interest: Interest,
        repeat: Repeat,
    ) -> io::Result<()> {
        source.add_to(self, key, interest, repeat)
    }

    /// Asks anew.
    ///
    /// # Errors
    /// When the socket is not in the set.
    pub fn rearm(
        &self,
        source: &impl AsSocket,
        key: u64,
        interest: Interest,
        repeat: Repeat,
    ) -> io::Result<()> {
        self.system
            .modify_with_mode(source.as_socket(), event(key, interest), mode(repeat))?;
        self.tell_who_asks();
        Ok(())
    }

    /// Takes a socket out.
    ///
    /// # Errors
    /// When it is not in the set.
    pub fn remove(&self, source: &impl AsSocket) -> io::Result<()> {
        self.system.delete(source.as_socket())
    }

    /// A thread that began to ask while the set was changed may not have seen the change. It begins anew.
    fn tell_who_asks(&self) {
        fence(Ordering::SeqCst);
        if self.asking.load(Ordering::SeqCst) {
            let _ = self.system.notify();
        }
    }

    /// Waits for news, `timeout` at most. With a timeout it finds nothing while another thread asks the system.
    ///
    /// # Errors
    /// When the system refuses to wait, which it has no reason for.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.keys.clear();
        let mut turn = match timeout {
            None => lock(&self.turn),
            Some(_) => match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return Ok(()),
            },
        };
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        while turn.found.is_empty() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            self.ask(&mut turn, left)?;
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
        }
        let count = turn.found.len().min(events.most);
        events.keys.extend(turn.found.drain(..count));
        drop(turn);
        for &key in &events.keys {
            self.taken(key);
        }
        Ok(())
    }

    fn ask(&self, turn: &mut Turn, timeout: Option<Duration>) -> io::Result<()> {
        turn.room.clear();
        self.asking.store(true, Ordering::SeqCst);
        let asked = self.system.wait(&mut turn.room, timeout);
        self.asking.store(false, Ordering::SeqCst);
        let Turn { room, found } = turn;
        // A failure that comes behind news takes none of them back: a socket that is told of once would never be heard of
        // again.
        found.extend(room.iter().map(|event| event.key as u64));
        if found.is_empty() {
            asked?;
        }
        Ok(())
    }

    /// A thread follows up what `key` stands for. Of wakes they know when, so that one ring leads to one packet.
    fn taken(&self, key: u64) {
        let wakes = self.wakes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bell)) = wakes.iter().find(|(of, _)| *of == key) {
            bell.heard();
        }
    }
}

/// Something to add to a [`Poller`] that another thread can make ready.
#[derive(Debug)]
pub struct Wake(Arc<Bell>);

#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    place: Mutex<Option<Place>>,
}

#[derive(Debug)]
struct Place {
    system: Arc<polling::Poller>,
    key: u64,
    repeats: bool,
}

impl Bell {
    fn post(&self) {
        if let Some(place) = &*lock(&self.place) {
            let event = event(place.key, Interest::Read);
            // Fails only where memory does.
            let _ = place.system.post(CompletionPacket::new(event));
        }
    }

    fn heard(&self) {
        let repeats = lock(&self.place).as_ref().is_some_and(|it| it.repeats);
        if repeats {
            self.post();
        } else {
            self.rung.store(false, Ordering::SeqCst);
        }
    }
}

impl Wake {
    /// Not ready yet.
    ///
    /// # Errors
    /// None on Windows.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::default()))
    }

    /// Makes it ready to read, for ever; an edge each time.
    pub fn wake(&self) {
        if !self.0.rung.swap(true, Ordering::SeqCst) {
            self.0.post();
        }
    }
}

/// Waits until `source` is ready; false after `timeout`. A closed or failed one is ready.
///
/// # Errors
/// When the system refuses to wait, which it has no reason for.
pub fn wait_for(source: &impl AsSocket, interest: Interest, timeout: Duration) -> io::Result<bool> {
    let socket: BorrowedSocket<'_> = source.as_socket();
    let mut polled = WSAPOLLFD {
        fd: socket.as_raw_socket() as SOCKET,
        events: match interest {
            Interest::Read => POLLRDNORM,
            Interest::Write => POLLWRNORM,
        },
        revents: 0,
    };
    // Not less than was asked for, and never the -1 that stands for ever.
    let timeout = timeout.as_nanos().div_ceil(1_000_000);
    let timeout = i32::try_from(timeout).unwrap_or(i32::MAX);
    // SAFETY: one structure, of a socket that is open during the call.
    match unsafe { WSAPoll(&raw mut polled, 1, timeout) } {
        SOCKET_ERROR => Err(io::Error::last_os_error()),
        ready => Ok(ready > 0),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
