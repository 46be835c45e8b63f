//! The access log: one line per request in the combined format of Apache and nginx.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::wsgi::exchange::Request;
use crate::wsgi::log;

/// Bytes that are gathered before they are written without waiting for the next moment of leisure.
const GATHER: usize = 64 * 1024;

/// Gathers lines: a system call for each would cost more than the rest of a small request.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<String>);

impl Log {
    /// Adds the line of an answered request.
    pub(crate) fn add(&self, record: &Record, status: u16, bytes: u64) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        record.render(&mut lines, status, bytes);
        if lines.len() > GATHER {
            let full = std::mem::take(&mut *lines);
            drop(lines);
            log::write(&full);
        }
    }

    /// Writes what was gathered.
    pub(crate) fn flush(&self) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !lines.is_empty() {
            log::write(&lines);
        }
    }
}

/// What a line says about the request; the rest is known when the response is out.
#[derive(Debug)]
pub(crate) struct Record {
    begun: SystemTime,
    peer: SocketAddr,
    line: String,
    referer: String,
    agent: String,
}

impl Record {
    /// Notes a request.
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let mut line = quoted(request.method);
        line.push(' ');
        line.push_str(&quoted(request.target.raw));
        line.push_str(if request.http11 {
            " HTTP/1.1"
        } else {
            " HTTP/1.0"
        });
        let field = |name| request.fields.get(name).map_or("-".into(), quoted);
        Self {
            begun: SystemTime::now(),
            peer: request.peer,
            line,
            referer: field("referer"),
            agent: field("user-agent"),
        }
    }

    /// Notes something that was no request.
    pub(crate) fn refused(peer: SocketAddr, reason: &str) -> Self {
        Self {
            begun: SystemTime::now(),
            peer,
            line: format!("- ({reason})"),
            referer: "-".into(),
            agent: "-".into(),
        }
    }

    fn render(&self, to: &mut String, status: u16, bytes: u64) {
        let time = timestamp(self.begun);
        let Self {
            line,
            referer,
            agent,
            ..
        } = self;
        let peer = self.peer.ip().to_canonical();
        // Writing to a String cannot fail.
        let _ = writeln!(
            to,
            "{peer} - - [{time}] \"{line}\" {status} {bytes} \"{referer}\" \"{agent}\""
        );
    }
}

// As Apache: a client must not be able to end the quotes or the line.
fn quoted(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for &byte in value {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => drop(write!(text, "\\x{byte:02x}")),
        }
    }
    text
}

/// `23/Nov/2026:08:55:51 +0000`
fn timestamp(time: SystemTime) -> String {
    // `Mon, 23 Nov 2026 08:55:51 GMT`
    let date = httpdate::fmt_http_date(time.max(UNIX_EPOCH));
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().unwrap_or_default();
    let (day, month, year, clock) = (word(), word(), word(), word());
    format!("{day}/{month}/{year}:{clock} +0000")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_and_quotes() {
        assert_eq!(
            timestamp(UNIX_EPOCH + Duration::from_secs(784_111_777)),
            "06/Nov/1994:08:49:37 +0000"
        );
        assert_eq!(quoted(b"a\"b\\c\n\xe9"), "a\\\"b\\\\c\\x0a\\xe9");
    }
}
