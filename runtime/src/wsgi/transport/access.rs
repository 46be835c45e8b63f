//! The access log: one line per request in the combined format of Apache and nginx.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::header::{HeaderMap, HeaderName, REFERER, USER_AGENT};

use crate::wsgi::log;

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
    pub(crate) fn new(peer: SocketAddr, line: String, fields: &HeaderMap) -> Self {
        let field = |name: &HeaderName| {
            fields
                .get(name)
                .map_or("-".into(), |value| quoted(value.as_bytes()))
        };
        let (referer, agent) = (field(&REFERER), field(&USER_AGENT));
        Self {
            begun: SystemTime::now(),
            peer,
            line: quoted(line.as_bytes()),
            referer,
            agent,
        }
    }

    /// Writes the line.
    pub(crate) fn write(&self, status: u16, bytes: u64) {
        let time = timestamp(self.begun);
        let Self {
            line,
            referer,
            agent,
            ..
        } = self;
        let peer = self.peer.ip().to_canonical();
        log::line(&format!(
            "{peer} - - [{time}] \"{line}\" {status} {bytes} \"{referer}\" \"{agent}\""
        ));
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
