//! TLS on one connection: rustls, which does no reading and writing itself, over a socket that never blocks.

use std::cell::RefCell;
use std::io::{self, BufRead as _, ErrorKind, IoSlice, Read as _, Write};
use std::sync::Arc;

use platform::socket::Socket;
use rustls::{ServerConfig, ServerConnection};

/// Bytes that are read at once from a socket: the largest record and a little.
const PIECE: usize = 17 * 1024;
/// Pieces that one connection may bring before others have their turn, if it brings no data.
const PIECES: usize = 32;

thread_local! {
    // Idle connections shall cost little: what a thread reads lies here until rustls has seen it.
    static RECEIVED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a connection remembers of TLS.
#[derive(Debug)]
pub(crate) struct Session {
    connection: ServerConnection,
    spoken: Spoken,
    /// Received, and not yet taken by rustls, which keeps no more than a record of what is not asked for.
    ahead: Vec<u8>,
    ended: bool,
}

/// What the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoken {
    /// Nothing yet.
    Nothing,
    Tls,
    /// Text, which no TLS begins with.
    Cleartext,
}

impl Session {
    /// Before the client's first byte.
    ///
    /// # Errors
    /// rustls's, of a configuration that cannot be.
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Self {
            connection: ServerConnection::new(config)?,
            spoken: Spoken::Nothing,
            ahead: Vec::new(),
            ended: false,
        })
    }

    /// See [`super::super::stream::Stream::receive`].
    // So that what calls it stays small where there is no TLS.
    #[inline(never)]
    pub(crate) fn receive(&mut self, socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_cleartext() {
            return socket.receive(buffer);
        }
        self.flush(socket)?;
        let mut filled = 0;
        for _ in 0..PIECES {
            filled += self.read(&mut buffer[filled..])?;
            if filled == buffer.len() || self.ended {
                return Ok(filled);
            }
            match self.more(socket) {
                Ok(true) => {}
                Ok(false) => {
                    filled += self.read(&mut buffer[filled..])?;
                    break;
                }
                // It is met again when what came before has been dealt with.
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        if filled == 0 && !self.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(filled)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Ok(0) if !buffer.is_empty() => {
                self.ended = true;
                Ok(0)
            }
            read => read,
        }
    }

    // Takes more from the socket; false when that was all there is for now.
    fn more(&mut self, socket: &Socket) -> io::Result<bool> {
        let ahead = std::mem::take(&mut self.ahead);
        if !ahead.is_empty() {
            self.take(socket, &ahead)?;
            return Ok(true);
        }
        RECEIVED.with_borrow_mut(|received| {
            received.resize(PIECE, 0);
            let length = socket.receive(received)?;
            if length == 0 {
                self.ended = true;
                return Ok(false);
            }
            if self.spoken == Spoken::Nothing {
                self.spoken = if received[0].is_ascii_alphabetic() {
                    Spoken::Cleartext
                } else {
                    Spoken::Tls
                };
                if self.is_cleartext() {
                    return Err(ErrorKind::Unsupported.into());
                }
            }
            self.take(socket, &received[..length])?;
            Ok(length == PIECE)
        })
    }

    fn take(&mut self, socket: &Socket, received: &[u8]) -> io::Result<()> {
        let mut rest = received;
        let mut waiting = 0;
        while !rest.is_empty() {
            match self.connection.read_tls(&mut rest) {
                // Nothing counts behind the client's end.
                Ok(0) => break,
                Ok(_) => {}
                Err(_) if waiting > 0 => {
                    self.ahead = rest.to_vec();
                    break;
                }
                Err(error) => return Err(error),
            }
            match self.connection.process_new_packets() {
                Ok(state) => {
                    waiting = state.plaintext_bytes_to_read();
                }
                Err(error) => {
                    // Why, in an alert.
                    let _ = self.flush(socket);
                    return Err(io::Error::new(ErrorKind::InvalidData, error));
                }
            }
        }
        self.flush(socket).map(drop)
    }

    /// See [`super::super::stream::Stream::send`].
    #[inline(never)]
    pub(crate) fn send(&mut self, socket: &Socket, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_cleartext() {
            return socket.send(pieces);
        }
        if !self.flush(socket)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = self.connection.writer().write_vectored(pieces)?;
        self.flush(socket)?;
        Ok(taken)
    }

    /// Sends what is encrypted; false when the client does not read.
    ///
    /// # Errors
    /// The connection's.
    #[inline(never)]
    pub(crate) fn flush(&mut self, socket: &Socket) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut Sink(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether something is encrypted that is not sent.
    #[inline(never)]
    pub(crate) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Whether [`Session::receive`] has something without the socket.
    #[inline(never)]
    pub(crate) fn is_ahead(&mut self) -> bool {
        let is_there = |data: &[u8]| !data.is_empty();
        is_there(&self.ahead) || self.connection.reader().fill_buf().is_ok_and(is_there)
    }

    /// Whether the client does not speak TLS.
    pub(crate) fn is_cleartext(&self) -> bool {
        self.spoken == Spoken::Cleartext
    }

    /// The protocol that was chosen in the handshake, if the client named any.
    pub(crate) fn chosen(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// Tells the client that nothing more comes, if it has room to be told.
    pub(crate) fn close(&mut self, socket: &Socket) {
        if self.spoken == Spoken::Tls {
            self.connection.send_close_notify();
            let _ = self.flush(socket);
        }
    }
}

/// Where records go.
struct Sink<'a>(&'a Socket);

impl Write for Sink<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.send(&[IoSlice::new(data)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
