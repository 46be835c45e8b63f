//! Sockets, beyond what the standard library says about them.

use std::io;
use std::net::TcpListener;

/// Lets `connections` wait in the system until they are accepted.
///
/// # Errors
/// When `listener` is none.
pub fn set_backlog(listener: &TcpListener, connections: i32) -> io::Result<()> {
    Ok(rustix::net::listen(listener, connections)?)
}
