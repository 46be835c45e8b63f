//! TCP sockets that never block, accepted by a listener.

use std::fs::File;
use std::io::{self, IoSlice, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};
use std::time::Duration;

use crate::Listener;

/// One end of a connection.
#[derive(Debug)]
pub struct Socket(socket2::Socket);

/// Accepts a connection that waits at `listener`, and the client's address.
///
/// # Errors
/// `WouldBlock` when none waits.
pub fn accept(listener: &Listener) -> io::Result<(Socket, Option<SocketAddr>)> {
    let (socket, peer) = listener.socket().accept()?;
    socket.set_nonblocking(true)?;
    Ok((Socket(socket), peer.as_socket()))
}

impl Socket {
    /// The address of this end.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()?.as_socket()
    }

    /// Small pieces are sent at once: a response in two writes must not wait for the client's delayed acknowledgement.
    pub fn set_nodelay(&self) {
        let _ = self.0.set_tcp_nodelay(true);
    }

    /// Reads what is there; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    /// Sends as much of `pieces` as there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_vectored(pieces)
    }

    /// On Unix, sends a part of a file without a copy in this process. `TransmitFile` waits, or needs the rest of the server
    /// to be told of completions.
    ///
    /// # Errors
    /// Always.
    pub fn send_file(&self, _: &File, _: &mut u64, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn duplicate(&self) -> io::Result<std::net::TcpStream> {
        self.0.try_clone().map(Into::into)
    }

    /// Bytes that the other side's system has acknowledged since the connection began: not known here.
    #[must_use]
    pub fn acknowledged(&self) -> Option<u64> {
        None
    }

    /// Ends the sending side: the client reads what is under way, then the end.
    pub fn end_sending(&self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Ends both directions, also for threads that wait.
    pub fn cut(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Makes closing it a reset, which no client takes for a proper end. Returns whether that has happened: not before
    /// the last one who keeps it lets go of it.
    pub fn reset(&self) -> bool {
        let _ = self.0.set_linger(Some(Duration::ZERO));
        false
    }
}

impl AsSocket for Socket {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.as_socket()
    }
}

impl AsRawSocket for Socket {
    fn as_raw_socket(&self) -> RawSocket {
        self.0.as_raw_socket()
    }
}
