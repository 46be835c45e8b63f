//! Stream sockets that never block: TCP or Unix, accepted by a listener.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, SocketFlags, acceptfrom_with, sendmsg,
    sockopt,
};

/// One end of a connection.
#[derive(Debug)]
pub struct Socket(OwnedFd);

/// Accepts a connection that waits at `listener`; the client's address where it has one.
///
/// # Errors
/// `WouldBlock` when none waits, if the listener is non-blocking.
pub fn accept(listener: &impl AsFd) -> io::Result<(Socket, Option<SocketAddr>)> {
    let (socket, peer) = acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((Socket(beyond_standard_streams(socket)?), peer))
}

// Where a program has closed a standard stream, the next descriptor gets its number, and what is printed or logged would
// go to a client.
fn beyond_standard_streams(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    if descriptor.as_raw_fd() > 2 {
        return Ok(descriptor);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, 3)?)
}

impl Socket {
    /// The address of this end, where it has one.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        SocketAddr::try_from(rustix::net::getsockname(&self.0).ok()?).ok()
    }

    /// Small pieces are sent at once: a response in two writes must not wait for the client's delayed acknowledgement.
    pub fn set_nodelay(&self) {
        // A Unix socket has no such thing.
        let _ = sockopt::set_tcp_nodelay(&self.0, true);
    }

    /// Reads what is there; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Ok((read, _)) => return Ok(read),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends as much of `pieces` as there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none. A closed connection is an error, not a SIGPIPE.
    pub fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let sent = match pieces {
                // What most responses are: the kernel has less to look at then.
                [piece] => rustix::net::send(&self.0, piece, SendFlags::NOSIGNAL),
                _ => {
                    let mut nothing = SendAncillaryBuffer::default();
                    sendmsg(&self.0, pieces, &mut nothing, SendFlags::NOSIGNAL)
                }
            };
            match sent {
                Ok(sent) => return Ok(sent),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends up to `count` bytes of `file`, which is read from `offset`; without a copy in this process. 0 at its end.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; others when the file is of a kind that this does not work with.
    pub fn send_file(&self, file: impl AsFd, offset: &mut u64, count: usize) -> io::Result<usize> {
        // There is no flag against the signal here, and the program may have given it its deadly meaning.
        let held = HeldSigpipe::new();
        loop {
            match rustix::fs::sendfile(&self.0, &file, Some(offset), count) {
                Ok(sent) => return Ok(sent),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    held.discard();
                    return Err(error.into());
                }
            }
        }
    }

    /// Bytes that the other side's system has acknowledged since the connection began; `None` where that is not known.
    #[must_use]
    pub fn acknowledged(&self) -> Option<u64> {
        acknowledged(self.0.as_fd())
    }

    /// Ends the sending side: the client reads what is under way, then the end.
    pub fn end_sending(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Write);
    }

    /// Ends both directions, also for threads that wait.
    pub fn cut(&self) {
        let _ = rustix::net::shutdown(&self.0, Shutdown::Both);
    }

    /// Resets the connection, which no client takes for a proper end, whoever else keeps the socket. That of a Unix socket
    /// cannot be, and ends. Returns whether that has happened.
    pub fn reset(&self) -> bool {
        if rustix::net::connect_unspec(&self.0).is_err() {
            self.cut();
        }
        true
    }
}

#[cfg(target_os = "linux")]
fn acknowledged(socket: BorrowedFd<'_>) -> Option<u64> {
    use std::os::fd::AsRawFd;
    // `tcpi_bytes_acked` of `struct tcp_info` (linux/tcp.h), from Linux 4.1 on. libc's structure ends before it.
    const PLACE: usize = 120;
    let mut info = [0_u8; PLACE + 8];
    let mut length = libc::socklen_t::try_from(info.len()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes, and how many it wrote.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let is_there = result == 0 && usize::try_from(length).is_ok_and(|length| length >= info.len());
    let value = info[PLACE..].try_into().ok()?;
    is_there.then_some(u64::from_ne_bytes(value))
}

#[cfg(not(target_os = "linux"))]
fn acknowledged(_: BorrowedFd<'_>) -> Option<u64> {
    None
}

/// SIGPIPE does not reach this thread as long as this lives.
struct HeldSigpipe {
    before: libc::sigset_t,
}

fn sigpipe() -> libc::sigset_t {
    // SAFETY: a set is plain data, which `sigemptyset` initialises; a signal that there is.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGPIPE);
        set
    }
}

impl HeldSigpipe {
    fn new() -> Self {
        let set = sigpipe();
        let mut before = set;
        // SAFETY: two sets; changes the mask of this thread alone.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        Self { before }
    }

    /// Takes one that came meanwhile, unless the program holds them itself and waits for it.
    fn discard(&self) {
        let set = sigpipe();
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: sets and a time that live for the calls; nothing is waited for.
        unsafe {
            if libc::sigismember(&raw const self.before, libc::SIGPIPE) == 0 {
                libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const now);
            }
        }
    }
}

impl Drop for HeldSigpipe {
    fn drop(&mut self) {
        // SAFETY: the set that was there before.
        unsafe {
            libc::pthread_sigmask(
                libc::SIG_SETMASK,
                &raw const self.before,
                std::ptr::null_mut(),
            )
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn a_connection() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(
            accept(&listener).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        let mut client = TcpStream::connect(address).unwrap();
        let (socket, peer) = accept(&listener).unwrap();
        assert_eq!(peer, client.local_addr().ok());
        assert_eq!(socket.local_addr(), Some(address));
        let mut buffer = [0; 8];
        let nothing = socket.receive(&mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        client.write_all(b"abc").unwrap();
        assert_eq!(socket.receive(&mut buffer).unwrap(), 3);
        let pieces = [IoSlice::new(b"he"), IoSlice::new(b"llo")];
        assert_eq!(socket.send(&pieces).unwrap(), 5);
        socket.end_sending();
        let mut all = String::new();
        client.read_to_string(&mut all).unwrap();
        assert_eq!(all, "hello");
        drop(client);
        assert_eq!(socket.receive(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_file_is_sent_from_where_it_is_asked() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = accept(&listener).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut offset = 4;
        assert_eq!(socket.send_file(&file, &mut offset, 3).unwrap(), 3);
        assert_eq!(offset, 7);
        let mut three = [0; 3];
        client.read_exact(&mut three).unwrap();
        assert_eq!(&three, b"456");
        drop(client);
        // SAFETY: as a program may; this process has no other use for the signal.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let error = loop {
            let mut offset = 0;
            match socket.send_file(&file, &mut offset, 10) {
                Ok(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
                Err(error) => break error,
            }
        };
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
        let again = socket.send_file(&file, &mut 0, 10).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::BrokenPipe);
    }
}
