//! TCP sockets that listen.

use std::io;
use std::net::SocketAddr;
use std::os::windows::io::{AsRawSocket as _, AsSocket, BorrowedSocket, FromRawSocket as _};
use std::path::{Path, PathBuf};

use socket2::{Domain, Type};
use windows_sys::Win32::Networking::WinSock::{
    FROM_PROTOCOL_INFO, INVALID_SOCKET, SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET,
    WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED, WSADuplicateSocketW, WSAPROTOCOL_INFOW,
    WSASocketW, setsockopt,
};

/// A socket that listens; accepting from it does not block.
#[derive(Debug)]
pub struct Listener(socket2::Socket);

/// Where a listener is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Tcp(SocketAddr),
    /// On Unix, a path.
    Unix(PathBuf),
}

/// How many bytes another process needs to know of a listener.
const SHARED: usize = size_of::<WSAPROTOCOL_INFOW>();

impl Listener {
    /// Listens at `address`, which no other program can take over meanwhile.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn tcp(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        refuse_others(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// On Unix, listens at a path.
    ///
    /// # Errors
    /// Always.
    pub fn unix(_: &Path, _: Option<u32>, _: i32) -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "programs for Windows listen on HOST:PORT alone",
        ))
    }

    /// On Unix, the sockets that a service manager has opened for this process.
    ///
    /// # Errors
    /// None.
    pub fn inherited() -> io::Result<Vec<Self>> {
        Ok(Vec::new())
    }

    /// What [`Listener::of`] makes the same listener of in `process`, once. This one has to stay until then.
    ///
    /// # Errors
    /// When there is no such process, or it may not be told.
    pub fn share_with(&self, process: u32) -> io::Result<Vec<u8>> {
        let mut words = vec![0_u8; SHARED];
        // SAFETY: a socket that is open, and room for the structure, which has no alignment here: it is written to a
        // local and copied.
        unsafe {
            let mut info: WSAPROTOCOL_INFOW = std::mem::zeroed();
            if WSADuplicateSocketW(self.0.as_raw_socket() as SOCKET, process, &raw mut info) != 0 {
                return Err(io::Error::last_os_error());
            }
            std::ptr::copy_nonoverlapping((&raw const info).cast(), words.as_mut_ptr(), SHARED);
        }
        Ok(words)
    }

    /// The listener that another process has shared with this one.
    ///
    /// # Errors
    /// When `shared` is not what that process was given, or was used before.
    pub fn of(shared: &[u8]) -> io::Result<Self> {
        if shared.len() != SHARED {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // Whatever comes first: Winsock has to be started before the next call.
        drop(socket2::Socket::new(Domain::IPV4, Type::STREAM, None)?);
        // SAFETY: a structure of numbers, of as many bytes, which the call checks; the new socket is nobody else's.
        let socket = unsafe {
            let mut info: WSAPROTOCOL_INFOW = std::mem::zeroed();
            std::ptr::copy_nonoverlapping(shared.as_ptr(), (&raw mut info).cast(), SHARED);
            let socket = WSASocketW(
                FROM_PROTOCOL_INFO,
                FROM_PROTOCOL_INFO,
                FROM_PROTOCOL_INFO,
                &raw const info,
                0,
                WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT,
            );
            if socket == INVALID_SOCKET {
                return Err(io::Error::last_os_error());
            }
            socket2::Socket::from_raw_socket(socket as _)
        };
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Where it is found.
    #[must_use]
    pub fn address(&self) -> Address {
        let address = self.0.local_addr().ok().and_then(|it| it.as_socket());
        address.map_or_else(|| Address::Unix(PathBuf::new()), Address::Tcp)
    }

    pub(crate) fn socket(&self) -> &socket2::Socket {
        &self.0
    }
}

/// Another program could listen at the same address otherwise, and get some of the connections.
fn refuse_others(socket: &socket2::Socket) -> io::Result<()> {
    let on = 1_i32.to_ne_bytes();
    // SAFETY: an open socket, and a number of the length that is told.
    let set = unsafe {
        setsockopt(
            socket.as_raw_socket() as SOCKET,
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            on.as_ptr(),
            on.len() as i32,
        )
    };
    match set {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl AsSocket for Listener {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.as_socket()
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
