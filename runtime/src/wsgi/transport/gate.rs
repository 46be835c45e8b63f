//! The gate in front of hyper: follows what a client sends and lets only well-framed requests through.
//!
//! It knows where each request ends, so that head checks see heads and nothing else. What it refuses never reaches
//! hyper: hyper sees the end of the connection, and the connection's task sends the refusal.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::Limits;
use super::chunked::{Chunked, Malformed};
use super::head::{self, Framing, Refusal};
use crate::wsgi::exchange::ReceiveError;

/// What gate, connection and requests of one connection tell each other.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The server stops: no further request on this connection.
    pub closing: AtomicBool,
    /// The connection was cut by the server.
    pub cut: AtomicBool,
    failure: Mutex<Option<ReceiveError>>,
}

impl Link {
    /// Why the request body ended early.
    pub(crate) fn failure(&self) -> Option<ReceiveError> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn fail(&self, failure: ReceiveError) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Gate {
    stream: TcpStream,
    held: BytesMut,
    state: State,
    link: Arc<Link>,
    limits: Arc<Limits>,
    deadline: Pin<Box<Sleep>>,
    stalled: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Between requests or in a head; the bytes before `scanned` have no end of head.
    Head { scanned: usize, started: bool },
    /// A checked head of which this much is still to be passed on, and what follows it.
    Passing(usize, Framing),
    /// In a body with a length.
    Length(u64),
    /// In a body in chunks; the bytes of data so far.
    Chunks(Chunked, u64),
    /// Nothing more is passed on.
    Refused(Refusal),
    /// In a body that is not framed as it says, or too large.
    Broken,
    /// The client has closed its side, or was idle for too long.
    Ended,
}

const BETWEEN: State = State::Head {
    scanned: 0,
    started: false,
};
const READ_SIZE: usize = 16 * 1024;

impl Gate {
    /// In front of a new connection.
    pub(crate) fn new(stream: TcpStream, link: Arc<Link>, limits: Arc<Limits>) -> Self {
        let deadline = Box::pin(sleep(limits.head_timeout));
        Self {
            stream,
            held: BytesMut::new(),
            state: BETWEEN,
            link,
            limits,
            deadline,
            stalled: None,
        }
    }

    /// Whether the connection ended between two requests, or by the client: nothing is on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The connection, and what to answer when the gate refused.
    pub(crate) fn into_parts(self) -> (TcpStream, Option<Refusal>) {
        let refusal = if let State::Refused(refusal) = self.state {
            Some(refusal)
        } else {
            None
        };
        (self.stream, refusal)
    }

    // Reads more; 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            self.held.reserve(READ_SIZE);
            match self.stream.try_read_buf(&mut self.held) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.held.is_empty() {
                        // Idle connections shall cost little.
                        self.held = BytesMut::new();
                    }
                }
                result => return Poll::Ready(result),
            }
        }
    }

    fn set_deadline(&mut self, after: Duration) {
        self.deadline.as_mut().reset(Instant::now() + after);
    }

    // One step towards a complete head. Ready when the state has changed.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        mut scanned: usize,
        started: bool,
    ) -> Poll<io::Result<()>> {
        // RFC 9112, section 2.2: an empty line before a request is ignored, also one that came in two pieces.
        while self.held.starts_with(b"\r\n") {
            self.held.advance(2);
            scanned = 0;
        }
        if !started && !self.held.is_empty() {
            self.set_deadline(self.limits.head_timeout);
        }
        let found = head::end(&self.held, &mut scanned);
        self.state = State::Head {
            scanned,
            started: started || !self.held.is_empty(),
        };
        let next = match found {
            Ok(Some(end)) if end <= self.limits.head.size => {
                head::check(&self.held[..end], &self.limits.head)
                    .map(|framing| State::Passing(end, framing))
            }
            Ok(None) if self.held.len() <= self.limits.head.size => return self.poll_more_head(cx),
            Ok(_) => Err(Refusal {
                status: 431,
                reason: "the request head is too large",
            }),
            Err(refusal) => Err(refusal),
        };
        self.state = next.unwrap_or_else(State::Refused);
        Poll::Ready(Ok(()))
    }

    fn poll_more_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_fill(cx) {
            Poll::Ready(Ok(0)) => self.state = State::Ended,
            Poll::Ready(result) => return Poll::Ready(result.map(drop)),
            Poll::Pending if self.held.is_empty() && self.link.closing.load(Ordering::Relaxed) => {
                self.state = State::Ended;
            }
            Poll::Pending => {
                ready!(self.deadline.as_mut().poll(cx));
                let late = Refusal {
                    status: 408,
                    reason: "the request head did not arrive in time",
                };
                self.state = if self.held.is_empty() {
                    State::Ended
                } else {
                    State::Refused(late)
                };
            }
        }
        Poll::Ready(Ok(()))
    }

    // Passes on held bytes that belong to the present message.
    fn pass(&mut self, out: &mut ReadBuf<'_>) {
        let room = self.held.len().min(out.remaining());
        let (count, next) = match self.state {
            State::Passing(left, framing) => {
                let count = left.min(room);
                (
                    count,
                    if count < left {
                        State::Passing(left - count, framing)
                    } else {
                        body(framing)
                    },
                )
            }
            State::Length(left) => {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(room);
                (count, body(Framing::Length(left - count as u64)))
            }
            State::Chunks(mut chunked, mut data) => {
                match chunked.advance(&self.held[..room], &mut data) {
                    Ok(count) if data <= self.limits.head.body => (
                        count,
                        if chunked == Chunked::Done {
                            BETWEEN
                        } else {
                            State::Chunks(chunked, data)
                        },
                    ),
                    Ok(_) => return self.break_off(ReceiveError::TooLarge),
                    Err(Malformed) => return self.break_off(ReceiveError::Malformed),
                }
            }
            State::Head { .. } | State::Refused(_) | State::Broken | State::Ended => return,
        };
        out.put_slice(&self.held[..count]);
        self.held.advance(count);
        self.state = next;
        if matches!(next, State::Head { .. }) {
            self.set_deadline(self.limits.keep_alive);
        }
    }

    fn break_off(&mut self, failure: ReceiveError) {
        self.link.fail(failure);
        self.state = State::Broken;
    }

    fn poll_write_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let after = self.limits.send_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(after)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read the response",
        ))
    }

    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        self.poll_write_stall(cx).map(Err)
    }
}

fn body(framing: Framing) -> State {
    match framing {
        Framing::Length(0) => BETWEEN,
        Framing::Length(length) => State::Length(length),
        Framing::Chunked => State::Chunks(Chunked::START, 0),
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = self.get_mut();
        let before = out.filled().len();
        loop {
            gate.pass(out);
            let passed = out.filled().len() > before;
            match gate.state {
                State::Refused(_) | State::Ended => return Poll::Ready(Ok(())),
                State::Head { .. } | State::Broken if passed => return Poll::Ready(Ok(())),
                State::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                State::Head { scanned, started } => ready!(gate.poll_head(cx, scanned, started))?,
                _ if passed && (gate.held.is_empty() || out.remaining() == 0) => {
                    return Poll::Ready(Ok(()));
                }
                _ if !gate.held.is_empty() => {}
                _ => {
                    if ready!(gate.poll_fill(cx))? == 0 {
                        gate.link.fail(ReceiveError::CutOff);
                        gate.state = State::Ended;
                    }
                }
            }
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let written = Pin::new(&mut gate.stream).poll_write(cx, data);
        gate.after_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let gate = self.get_mut();
        let written = Pin::new(&mut gate.stream).poll_write_vectored(cx, data);
        gate.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
