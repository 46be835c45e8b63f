//! What the threads that serve share.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use platform::Listener;
use platform::poll::{Events, Interest, Poller, Repeat, Wake};
use platform::socket::{Socket, accept};

use super::access::Log;
use super::connection::{Connection, Next, Scratch};
use super::fair::{Fair, RETRY};
use super::head::Refusal;
use super::http2::{self, Http2};
use super::lead::{self, Lead};
use super::patience::Waiters;
use super::queue::{Queue, Waiting};
use super::stream::Stream;
use super::tls::Tls;
use super::turn::Turn;
use super::{Limits, Phase};
use crate::wsgi::exchange::{Exchange, NO_ADDRESS, Request};
use crate::wsgi::forwarded::Trusted;
use crate::wsgi::statics::Statics;
use crate::wsgi::supervise::Share;
use crate::wsgi::telemetry::Telemetry;

/// Numbers of what is no connection; the last one is the system's on Windows.
const NEWS: u64 = u64::MAX - 1;
const STOP: u64 = u64::MAX - 2;
const LISTENERS: u64 = 1 << 63;
/// Connections that are accepted before something else has its turn. Where processes accept from the same socket it is
/// one ([`super::fair`]).
const ACCEPTS: usize = 64;
/// How long a connection without a request stays open when the server begins to stop: one may be on its way, above all
/// the first of a connection that was just accepted.
const LAST_REQUESTS: Duration = Duration::from_millis(300);
/// Requests of one connection that a thread handles in a row, if it sends them without waiting for answers.
const IN_A_ROW: usize = 16;
/// News that a single thread takes at once, for which it acquires the GIL once.
const BATCH: usize = 32;
/// Descriptors that are left to the application when connections are limited by them.
const SPARE: u64 = 64;

/// Milliseconds since the start, as of the last time that somebody looked: a look for each request would cost too much.
pub(crate) struct Clock {
    start: Instant,
    now: AtomicU64,
}

impl Clock {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            now: AtomicU64::new(0),
        }
    }

    /// Looks.
    pub(crate) fn tick(&self) -> u64 {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now.store(now, Ordering::Relaxed);
        now
    }

    /// As of the last look.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// That much later than now.
    pub(crate) fn after(&self, timeout: Duration) -> u64 {
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.now().saturating_add(timeout)
    }
}

/// The connections by number.
#[derive(Default)]
struct Slots {
    slots: Vec<Option<Arc<Connection>>>,
    free: Vec<usize>,
    made: u64,
}

/// What all threads share.
pub(crate) struct Shared {
    /// What clients may do.
    pub limits: Limits,
    /// Where each request gets a line.
    pub access_log: Option<Log>,
    /// What is measured, if anything.
    pub telemetry: Option<Arc<Telemetry>>,
    /// What is answered without the application.
    pub statics: Statics,
    /// Whose word about clients counts.
    pub trusted: Trusted,
    /// What connections are encrypted with, if they are.
    pub tls: Option<Arc<Tls>>,
    /// What serves HTTP/2, if it is spoken.
    pub http2: Option<Http2>,
    /// For deadlines.
    pub clock: Clock,
    /// Tells of news.
    pub poller: Poller,
    /// News are told once and to one thread, since there are several.
    pub once: bool,
    /// Requests that wait for a thread.
    pub queue: Queue,
    /// Which threads take requests.
    pub lead: Lead,
    /// How many of them wait for slow clients.
    pub waiters: Waiters,
    slots: RwLock<Slots>,
    most: usize,
    open: AtomicUsize,
    listeners: RwLock<Vec<Listener>>,
    paused: AtomicBool,
    phase: AtomicU8,
    /// When connections without a request are closed.
    idle_until: AtomicU64,
    fair: Fair,
    news: Wake,
    stop: Wake,
    stopped: AtomicBool,
    waiting: AtomicUsize,
    polls: AtomicU64,
    asleep: Mutex<bool>,
    alarm: Condvar,
}

impl Shared {
    /// For `threads` Python threads; `share`: of the connections, where other processes accept from the same sockets;
    /// `http2` is spoken, too.
    ///
    /// # Errors
    /// Too many open files.
    pub(crate) fn new(
        limits: Limits,
        threads: usize,
        (share, http2): (Option<Share>, bool),
        access_log: Option<Log>,
        telemetry: Option<Arc<Telemetry>>,
        (statics, trusted, tls): (Statics, Trusted, Option<Arc<Tls>>),
    ) -> io::Result<Self> {
        let shared = Self {
            access_log,
            telemetry,
            statics,
            trusted,
            tls,
            http2: http2.then(Http2::new),
            clock: Clock::new(),
            poller: Poller::new()?,
            once: threads > 1,
            queue: Queue::new(limits.queue),
            lead: Lead::default(),
            waiters: Waiters::new(threads),
            slots: RwLock::default(),
            most: most_connections(limits.connections),
            limits,
            open: AtomicUsize::new(0),
            listeners: RwLock::default(),
            paused: AtomicBool::new(false),
            phase: AtomicU8::new(0),
            idle_until: AtomicU64::new(u64::MAX),
            fair: Fair::new(share),
            news: Wake::new()?,
            stop: Wake::new()?,
            stopped: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            polls: AtomicU64::new(0),
            asleep: Mutex::new(false),
            alarm: Condvar::new(),
        };
        let poller = &shared.poller;
        poller.add(&shared.news, NEWS, Interest::Read, Repeat::Edge)?;
        poller.add(&shared.stop, STOP, Interest::Read, Repeat::Level)?;
        Ok(shared)
    }

    /// Where the server is in its life.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Cutting,
        }
    }

    /// Goes on to `phase`.
    pub(crate) fn enter(&self, phase: Phase) {
        if phase == Phase::Draining {
            self.clock.tick();
            let until = self.clock.after(LAST_REQUESTS);
            self.idle_until.store(until, Ordering::SeqCst);
            if let Some(http2) = &self.http2 {
                http2.drain();
            }
        }
        self.phase.store(phase as u8, Ordering::SeqCst);
        self.wake_keeper();
    }

    /// Whether connections without a request are to be closed.
    pub(crate) fn closes_idle(&self) -> bool {
        self.clock.now() >= self.idle_until.load(Ordering::SeqCst)
    }

    /// How news of a connection are told.
    pub(crate) fn repeat(&self) -> Repeat {
        if self.once {
            Repeat::Once
        } else {
            Repeat::Level
        }
    }

    #[inline]
    fn count(&self, what: impl FnOnce(&Telemetry)) {
        if let Some(telemetry) = &self.telemetry {
            what(telemetry);
        }
    }

    // Listening.

    /// Begins to accept.
    ///
    /// # Errors
    /// When the system has no room.
    pub(crate) fn listen(&self, listeners: Vec<Listener>) -> io::Result<()> {
        // Held until all are there: a client may knock, and a thread look for its listener, before this returns.
        let mut kept = self
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for (key, listener) in (LISTENERS..).zip(&listeners) {
            self.poller
                .add(listener, key, Interest::Read, Repeat::Once)?;
        }
        self.fair.has(self.open());
        *kept = listeners;
        Ok(())
    }

    /// Accepts what waits, and then no more.
    pub(crate) fn stop_listening(self: &Arc<Self>) {
        let mut listeners = self
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let listeners = std::mem::take(&mut *listeners);
        self.fair.ends();
        for listener in &listeners {
            let _ = self.poller.remove(listener);
            while self.accept_one(listener).is_ok() {}
        }
    }

    /// Accepts again, after there was no descriptor for another connection, or it was left to others.
    pub(crate) fn resume_listening(&self) {
        if self.paused.swap(false, Ordering::Relaxed) || self.fair.looks_again() {
            self.watch_listeners();
        }
    }

    fn watch_listeners(&self) {
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for (key, listener) in (LISTENERS..).zip(&*listeners) {
            let _ = self
                .poller
                .rearm(listener, key, Interest::Read, Repeat::Once);
        }
    }

    fn accept(self: &Arc<Self>, key: u64) {
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(key - LISTENERS).unwrap_or(usize::MAX);
        let Some(listener) = listeners.get(index) else {
            return;
        };
        if self.fair.leaves(self.clock.tick()) {
            return;
        }
        let most = if self.fair.is_one_of_several() {
            1
        } else {
            ACCEPTS
        };
        for _ in 0..most {
            match self.accept_one(listener) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // A connection that was gone again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // Too many open files: others may be closed meanwhile.
                Err(_) => {
                    self.paused.store(true, Ordering::Relaxed);
                    self.wake_keeper();
                    return;
                }
            }
        }
        let _ = self
            .poller
            .rearm(listener, key, Interest::Read, Repeat::Once);
    }

    fn accept_one(self: &Arc<Self>, listener: &Listener) -> io::Result<()> {
        let (socket, peer) = accept(listener)?;
        let peer: SocketAddr = peer.unwrap_or(NO_ADDRESS);
        let local = socket.local_addr().unwrap_or(NO_ADDRESS);
        socket.set_nodelay();
        if self.open.load(Ordering::Relaxed) >= self.most {
            if self.tls.is_none() {
                turn_away(&socket);
            }
            self.count(|telemetry| telemetry.without_python(503));
            return Ok(());
        }
        let socket = Stream::new(socket, self.tls.as_deref());
        let connection =
            self.insert(|key| Connection::new(socket, key, [peer, local], Arc::clone(self)));
        let added = self.poller.add(
            connection.socket.socket(),
            connection.key,
            Interest::Read,
            self.repeat(),
        );
        if added.is_err() {
            self.close(&connection);
        }
        Ok(())
    }

    // Connections.

    fn insert(&self, make: impl FnOnce(u64) -> Connection) -> Arc<Connection> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        slots.made += 1;
        let index = slots.free.pop().unwrap_or(slots.slots.len());
        // The number is not taken again before 2^31 other connections.
        let key = (slots.made & 0x7fff_ffff) << 32 | index as u64;
        let connection = Arc::new(make(key));
        if index == slots.slots.len() {
            slots.slots.push(None);
        }
        slots.slots[index] = Some(Arc::clone(&connection));
        drop(slots);
        self.count(Telemetry::accepted);
        let before = self.open.fetch_add(1, Ordering::SeqCst);
        self.share_out(before + 1);
        if before == 0 {
            self.wake_keeper();
        }
        connection
    }

    fn connection(&self, key: u64) -> Option<Arc<Connection>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let connection = slots.slots.get(index(key))?.as_ref()?;
        (connection.key == key).then(|| Arc::clone(connection))
    }

    /// All of them for which `wanted` holds.
    pub(crate) fn connections(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let all = slots.slots.iter().flatten();
        all.filter(|connection| wanted(connection))
            .cloned()
            .collect()
    }

    /// How many there are.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Forgets a connection that is over, and closes it even if an application keeps something of it.
    pub(crate) fn close(&self, connection: &Connection) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let index = index(connection.key);
        let taken = slots
            .slots
            .get_mut(index)
            .and_then(|slot| slot.take_if(|it| it.key == connection.key));
        if taken.is_none() {
            return;
        }
        slots.free.push(index);
        drop(slots);
        self.count(Telemetry::closed);
        let _ = self.poller.remove(connection.socket.socket());
        connection.close();
        let before = self.open.fetch_sub(1, Ordering::SeqCst);
        self.share_out(before - 1);
        if before == 1 && self.phase() != Phase::Serving {
            self.wake_keeper();
        }
    }

    // Tells other processes how many connections this one has.
    fn share_out(&self, open: usize) {
        if self.phase() == Phase::Serving {
            self.fair.has(open);
        }
    }

    // The keeper's sleep.

    fn wake_keeper(&self) {
        *self.asleep.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.alarm.notify_all();
    }

    /// Sleeps for `tick`; without connections, until there is one, or another phase.
    pub(crate) fn sleep(&self, tick: Duration) {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep = true;
        let idle = self.open() == 0
            && self.phase() == Phase::Serving
            && !self.paused.load(Ordering::Relaxed)
            // The last connection's line may have come after the last look.
            && self.access_log.as_ref().is_none_or(Log::is_empty);
        while *asleep {
            if idle {
                asleep = self
                    .alarm
                    .wait(asleep)
                    .unwrap_or_else(PoisonError::into_inner);
            } else {
                let waited = self.alarm.wait_timeout(asleep, tick);
                *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
                return;
            }
        }
    }

    // Threads.

    /// Whether the threads have looked for news since they had done so `polls` times, or do now.
    pub(crate) fn is_looked_after(&self, polls: &mut u64) -> bool {
        let now = self.polls.load(Ordering::Relaxed);
        let looked = now != *polls || self.waiting.load(Ordering::Relaxed) > 0;
        *polls = now;
        looked
    }

    /// Whether threads are to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Makes the threads end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.lead.close();
        self.queue.clear();
        self.stop.wake();
        if let Some(http2) = &self.http2 {
            http2.stop();
        }
    }

    /// Room for as many news as a thread shall take at once.
    pub(crate) fn events(&self) -> Events {
        Events::new(if self.once { 1 } else { BATCH })
    }

    /// Room for as many as one takes that leads.
    pub(crate) fn events_of_leader() -> Events {
        Events::new(BATCH)
    }

    /// Waits for news.
    pub(crate) fn wait(&self, events: &mut Events) {
        self.wait_for(events, None);
    }

    /// Waits for news as the leader. False when there is nothing to do for one.
    pub(crate) fn wait_as_leader(&self, events: &mut Events) -> bool {
        self.wait_for(events, Some(lead::IDLE))
    }

    // False when there are none, and `timeout` is over.
    fn wait_for(&self, events: &mut Events, timeout: Option<Duration>) -> bool {
        let again = self.fair.looks_again();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let timeout = if again { Some(RETRY) } else { timeout };
        let _ = self.poller.wait(events, timeout);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if again {
            self.watch_listeners();
        }
        self.polls.fetch_add(1, Ordering::Relaxed);
        self.clock.tick();
        again || !events.is_empty()
    }

    /// Follows up news, with `run` for requests.
    pub(crate) fn follow(
        self: &Arc<Self>,
        key: u64,
        scratch: &mut Scratch,
        run: &mut impl FnMut(&Request<'_>, Arc<dyn Exchange>),
    ) {
        match key {
            NEWS | STOP => {}
            LISTENERS.. => self.accept(key),
            _ => {
                if let Some(connection) = self.connection(key) {
                    let next = connection.advance(scratch);
                    self.go_on(&connection, next, scratch, run);
                }
            }
        }
    }

    /// Does what is next with a connection, with `run` for requests, until there is nothing to do but wait.
    pub(crate) fn go_on(
        &self,
        connection: &Arc<Connection>,
        mut next: Next,
        scratch: &mut Scratch,
        run: &mut impl FnMut(&Request<'_>, Arc<dyn Exchange>),
    ) {
        let mut row = 0;
        while next == Next::Ready {
            if row == IN_A_ROW {
                connection.keep_ready(scratch);
                self.enqueue(connection, scratch);
                return;
            }
            row += 1;
            let Some((turn, request)) = connection.begin(scratch) else {
                return;
            };
            let head_only = request.method == b"HEAD";
            if let Some(answer) = self.statics.answer(&request) {
                self.count(|telemetry| telemetry.without_python(answer.head.status));
                connection.serve(answer, head_only);
            } else {
                let exchange = Arc::new(Turn::new(Arc::clone(connection), turn, head_only));
                run(&request, exchange);
            }
            next = connection.end(scratch);
            scratch.held.pass();
        }
        if next == Next::Hold {
            scratch.held.keep(connection);
            return;
        }
        self.settle(connection, next);
    }

    /// Sends the responses of a batch that are kept, if they are due, or it was the `last` of the batch.
    pub(crate) fn release(
        &self,
        last: bool,
        scratch: &mut Scratch,
        run: &mut impl FnMut(&Request<'_>, Arc<dyn Exchange>),
    ) {
        if !scratch.held.is_due() && !last {
            return;
        }
        let held = scratch.held.take(last);
        self.send_all(&held, scratch, run);
        scratch.held.give_back(held);
    }

    fn send_all(
        &self,
        held: &[Arc<Connection>],
        scratch: &mut Scratch,
        run: &mut impl FnMut(&Request<'_>, Arc<dyn Exchange>),
    ) {
        for connection in held {
            let next = connection.advance(scratch);
            self.go_on(connection, next, scratch, run);
        }
    }

    /// Sends the responses that a leader keeps who is stuck in a request.
    pub(crate) fn release_for_leader(
        &self,
        scratch: &mut Scratch,
        run: &mut impl FnMut(&Request<'_>, Arc<dyn Exchange>),
    ) {
        if let Some(kept) = self.lead.held() {
            let held = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
            self.send_all(&held, scratch, run);
        }
    }

    #[inline]
    fn settle(&self, connection: &Arc<Connection>, next: Next) {
        match next {
            Next::Close => self.close(connection),
            Next::Hold => {}
            Next::HandOver => self.hand_over(connection),
            Next::Wait | Next::Ready => connection.arm(),
        }
    }

    #[cold]
    fn hand_over(&self, connection: &Arc<Connection>) {
        let _ = self.poller.remove(connection.socket.socket());
        match &self.http2 {
            Some(http2) => http2.serve(Arc::clone(connection), connection.take_seen()),
            None => self.close(connection),
        }
    }

    /// What [`Shared::follow`] does, on a thread that runs no requests: they wait for one that does.
    pub(crate) fn follow_without_running(self: &Arc<Self>, key: u64, scratch: &mut Scratch) {
        match key {
            NEWS | STOP => {}
            LISTENERS.. => self.accept(key),
            _ => {
                if let Some(connection) = self.connection(key) {
                    let next = connection.advance(scratch);
                    self.keep(&connection, next, scratch);
                }
            }
        }
    }

    /// What [`Shared::go_on`] does, on a thread that runs no requests.
    pub(crate) fn keep(&self, connection: &Arc<Connection>, next: Next, scratch: &mut Scratch) {
        if next == Next::Ready {
            connection.keep_ready(scratch);
            self.enqueue(connection, scratch);
        } else {
            self.settle(connection, next);
        }
    }

    fn enqueue(&self, connection: &Arc<Connection>, scratch: &mut Scratch) {
        if self.queue.push(Waiting::Connection(Arc::clone(connection))) {
            self.count(Telemetry::queued);
            self.news.wake();
        } else {
            let next = connection.overloaded(scratch);
            self.settle(connection, next);
        }
    }

    /// Adds a request of HTTP/2 to those that wait for a thread; false when too many do.
    pub(crate) fn enqueue_stream(&self, request: http2::Waiting) -> bool {
        let is_room = self.queue.push(Waiting::Stream(request));
        if is_room {
            self.count(Telemetry::queued);
            self.news.wake();
        }
        is_room
    }

    /// Handles a request that has waited, with `run` unless it is not for the application.
    pub(crate) fn take_up(
        &self,
        waiting: Waiting,
        scratch: &mut Scratch,
        run: &mut impl FnMut(&Request<'_>, Arc<dyn Exchange>),
    ) {
        match waiting {
            Waiting::Connection(connection) => self.go_on(&connection, Next::Ready, scratch, run),
            Waiting::Stream(request) => request.handle(self, run),
        }
    }

    /// Tells a thread of requests that wait, if some do.
    pub(crate) fn remind(&self) {
        if !self.queue.is_empty() {
            self.news.wake();
        }
    }

    /// The next request that waits for a thread. If there are more, another thread is told.
    pub(crate) fn dequeue(&self) -> Option<Waiting> {
        let waiting = self.queue.pop()?;
        self.count(Telemetry::unqueued);
        self.remind();
        Some(waiting)
    }
}

fn index(key: u64) -> usize {
    (key & 0xffff_ffff) as usize
}

fn most_connections(limit: usize) -> usize {
    if limit > 0 {
        return limit;
    }
    let files = platform::process::open_files_limit().saturating_sub(SPARE);
    usize::try_from(files.max(1)).unwrap_or(usize::MAX)
}

fn turn_away(socket: &Socket) {
    let full = Refusal {
        status: 503,
        reason: "the server has no connections",
    };
    let _ = socket.send(&[IoSlice::new(full.answer().as_bytes())]);
    socket.end_sending();
}
