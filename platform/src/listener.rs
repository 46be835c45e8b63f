//! Sockets that listen: TCP, Unix, or handed over by whoever started the process.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, getsockname, listen,
    socket_with, sockopt,
};

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// A socket that listens; accepting from it does not block.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    file: Option<SocketFile>,
}

/// Where a listener is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Tcp(SocketAddr),
    /// A path, which may be empty for one that has no name in the file system.
    Unix(PathBuf),
}

/// The file of a Unix socket, which goes when the process that made it listens no longer.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
    process: u32,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have taken the place, and a forked process has only borrowed it.
        let is_ours = self.process == std::process::id()
            && std::fs::symlink_metadata(&self.path).is_ok_and(|it| identity(&it) == self.identity);
        if is_ours {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl Listener {
    /// Listens at `address`; the port can be taken again right after the last program that had it.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn tcp(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        let family = if address.is_ipv6() {
            AddressFamily::INET6
        } else {
            AddressFamily::INET
        };
        let socket = socket_with(family, SocketType::STREAM, FLAGS, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &address)?;
        listen(&socket, backlog)?;
        Ok(Self { socket, file: None })
    }

    /// Listens at `path`, in the place of a socket there at which nobody listens any more. Its permissions are `mode`, where
    /// given, and those of the umask otherwise. The file goes with the listener.
    ///
    /// # Errors
    /// `AddrInUse` when somebody listens there, `AlreadyExists` when there is something else.
    pub fn unix(path: &Path, mode: Option<u32>, backlog: i32) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path)?;
        let socket = || socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None);
        if let Ok(there) = std::fs::symlink_metadata(path) {
            if !there.file_type().is_socket() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            match connect(socket()?, &address) {
                Err(rustix::io::Errno::CONNREFUSED) => std::fs::remove_file(path)?,
                // It listens, or its queue is full.
                Ok(()) | Err(rustix::io::Errno::AGAIN) => {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        let socket = socket()?;
        bind(&socket, &address)?;
        let file = SocketFile {
            path: std::path::absolute(path)?,
            identity: identity(&std::fs::symlink_metadata(path)?),
            process: std::process::id(),
        };
        // Nobody can connect before it listens.
        if let Some(mode) = mode {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        listen(&socket, backlog)?;
        Ok(Self {
            socket,
            file: Some(file),
        })
    }

    /// The sockets that a service manager has opened for this process (`sd_listen_fds(3)`: `LISTEN_PID`, `LISTEN_FDS`). To be
    /// called once, before the process has opened a listener of its own.
    ///
    /// # Errors
    /// `InvalidInput` when one of them is no stream socket that listens.
    pub fn inherited() -> io::Result<Vec<Self>> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
        if number("LISTEN_PID") != Some(std::process::id()) {
            return Ok(Vec::new());
        }
        let count = i32::try_from(number("LISTEN_FDS").unwrap_or(0)).unwrap_or(0);
        (3..3_i32.saturating_add(count)).map(Self::adopt).collect()
    }

    fn adopt(descriptor: i32) -> io::Result<Self> {
        // SAFETY: borrowed for the two questions below; a number that is not open, which they answer with an error.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let is_stream = sockopt::socket_type(borrowed).is_ok_and(|kind| kind == SocketType::STREAM);
        if !is_stream || !sockopt::socket_acceptconn(borrowed).unwrap_or(false) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "descriptor {descriptor}, named by LISTEN_FDS, is no stream socket that listens"
                ),
            ));
        }
        // SAFETY: an open descriptor that came with the process: nothing of this process listens yet, so it is nobody else's.
        let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
        rustix::io::ioctl_fionbio(&socket, true)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        Ok(Self { socket, file: None })
    }

    /// Where it is found.
    #[must_use]
    pub fn address(&self) -> Address {
        if let Some(file) = &self.file {
            return Address::Unix(file.path.clone());
        }
        let name = getsockname(&self.socket);
        let unix = |name| SocketAddrUnix::try_from(name).ok();
        match name {
            Err(_) => Address::Unix(PathBuf::new()),
            Ok(name) => match SocketAddr::try_from(name.clone()) {
                Ok(address) => Address::Tcp(address),
                Err(_) => Address::Unix(
                    unix(name)
                        .and_then(|unix| Some(path_of(&unix)?.to_owned()))
                        .unwrap_or_default(),
                ),
            },
        }
    }
}

fn path_of(address: &SocketAddrUnix) -> Option<&Path> {
    let bytes = address.path_bytes()?;
    Some(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::socket::accept;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_unix_socket_and_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let listener = Listener::unix(&path, Some(0o640), 4).unwrap();
        let mode = || std::fs::symlink_metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!(mode(), 0o640);
        assert_eq!(listener.address(), Address::Unix(path.clone()));
        let _client = UnixStream::connect(&path).unwrap();
        let (socket, peer) = accept(&listener).unwrap();
        assert_eq!((peer, socket.local_addr()), (None, None));
        let again = Listener::unix(&path, None, 4).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_left_of_a_dead_server_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let mut first = Listener::unix(&path, None, 4).unwrap();
        std::mem::forget(first.file.take());
        drop(first);
        assert!(path.exists());
        let second = Listener::unix(&path, None, 4).unwrap();
        // A third takes the place: the second leaves it alone.
        std::fs::remove_file(&path).unwrap();
        let third = Listener::unix(&path, None, 4).unwrap();
        drop(second);
        assert!(path.exists());
        drop(third);
        std::fs::write(&path, "precious").unwrap();
        let file = Listener::unix(&path, None, 4).unwrap_err();
        assert_eq!(file.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn only_what_listens_is_adopted() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let refused = Listener::adopt(file.as_raw_fd()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(Listener::adopt(1 << 20).is_err());
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = std.local_addr().unwrap();
        let adopted = Listener::adopt(std::os::fd::IntoRawFd::into_raw_fd(std)).unwrap();
        assert_eq!(adopted.address(), Address::Tcp(address));
        assert_eq!(
            accept(&adopted).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
    }
}
