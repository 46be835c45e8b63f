//! A client's socket, plain or with TLS on it: what the two directions of a connection read and write.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError};

use platform::socket::Socket;

use super::tls::{HTTP2, Session, Tls};

/// A socket that never blocks, whatever is spoken on it.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    // Of its own, beside the connection's state: held for a moment, and never while anything is waited for.
    session: Option<Box<Mutex<Session>>>,
}

impl Stream {
    /// Of a client that was just accepted.
    pub(crate) fn new(socket: Socket, tls: Option<&Tls>) -> Self {
        let session = tls.and_then(Tls::session);
        if tls.is_some() && session.is_none() {
            // It cannot be served; it sees that at its first word.
            socket.cut();
        }
        let session = session.map(|session| Box::new(Mutex::new(session)));
        Self { socket, session }
    }

    /// What to wait for.
    #[inline(always)]
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Reads what is there; 0 is the end. Less than there is room for means that the rest, if any, is still to come
    /// through the socket, so that it can be waited for there.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, `Unsupported` when the client does not speak TLS ([`Stream::is_cleartext`]).
    #[inline(always)]
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.session {
            None => self.socket.receive(buffer),
            Some(session) => lock(session).receive(&self.socket, buffer),
        }
    }

    /// Takes as much of `pieces` as can be sent soon; [`Stream::flush`] says whether all of it is sent.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room. A closed connection is an error, not a SIGPIPE.
    #[inline(always)]
    pub(crate) fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.session {
            None => self.socket.send(pieces),
            Some(session) => lock(session).send(&self.socket, pieces),
        }
    }

    /// Sends a part of `file` without reading it here; `None` where it has to be encrypted.
    ///
    /// # Errors
    /// As [`Socket::send_file`].
    pub(crate) fn send_file(
        &self,
        file: &File,
        offset: &mut u64,
        count: usize,
    ) -> Option<io::Result<usize>> {
        let is_plain = self.session.is_none();
        is_plain.then(|| self.socket.send_file(file, offset, count))
    }

    /// Sends what was taken before; false when the client does not read.
    ///
    /// # Errors
    /// The connection's.
    #[inline(always)]
    pub(crate) fn flush(&self) -> io::Result<bool> {
        match &self.session {
            None => Ok(true),
            Some(session) => lock(session).flush(&self.socket),
        }
    }

    /// Whether something was taken that is not sent.
    #[inline(always)]
    pub(crate) fn wants_write(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| lock(session).wants_write())
    }

    /// Whether something can be received that the socket will not tell of.
    #[inline(always)]
    pub(crate) fn is_ahead(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| lock(session).is_ahead())
    }

    /// Whether the client began without TLS where it should. From then on nothing is encrypted: it can be told.
    pub(crate) fn is_cleartext(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| lock(session).is_cleartext())
    }

    /// Whether HTTP/2 may follow: what the handshake has chosen is binding (RFC 9113, section 3.2).
    pub(crate) fn may_speak_http2(&self) -> bool {
        let session = self.session.as_ref();
        session.is_none_or(|session| lock(session).chosen().is_none_or(|name| name == HTTP2))
    }

    /// Whether HTTP/1 may follow.
    pub(crate) fn may_speak_http1(&self) -> bool {
        let session = self.session.as_ref();
        session.is_none_or(|session| lock(session).chosen() != Some(HTTP2))
    }

    /// Bytes that the client's system has acknowledged ([`Socket::acknowledged`]).
    pub(crate) fn acknowledged(&self) -> Option<u64> {
        self.socket.acknowledged()
    }

    /// Ends the sending side: the client reads what is under way, then the end.
    pub(crate) fn end_sending(&self) {
        if let Some(session) = &self.session {
            lock(session).close(&self.socket);
        }
        self.socket.end_sending();
    }

    /// Ends both directions, also for threads that wait. `complete`: the client may take it for a proper end.
    pub(crate) fn cut(&self, complete: bool) {
        if complete && let Some(session) = &self.session {
            lock(session).close(&self.socket);
        }
        self.socket.cut();
    }

    /// Breaks the connection, so that no client takes it for a proper end. Returns whether that has happened
    /// ([`Socket::reset`]).
    pub(crate) fn reset(&self) -> bool {
        self.socket.reset()
    }
}

fn lock(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}
