//! When a connection's socket can be read from and written to, as tokio tells it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::super::connection::Connection;
use super::super::stream::Stream;

pub(super) use system::Readiness;

#[cfg(unix)]
mod system {
    use std::os::fd::{AsFd as _, AsRawFd, RawFd};

    use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

    use super::{Arc, Connection, Context, Poll, Stream, io};

    /// A share of a connection whose socket is waited for.
    pub(in super::super) struct Readiness(AsyncFd<Held>);

    struct Held(Arc<Connection>);

    impl AsRawFd for Held {
        fn as_raw_fd(&self) -> RawFd {
            self.0.socket.socket().as_fd().as_raw_fd()
        }
    }

    /// It was ready.
    pub(in super::super) struct Ready<'a>(AsyncFdReadyGuard<'a, Held>);

    impl Readiness {
        pub(in super::super) fn new(connection: Arc<Connection>) -> io::Result<Self> {
            // Its successor wants it promised, by `unsafe`, that the descriptor stays open and the same. It does: `Held` has a
            // share of the connection, which has the same socket from its beginning to its end.
            #[allow(deprecated)]
            AsyncFd::new(Held(connection)).map(Self)
        }

        pub(in super::super) fn stream(&self) -> &Stream {
            &self.0.get_ref().0.socket
        }

        pub(in super::super) fn poll_read(
            &self,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<Ready<'_>>> {
            self.0.poll_read_ready(context).map_ok(Ready)
        }

        pub(in super::super) fn poll_write(
            &self,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<Ready<'_>>> {
            self.0.poll_write_ready(context).map_ok(Ready)
        }
    }

    impl Ready<'_> {
        /// It is no longer: it would have blocked.
        pub(in super::super) fn clear(&mut self) {
            self.0.clear_ready();
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io::ErrorKind;
    use std::task::ready;

    use tokio::io::Interest;
    use tokio::net::TcpStream;

    use super::{Arc, Connection, Context, Poll, Stream, io};

    /// A share of a connection whose socket is waited for.
    pub(in super::super) struct Readiness {
        // Another handle of the same socket: tokio waits for no socket that is not its own. Nothing is read from it.
        socket: TcpStream,
        connection: Arc<Connection>,
    }

    /// It was ready.
    pub(in super::super) struct Ready<'a>(&'a TcpStream, Interest);

    impl Readiness {
        pub(in super::super) fn new(connection: Arc<Connection>) -> io::Result<Self> {
            let socket = connection.socket.socket().duplicate()?;
            Ok(Self {
                socket: TcpStream::from_std(socket)?,
                connection,
            })
        }

        pub(in super::super) fn stream(&self) -> &Stream {
            &self.connection.socket
        }

        pub(in super::super) fn poll_read(
            &self,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<Ready<'_>>> {
            ready!(self.socket.poll_read_ready(context))?;
            Poll::Ready(Ok(Ready(&self.socket, Interest::READABLE)))
        }

        pub(in super::super) fn poll_write(
            &self,
            context: &mut Context<'_>,
        ) -> Poll<io::Result<Ready<'_>>> {
            ready!(self.socket.poll_write_ready(context))?;
            Poll::Ready(Ok(Ready(&self.socket, Interest::WRITABLE)))
        }
    }

    impl Ready<'_> {
        /// It is no longer: it would have blocked. The system is asked anew, and tells what came meanwhile.
        pub(in super::super) fn clear(&mut self) {
            let blocked = || Err::<(), _>(ErrorKind::WouldBlock.into());
            let _ = self.0.try_io(self.1, blocked);
        }
    }
}
