//! A client's socket, with TLS or without, as tokio reads and writes it.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::super::connection::Connection;
use super::super::stream::Stream;
use super::readiness::Readiness;

/// The socket of a connection.
pub(super) struct Io {
    socket: Readiness,
    // Received before it came here.
    seen: Vec<u8>,
    // How long the client has taken nothing, and what it had taken by then.
    stalled: Option<(Pin<Box<Sleep>>, Option<u64>)>,
    timeout: Duration,
}

impl Io {
    /// Of `connection`, of which `seen` was received.
    ///
    /// # Errors
    /// When the system has no room.
    pub(super) fn new(connection: Arc<Connection>, seen: Vec<u8>) -> io::Result<Self> {
        let timeout = connection.shared.limits.send_timeout;
        let socket = Readiness::new(connection)?;
        Ok(Self {
            socket,
            seen,
            stalled: None,
            timeout,
        })
    }

    // Does `what` as soon as it does not have to wait for room; an error when there is none for too long.
    fn when_writable<T>(
        &mut self,
        context: &mut Context<'_>,
        mut what: impl FnMut(&Stream) -> io::Result<Option<T>>,
    ) -> Poll<io::Result<T>> {
        loop {
            let Poll::Ready(guard) = self.socket.poll_write(context) else {
                let taken = || self.socket.stream().acknowledged();
                let (stalled, before) = self
                    .stalled
                    .get_or_insert_with(|| (Box::pin(sleep(self.timeout)), taken()));
                ready!(stalled.as_mut().poll(context));
                let now = taken();
                if now > *before {
                    // There is room in large steps only.
                    *before = now;
                    stalled.as_mut().reset(Instant::now() + self.timeout);
                    continue;
                }
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            };
            let mut guard = guard?;
            match what(self.socket.stream()) {
                Ok(Some(done)) => {
                    self.stalled = None;
                    return Poll::Ready(Ok(done));
                }
                Ok(None) => guard.clear(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => guard.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.seen.is_empty() {
            let length = this.seen.len().min(buffer.remaining());
            buffer.put_slice(&this.seen[..length]);
            this.seen.drain(..length);
            return Poll::Ready(Ok(()));
        }
        loop {
            let socket = this.socket.stream();
            // What TLS has deciphered already, the system does not tell of.
            let guard = match this.socket.poll_read(context) {
                Poll::Pending if socket.is_ahead() => None,
                Poll::Pending => return Poll::Pending,
                Poll::Ready(guard) => Some(guard?),
            };
            match socket.receive(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if let Some(mut guard) = guard {
                        guard.clear();
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .when_writable(context, |socket| socket.send(pieces).map(Some))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.socket.stream().wants_write() {
            return Poll::Ready(Ok(()));
        }
        this.when_writable(context, |socket| Ok(socket.flush()?.then_some(())))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        self.socket.stream().end_sending();
        Poll::Ready(Ok(()))
    }
}
