//! One client's connection: where it is between two requests, and what is to be done with it next.
//!
//! Whoever is told of news about a connection calls [`Connection::advance`], which never blocks. When a request is there
//! ([`Next::Ready`]), a Python thread calls [`Connection::begin`], handles it, and then [`Connection::end`].

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::poll::Interest;

use super::access::Record;
use super::chunked::Chunked;
use super::head::{self, Framing, Parsed, Refusal, Span};
use super::held::Held;
use super::http2::PREFACE;
use super::input::{Incoming, Input, Read};
use super::output::Output;
use super::patience::Waiter;
use super::server::Shared;
use super::stream::Stream;
use super::{Limits, Phase};
use crate::wsgi::exchange::{GATEWAY_TIMEOUT, ReceiveError, Request};
use crate::wsgi::statics::Answer;

/// Bytes that are read away before a connection is closed, and for how long (RFC 9112, section 9.6).
const LINGER: (usize, Duration) = (4 * 1024 * 1024, Duration::from_secs(2));

/// To a client that does not speak TLS where it should.
const CLEARTEXT: Refusal = Refusal {
    status: 400,
    reason: "this port speaks HTTPS; begin the address with https://",
};

/// A client that sends a body piece by piece may wait for an answer to what it has sent: after so long without more of it,
/// a thread takes the request, if [`Waiters`](super::patience::Waiters) has one.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);

/// A deadline that never comes.
const NEVER: u64 = u64::MAX;

/// A connection.
pub(crate) struct Connection {
    /// Its socket.
    pub socket: Stream,
    /// Its number in the poller.
    pub key: u64,
    /// The client.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// What all connections share.
    pub shared: Arc<Shared>,
    deadline: AtomicU64,
    state: Mutex<State>,
}

/// What changes about a connection.
pub(crate) struct State {
    stage: Stage,
    /// What the client sends.
    pub input: Input,
    /// What it is sent.
    pub output: Output,
    /// The head of a request that waits for its body, or for a thread.
    head: Vec<u8>,
    record: Option<Box<Record>>,
    queued: u64,
    /// When the client was last waited for, by the server's clock.
    waiting_since: u64,
    /// Its thread waits for a client that has paused.
    waiter: Option<Waiter>,
    /// Another request may follow on this connection.
    pub keep: bool,
    /// Requests so far: tells the present one from one that is over.
    pub turn: u64,
    http11: bool,
    armed: Interest,
}

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Between requests, or in a head whose first bytes, this many, have no end.
    Head { scanned: usize },
    /// The body, or its beginning, is not here yet.
    Gathering,
    /// A request waits for a thread.
    Ready,
    /// A thread has it.
    Running,
    /// The response is complete, but the client has not taken all of it.
    Flushing,
    /// The rest of a request body that nobody has read is skipped.
    Discarding,
    /// It speaks HTTP/2, and others look after it.
    HandedOver,
    /// All is said; this much of what still comes is read away.
    Lingering { left: usize },
    /// Over.
    Closed,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, until there is news.
    Wait,
    /// A request is there.
    Ready,
    /// Its response is complete, and may leave with others ([`super::held`]).
    Hold,
    /// The connection is over.
    Close,
    /// It is for [`super::http2`].
    HandOver,
}

enum Step {
    Go,
    Stop(Next),
}

/// What a thread reads into and takes heads apart in.
pub(crate) struct Scratch {
    /// Where bytes go first.
    pub buffer: Vec<u8>,
    length: usize,
    fields: Vec<(Span, Span)>,
    parsed: Option<Parsed>,
    // Its thread runs no requests: their heads are kept with their connections.
    keeps: bool,
    /// Responses that leave together.
    pub held: Held,
}

impl Scratch {
    /// For heads as large as allowed, with something behind them.
    pub(crate) fn new(limits: &Limits, keeps: bool) -> Self {
        Self {
            buffer: vec![0; limits.head.size + 64 * 1024],
            length: 0,
            fields: Vec::new(),
            parsed: None,
            keeps,
            held: Held::default(),
        }
    }
}

impl Connection {
    /// Of a client that was just accepted.
    pub(crate) fn new(
        socket: Stream,
        key: u64,
        [peer, local]: [SocketAddr; 2],
        shared: Arc<Shared>,
    ) -> Self {
        let deadline = shared.clock.after(shared.limits.head_timeout);
        Self {
            socket,
            key,
            peer,
            local,
            shared,
            deadline: AtomicU64::new(deadline),
            state: Mutex::new(State {
                stage: Stage::Head { scanned: 0 },
                input: Input::new(),
                output: Output::new(),
                head: Vec::new(),
                record: None,
                queued: 0,
                waiting_since: 0,
                waiter: None,
                keep: true,
                turn: 0,
                http11: true,
                armed: Interest::Read,
            }),
        }
    }

    /// The state. Held for a moment: nobody waits for anything with it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expire_after(&self, timeout: Duration) {
        self.expire_at(self.shared.clock.after(timeout));
    }

    fn expire_at(&self, deadline: u64) {
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Goes as far as it can without waiting. What comes back is for the caller to do; it is not told of more news
    /// before it says so ([`Connection::arm`]).
    pub(crate) fn advance(&self, scratch: &mut Scratch) -> Next {
        let mut state = self.state();
        loop {
            let step = match state.stage {
                Stage::Head { scanned } => self.head(&mut state, scratch, scanned),
                Stage::Gathering => self.gather(&mut state, scratch),
                Stage::Ready => Step::Stop(Next::Ready),
                Stage::Running => {
                    // The rest of a piece of the response; the application goes on meanwhile.
                    let _ = state.output.flush(&self.socket);
                    Step::Stop(Next::Wait)
                }
                Stage::Flushing => self.flush(&mut state),
                Stage::Discarding => self.discard(&mut state, scratch),
                Stage::Lingering { left } => self.linger(&mut state, scratch, left),
                Stage::HandedOver | Stage::Closed => Step::Stop(Next::Wait),
            };
            match step {
                Step::Go => {}
                Step::Stop(Next::Close) => {
                    state.stage = Stage::Closed;
                    return Next::Close;
                }
                Step::Stop(next) => return next,
            }
        }
    }

    fn head(&self, state: &mut State, scratch: &mut Scratch, mut scanned: usize) -> Step {
        let limits = &self.shared.limits;
        let held = state.input.held().len();
        let unseen = state.input.unseen;
        scratch.buffer[..held].copy_from_slice(state.input.held());
        let mut length = held;
        if !unseen {
            match state
                .input
                .receive(&self.socket, &mut scratch.buffer[held..])
            {
                Read::Some(read) => length += read,
                Read::Nothing if held == 0 && self.shared.closes_idle() => {
                    return Step::Stop(Next::Close);
                }
                Read::Nothing => return Step::Stop(Next::Wait),
                Read::End if self.socket.is_cleartext() && !state.input.ended => {
                    return self.refuse(state, CLEARTEXT);
                }
                // Between requests, or in the middle of a head: nothing to answer.
                Read::End => return Step::Stop(Next::Close),
            }
        }
        // RFC 9112, section 2.2: an empty line before a request is ignored, also one that came in two pieces.
        let mut start = 0;
        while scratch.buffer[start..length].starts_with(b"\r\n") {
            (start, scanned) = (start + 2, 0);
        }
        let view = &scratch.buffer[start..length];
        let end = match head::end(view, &mut scanned) {
            Ok(Some(end)) if end <= limits.head.size => end,
            Ok(None) if view.len() <= limits.head.size => {
                if held == 0 && !view.is_empty() || unseen {
                    self.expire_after(limits.head_timeout);
                }
                state.input.hold(view);
                state.stage = Stage::Head { scanned };
                return if unseen {
                    Step::Go
                } else {
                    Step::Stop(Next::Wait)
                };
            }
            Ok(_) => {
                return self.refuse(
                    state,
                    Refusal {
                        status: 431,
                        reason: "the request head is too large",
                    },
                );
            }
            Err(refusal) => return self.refuse(state, refusal),
        };
        match head::parse(&view[..end], &limits.head, &mut scratch.fields) {
            Ok(parsed) if self.socket.may_speak_http1() => {
                self.accepted(state, scratch, &parsed, (start, end, length))
            }
            Err(_)
                if self.shared.http2.is_some()
                    && view.starts_with(PREFACE)
                    && self.socket.may_speak_http2() =>
            {
                state.input.hold(view);
                state.stage = Stage::HandedOver;
                self.expire_at(NEVER);
                Step::Stop(Next::HandOver)
            }
            Err(refusal) if self.socket.may_speak_http1() => self.refuse(state, refusal),
            // It would not understand the answer.
            _ => Step::Stop(Next::Close),
        }
    }

    /// What was received of a connection that is handed over.
    pub(crate) fn take_seen(&self) -> Vec<u8> {
        let mut state = self.state();
        let seen = state.input.held().to_vec();
        state.input.hold(&[]);
        seen
    }

    // A well-formed head is in the buffer.
    fn accepted(
        &self,
        state: &mut State,
        scratch: &mut Scratch,
        parsed: &Parsed,
        (start, end, length): (usize, usize, usize),
    ) -> Step {
        let rest = start + end;
        state.input.begin(
            parsed,
            &scratch.buffer[rest..length],
            self.shared.limits.gather,
            self.shared.limits.head.body,
        );
        if start > 0 {
            scratch.buffer.copy_within(start..rest, 0);
        }
        state.keep = parsed.keep_alive;
        state.http11 = parsed.http11;
        scratch.length = end;
        let ready = state.input.is_gathered();
        scratch.parsed = (ready && !scratch.keeps).then_some(*parsed);
        if scratch.parsed.is_none() {
            state.head = scratch.buffer[..end].to_vec();
        }
        if ready {
            state.stage = Stage::Ready;
            return Step::Stop(Next::Ready);
        }
        state.stage = Stage::Gathering;
        self.waited(state);
        self.wait_for_body(state);
        Step::Go
    }

    // How long since this was last asked.
    fn waited(&self, state: &mut State) -> Duration {
        let now = self.shared.clock.now();
        let before = std::mem::replace(&mut state.waiting_since, now);
        Duration::from_millis(now.saturating_sub(before))
    }

    fn wait_for_body(&self, state: &State) {
        let patience = state.input.patience;
        let left = patience.left(self.shared.limits.receive_timeout);
        self.expire_after(if state.input.may_pause() {
            left.min(PAUSE)
        } else {
            left
        });
    }

    fn gather(&self, state: &mut State, scratch: &mut Scratch) -> Step {
        let limit = self.shared.limits.head.body;
        let read = state.input.gather(&self.socket, &mut scratch.buffer, limit);
        match read {
            Read::Nothing => Step::Stop(Next::Wait),
            Read::Some(read) if !state.input.is_gathered() => {
                let waited = self.waited(state);
                state.input.patience.waited(waited);
                state.input.patience.moved(read as u64);
                self.wait_for_body(state);
                Step::Go
            }
            _ => {
                state.stage = Stage::Ready;
                Step::Stop(Next::Ready)
            }
        }
    }

    /// Keeps a request that is ready until a thread has time for it.
    pub(crate) fn keep_ready(&self, scratch: &mut Scratch) {
        let mut state = self.state();
        if scratch.parsed.take().is_some() && state.stage == Stage::Ready {
            state.head = scratch.buffer[..scratch.length].to_vec();
        }
        if self.shared.telemetry.is_some() {
            state.queued = platform::clock::ticks();
        }
        let timeout = self.shared.limits.queue_timeout;
        self.expire_at(if timeout.is_zero() {
            NEVER
        } else {
            self.shared.clock.after(timeout)
        });
    }

    /// Hands the request to this thread: its number and itself. `None` when it is not there any more.
    pub(crate) fn begin<'a>(&self, scratch: &'a mut Scratch) -> Option<(u64, Request<'a>)> {
        let mut state = self.state();
        if state.stage != Stage::Ready {
            scratch.parsed = None;
            return None;
        }
        if !state.head.is_empty() {
            let head = std::mem::take(&mut state.head);
            scratch.buffer[..head.len()].copy_from_slice(&head);
            scratch.length = head.len();
            let limits = &self.shared.limits.head;
            scratch.parsed = head::parse(&head, limits, &mut scratch.fields).ok();
        }
        let parsed = scratch.parsed.take()?;
        state.stage = Stage::Running;
        state.turn += 1;
        self.expire_at(NEVER);
        let head = &scratch.buffer[..scratch.length];
        let mut request = Request::new(
            head,
            &parsed,
            &scratch.fields,
            [self.peer, self.local],
            std::mem::take(&mut state.queued),
        );
        self.shared.trusted.apply(&mut request);
        if self.shared.access_log.is_some() {
            state.record = Some(Box::new(Record::new(&request)));
        }
        Some((state.turn, request))
    }

    /// Answers the request that this thread has without the application.
    pub(crate) fn serve(&self, answer: Answer, head_only: bool) {
        let mut state = self.state();
        let field = state.decide_keep(true, self.shared.phase());
        state.output.answer(answer, field, head_only);
    }

    /// The thread is done with the request.
    pub(crate) fn end(&self, scratch: &mut Scratch) -> Next {
        let mut state = self.state();
        if state.stage != Stage::Running {
            return Next::Wait;
        }
        state.input.finish_turn();
        state.waiter = None;
        let (status, bytes) = (state.output.status.unwrap_or(0), state.output.bytes);
        if let (Some(log), Some(record)) = (&self.shared.access_log, state.record.take()) {
            log.add(&record, status, bytes);
        }
        // What follows in its input would have to wait as well.
        if scratch.held.takes() && state.output.is_held_back() && !state.input.unseen {
            self.begin_flushing(&mut state);
            return Next::Hold;
        }
        let flushed = state.output.flush(&self.socket);
        if state.output.aborted || !state.output.complete || flushed.is_err() {
            state.stage = Stage::Closed;
            return Next::Close;
        }
        // Before anybody else can take it further, who would set another deadline.
        self.begin_flushing(&mut state);
        drop(state);
        self.advance(scratch)
    }

    fn begin_flushing(&self, state: &mut State) {
        state.stage = Stage::Flushing;
        state.waiting_since = self.shared.clock.now();
        let left = state.output.taking.left(self.shared.limits.send_timeout);
        self.expire_after(left);
    }

    // Whether the client may be waited for again; `ready`: there was room.
    fn goes_on_flushing(&self, state: &mut State, ready: bool) -> bool {
        let acknowledged = || self.socket.acknowledged();
        state.output.taking.begin(acknowledged);
        let waited = self.waited(state);
        let taking = &mut state.output.taking;
        taking.waited(waited, acknowledged(), ready);
        let left = taking.left(self.shared.limits.send_timeout);
        self.expire_after(left);
        !left.is_zero()
    }

    fn flush(&self, state: &mut State) -> Step {
        match state.output.flush(&self.socket) {
            Err(_) => Step::Stop(Next::Close),
            Ok(false) if self.goes_on_flushing(state, true) => Step::Stop(Next::Wait),
            Ok(false) => Step::Stop(Next::Close),
            Ok(true) if !state.keep => self.say_goodbye(state),
            Ok(true) => {
                state.stage = Stage::Discarding;
                self.expire_after(self.shared.limits.receive_timeout);
                Step::Go
            }
        }
    }

    fn discard(&self, state: &mut State, scratch: &mut Scratch) -> Step {
        match state.input.discard(&self.socket, &mut scratch.buffer) {
            Read::Nothing => Step::Stop(Next::Wait),
            Read::Some(_) => {
                state.output.reset();
                state.stage = Stage::Head { scanned: 0 };
                if state.input.ended && !state.input.unseen {
                    return Step::Stop(Next::Close);
                }
                self.expire_after(self.shared.limits.keep_alive);
                if state.input.unseen || self.socket.is_ahead() {
                    Step::Go
                } else {
                    Step::Stop(Next::Wait)
                }
            }
            Read::End => Step::Stop(Next::Close),
        }
    }

    // Closing a connection while the client still sends resets it, and the client may never see the response. So the
    // sending side is closed first, and what still comes is read away for a moment.
    fn say_goodbye(&self, state: &mut State) -> Step {
        self.socket.end_sending();
        state.stage = Stage::Lingering { left: LINGER.0 };
        self.expire_after(LINGER.1);
        Step::Go
    }

    fn linger(&self, state: &mut State, scratch: &mut Scratch, left: usize) -> Step {
        match state.input.receive(&self.socket, &mut scratch.buffer) {
            Read::Nothing => Step::Stop(Next::Wait),
            Read::Some(read) if read < left => {
                state.stage = Stage::Lingering { left: left - read };
                Step::Go
            }
            Read::Some(_) | Read::End => Step::Stop(Next::Close),
        }
    }

    // Answers without the application.
    fn refuse(&self, state: &mut State, refusal: Refusal) -> Step {
        state.output.raw(refusal.answer().as_bytes());
        let Refusal { status, reason } = refusal;
        if let Some(telemetry) = &self.shared.telemetry {
            telemetry.without_python(status);
        }
        if let Some(log) = &self.shared.access_log {
            let record = Record::refused(self.peer, reason);
            log.add(&record, status, reason.len() as u64 + 1);
        }
        state.keep = false;
        self.begin_flushing(state);
        Step::Go
    }

    /// Answers the request that a thread has in the place of the application, or, where a response has begun, cuts the
    /// connection. The thread keeps the connection until it comes back.
    pub(crate) fn time_out(&self, state: &mut State) {
        let late = Refusal {
            status: GATEWAY_TIMEOUT,
            reason: "the application did not answer in time",
        };
        let output = &mut state.output;
        output.gone = true;
        if output.status.is_some() {
            output.aborted = true;
            self.break_off(output);
            return;
        }
        output.raw(late.answer().as_bytes());
        (output.status, output.complete) = (Some(late.status), true);
        output.bytes = late.reason.len() as u64 + 1;
        state.keep = false;
        if let (Some(log), Some(record)) = (&self.shared.access_log, state.record.take()) {
            log.add(&record, late.status, state.output.bytes);
        }
        if state.output.flush(&self.socket).unwrap_or(false) {
            self.socket.end_sending();
        }
    }

    /// Answers a request that is ready with 503, since there is nobody to handle it.
    pub(crate) fn overloaded(&self, scratch: &mut Scratch) -> Next {
        let mut state = self.state();
        if state.stage != Stage::Ready {
            return Next::Wait;
        }
        scratch.parsed = None;
        (state.head, state.waiter) = (Vec::new(), None);
        let overloaded = Refusal {
            status: 503,
            reason: "the server is overloaded",
        };
        let _ = self.refuse(&mut state, overloaded);
        drop(state);
        self.advance(scratch)
    }

    /// Whether its time is up.
    pub(crate) fn is_late(&self, now: u64) -> bool {
        self.deadline.load(Ordering::Relaxed) <= now
    }

    /// Does what is to be done when its time is up.
    pub(crate) fn expire(&self, now: u64, scratch: &mut Scratch) -> Next {
        let mut state = self.state();
        if !self.is_late(now) {
            return Next::Wait;
        }
        let stage = state.stage;
        match stage {
            Stage::Head { .. } if !state.input.held().is_empty() => {
                let late = Refusal {
                    status: 408,
                    reason: "the request head did not arrive in time",
                };
                let _ = self.refuse(&mut state, late);
                drop(state);
                self.advance(scratch)
            }
            Stage::Gathering => self.stop_gathering(&mut state),
            Stage::Ready => {
                drop(state);
                self.overloaded(scratch)
            }
            Stage::Flushing if self.goes_on_flushing(&mut state, false) => Next::Wait,
            Stage::Running | Stage::HandedOver | Stage::Closed => Next::Wait,
            _ => {
                state.stage = Stage::Closed;
                Next::Close
            }
        }
    }

    // The client has sent nothing for too long, or may wait for an answer.
    fn stop_gathering(&self, state: &mut State) -> Next {
        let waited = self.waited(state);
        state.input.patience.waited(waited);
        let left = state
            .input
            .patience
            .left(self.shared.limits.receive_timeout);
        if left.is_zero() {
            state.input.fail(ReceiveError::TimedOut);
        } else if state.input.may_pause()
            && let Some(waiter) = self.shared.waiters.enter()
        {
            state.waiter = Some(waiter);
            state.input.end_gathering();
        } else {
            self.wait_for_body(state);
            return Next::Wait;
        }
        state.stage = Stage::Ready;
        Next::Ready
    }

    /// The server stops: whether the connection is between requests, with nothing under way from the client.
    pub(crate) fn drain(&self, scratch: &mut Scratch) -> Next {
        let idle = matches!(self.state().stage, Stage::Head { .. });
        if idle {
            self.advance(scratch)
        } else {
            Next::Wait
        }
    }

    /// Whether a thread has it.
    pub(crate) fn is_running(&self) -> bool {
        self.state().stage == Stage::Running
    }

    /// Closes it without waiting for an application that keeps it.
    pub(crate) fn close(&self) {
        let state = self.state();
        if state.output.complete || state.output.status.is_none() {
            self.socket.cut(true);
        } else {
            self.break_off(&state.output);
        }
    }

    /// Ends it in the middle of whatever is under way, also for threads that wait.
    pub(crate) fn abort(&self) {
        if !self.break_off(&self.state().output) {
            self.socket.cut(false);
        }
    }

    // A response that ends with its connection would look complete. Whether it is over now.
    fn break_off(&self, output: &Output) -> bool {
        if output.ends_with_connection() && !output.complete {
            return self.socket.reset();
        }
        self.socket.cut(false);
        true
    }

    /// Asks to be told of further news; again or for the first time since the last.
    pub(crate) fn arm(&self) {
        let mut state = self.state();
        let wanted = match state.stage {
            Stage::Closed | Stage::HandedOver | Stage::Ready => return,
            // Its thread reads and writes by itself; only what it left behind is for others to send.
            Stage::Running if state.output.is_empty(&self.socket) => {
                if state.armed == Interest::Write && !self.shared.once {
                    self.rearm(&mut state, Interest::Read);
                }
                return;
            }
            Stage::Flushing | Stage::Running => Interest::Write,
            // A part of a handshake, which the client waits for.
            _ if self.socket.wants_write() => Interest::Write,
            _ => Interest::Read,
        };
        if self.shared.once || state.armed != wanted {
            self.rearm(&mut state, wanted);
        }
    }

    fn rearm(&self, state: &mut State, wanted: Interest) {
        state.armed = wanted;
        let repeat = self.shared.repeat();
        // It fails when the connection is closed, of which whoever closed it knows.
        let _ = self
            .shared
            .poller
            .rearm(self.socket.socket(), self.key, wanted, repeat);
    }
}

impl State {
    /// Whether `turn` is what a thread does now.
    pub(crate) fn is_running(&self, turn: u64) -> bool {
        self.stage == Stage::Running && self.turn == turn
    }

    /// Decides whether another request may follow the response that begins now, which must have an end of its own
    /// (`delimited`); the field that says so.
    pub(crate) fn decide_keep(&mut self, delimited: bool, phase: Phase) -> &'static [u8] {
        self.keep = self.keep
            && delimited
            && !self.input.ended
            && self.input.is_skippable()
            && phase == Phase::Serving;
        match (self.keep, self.http11) {
            (false, _) => b"Connection: close\r\n",
            (true, true) => b"",
            (true, false) => b"Connection: keep-alive\r\n",
        }
    }

    /// Whether the client speaks HTTP/1.1.
    pub(crate) fn http11(&self) -> bool {
        self.http11
    }
}

impl Incoming {
    /// What is to come after a head.
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::length(length),
            Framing::Chunked => Self::Chunks(Chunked::START, 0),
        }
    }

    /// That many bytes.
    pub(crate) fn length(length: u64) -> Self {
        if length == 0 {
            Self::Done
        } else {
            Self::Length(length)
        }
    }
}

impl Refusal {
    /// The whole response, after which the connection is closed.
    pub(crate) fn answer(&self) -> String {
        let Self { status, reason } = self;
        let retry = if *status == 503 {
            "Retry-After: 1\r\n"
        } else {
            ""
        };
        format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n{retry}\
             Connection: close\r\n\r\n{reason}\n",
            phrase(*status),
            reason.len() + 1,
        )
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    }
}
