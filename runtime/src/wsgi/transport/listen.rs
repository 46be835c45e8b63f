//! The sockets that a server listens on.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::path::Path;

use payload::Wsgi;
use platform::Listener;
use platform::listener::Address;

/// Connections that the system holds until we accept them.
const BACKLOG: i32 = 1024;
/// What the path of a Unix socket follows in `bind`.
const UNIX: &str = "unix:";

/// An address that cannot be served on.
#[derive(Debug)]
pub(crate) enum BindError {
    /// One of `bind`.
    Own(String, io::Error),
    /// What the service manager passed.
    Inherited(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bind, error) = match self {
            Self::Own(bind, error) => (bind, error),
            Self::Inherited(error) => {
                return write!(
                    f,
                    "cannot listen on the sockets that came with the process: {error}"
                );
            }
        };
        let is_path = bind.starts_with(UNIX);
        let message = match error.kind() {
            io::ErrorKind::AddrInUse if is_path => {
                "another program listens there; stop it, or choose another `bind`"
            }
            io::ErrorKind::AlreadyExists if is_path => {
                "the file is there and is no socket; remove it, or choose another `bind`"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound if is_path => {
                return write!(
                    f,
                    "cannot listen on {bind}: {error}; its folder must be there, and be writable for this user"
                );
            }
            _ if is_path => return write!(f, "cannot listen on {bind}: {error}"),
            io::ErrorKind::AddrInUse => {
                "another program uses this port; stop it, or choose another `bind`"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have that address; choose another `bind`"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need special rights; choose another `bind`"
            }
            _ => {
                return write!(
                    f,
                    "cannot listen on {bind}: {error}; `bind` is HOST:PORT, for example 127.0.0.1:8000, or unix:PATH"
                );
            }
        };
        write!(f, "cannot listen on {bind}: {message}")
    }
}

/// Listens where `settings` say, or on the sockets that a service manager has passed, if it has.
///
/// # Errors
/// The first that does not work.
pub(crate) fn listeners(settings: &Wsgi) -> Result<Vec<Listener>, BindError> {
    let inherited = Listener::inherited().map_err(BindError::Inherited)?;
    if !inherited.is_empty() {
        return Ok(inherited);
    }
    let listen = |bind: &String| {
        listen(bind, settings.socket_mode).map_err(|error| BindError::Own(bind.clone(), error))
    };
    settings.bind.iter().map(listen).collect()
}

fn listen(bind: &str, mode: u32) -> io::Result<Listener> {
    if let Some(path) = bind.strip_prefix(UNIX) {
        let mode = (mode > 0).then_some(mode);
        return Listener::unix(Path::new(path), mode, BACKLOG);
    }
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "it names no address");
    for address in bind.to_socket_addrs()? {
        match Listener::tcp(address, BACKLOG) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Where a browser on this machine finds one of `listeners`; none where there is nothing but Unix sockets.
pub(crate) fn url(listeners: &[Listener], scheme: &str) -> Option<String> {
    let mut addresses = listeners.iter().map(Listener::address);
    addresses.find_map(|address| match address {
        Address::Tcp(mut address) => {
            if address.ip().is_unspecified() {
                address.set_ip(match address.ip() {
                    IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            Some(format!("{scheme}://{address}/"))
        }
        Address::Unix(_) => None,
    })
}

/// Where clients find `listeners`, for the reader, with the ports that the system chose.
pub(crate) fn addresses(listeners: &[Listener], scheme: &str) -> String {
    let shown = listeners.iter().map(|listener| match listener.address() {
        Address::Tcp(address) => format!("{scheme}://{address}"),
        unix @ Address::Unix(_) => unix.to_string(),
    });
    shown.collect::<Vec<_>>().join(", ")
}
