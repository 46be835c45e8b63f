//! The few lines of HTTP that the demo and the measurements speak.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// An answer.
pub(crate) struct Answer {
    /// The status line's number.
    pub(crate) status: u16,
    /// The body, as text.
    pub(crate) body: String,
}

/// A loopback address that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .context("no free port")
}

/// Waits until `address` accepts connections and returns how long that took.
///
/// # Errors
/// When nobody listens there for 30 seconds.
pub(crate) fn wait_for(address: SocketAddr) -> Result<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        if TcpStream::connect(address).is_ok() {
            return Ok(begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    bail!("nobody listens on {address}")
}

/// One request on a connection of its own; `form` is the body of a POST.
///
/// # Errors
/// When the connection fails or the answer is not HTTP.
pub(crate) fn request(address: SocketAddr, path: &str, form: Option<&str>) -> Result<Answer> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("could not connect to {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let (method, body) = form.map_or(("GET", ""), |form| ("POST", form));
    let kind = if form.is_some() {
        "Content-Type: application/x-www-form-urlencoded\r\n"
    } else {
        ""
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the answer is not HTTP")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("the answer has no status")?;
    Ok(Answer {
        status,
        body: body.to_owned(),
    })
}
