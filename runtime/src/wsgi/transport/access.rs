//! The access log: one line per request, in the combined format of Apache and nginx or in JSON.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::wsgi::exchange::{NO_ADDRESS, Request};
use crate::wsgi::log;

/// Bytes that are gathered before they are written without waiting for the next moment of leisure.
const GATHER: usize = 64 * 1024;

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As Apache and nginx write it.
    Combined,
    /// An object.
    Json,
}

impl Form {
    /// What the setting calls so.
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name {
            Some("json") => Self::Json,
            _ => Self::Combined,
        }
    }
}

/// Gathers lines: a system call for each would cost more than the rest of a small request.
#[derive(Debug)]
pub(crate) struct Log {
    form: Form,
    lines: Mutex<String>,
    file: Option<Place>,
    failing: AtomicBool,
}

/// A file that somebody else may move away.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    file: Mutex<File>,
}

impl Place {
    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(path)
    }

    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            // Wherever the application goes.
            path: std::path::absolute(path)?,
            file: Mutex::new(Self::open(path)?),
        })
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Lines of this form, to the end of a file or to stderr.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn new(form: Form, file: Option<&Path>) -> io::Result<Self> {
        Ok(Self {
            form,
            lines: Mutex::default(),
            file: file.map(Place::new).transpose()?,
            failing: AtomicBool::new(false),
        })
    }

    /// Adds the line of an answered request.
    pub(crate) fn add(&self, record: &Record, status: u16, bytes: u64) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match self.form {
            Form::Combined => record.render(&mut lines, status, bytes),
            Form::Json => record.render_json(&mut lines, status, bytes),
        }
        if lines.len() > GATHER {
            let full = std::mem::take(&mut *lines);
            drop(lines);
            self.write(&full);
        }
    }

    /// Whether nothing is gathered.
    pub(crate) fn is_empty(&self) -> bool {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.is_empty()
    }

    /// Writes what was gathered.
    pub(crate) fn flush(&self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        if !lines.is_empty() {
            self.write(&lines);
        }
    }

    /// Opens its file anew, as the old one was moved away. Where that fails the old one is kept.
    pub(crate) fn reopen(&self) {
        let Some(place) = &self.file else { return };
        self.flush();
        match Place::open(&place.path) {
            Ok(file) => *place.file() = file,
            Err(error) => log::line(&format!(
                "warning: cannot open the access log `{}` again: {error}; the old file is written to",
                place.path.display()
            )),
        }
    }

    /// A full disk costs lines, and is told once; it is no reason to stop serving.
    fn write(&self, lines: &str) {
        let Some(place) = &self.file else {
            return log::write(lines);
        };
        let mut file = place.file();
        // What a failure has cut ends here.
        let cut = self.failing.load(Ordering::Relaxed);
        let begun = if cut { file.write_all(b"\n") } else { Ok(()) };
        match begun.and_then(|()| file.write_all(lines.as_bytes())) {
            Ok(()) => self.failing.store(false, Ordering::Relaxed),
            Err(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                log::line(&format!("warning: the access log loses lines: {error}"));
            }
            Err(_) => {}
        }
    }
}

/// What a line says about the request; the rest is known when the response is out.
#[derive(Debug)]
pub(crate) struct Record {
    begun: SystemTime,
    peer: SocketAddr,
    line: Vec<u8>,
    referer: Option<Vec<u8>>,
    agent: Option<Vec<u8>>,
}

impl Record {
    /// Notes a request.
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let mut line = request.method.to_vec();
        line.push(b' ');
        line.extend_from_slice(request.target.raw);
        line.push(b' ');
        line.extend_from_slice(request.version.name().as_bytes());
        let field = |name| request.fields.get(name).map(<[u8]>::to_vec);
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
            line: format!("- ({reason})").into_bytes(),
            referer: None,
            agent: None,
        }
    }

    fn client(&self) -> Option<String> {
        (self.peer != NO_ADDRESS).then(|| self.peer.ip().to_canonical().to_string())
    }

    fn render(&self, to: &mut String, status: u16, bytes: u64) {
        let time = timestamp(self.begun);
        let line = quoted(&self.line);
        let field = |value: &Option<Vec<u8>>| value.as_deref().map_or("-".into(), quoted);
        let (referer, agent) = (field(&self.referer), field(&self.agent));
        let peer = self.client().unwrap_or_else(|| "-".into());
        // Writing to a String cannot fail.
        let _ = writeln!(
            to,
            "{peer} - - [{time}] \"{line}\" {status} {bytes} \"{referer}\" \"{agent}\""
        );
    }

    fn render_json(&self, to: &mut String, status: u16, bytes: u64) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let field = |value: &Option<Vec<u8>>| value.as_deref().map(text);
        let spent = self.begun.elapsed().unwrap_or_default();
        let line = serde_json::json!({
            "time": iso(self.begun),
            "client": self.client(),
            "request": text(&self.line),
            "status": status,
            "bytes": bytes,
            "seconds": spent.as_secs_f64(),
            "referer": field(&self.referer),
            "user_agent": field(&self.agent),
        });
        let _ = writeln!(to, "{line}");
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

/// `2026-11-23T08:55:51Z`
fn iso(time: SystemTime) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let date = httpdate::fmt_http_date(time.max(UNIX_EPOCH));
    let [day, month, year, clock] = words(&date);
    let month = MONTHS.find(month).map_or(0, |place| place / 3 + 1);
    format!("{year}-{month:02}-{day}T{clock}Z")
}

/// `23/Nov/2026:08:55:51 +0000`
fn timestamp(time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time.max(UNIX_EPOCH));
    let [day, month, year, clock] = words(&date);
    format!("{day}/{month}/{year}:{clock} +0000")
}

// Of `Mon, 23 Nov 2026 08:55:51 GMT`.
fn words(date: &str) -> [&str; 4] {
    let mut words = date.split(' ').skip(1);
    std::array::from_fn(|_| words.next().unwrap_or_default())
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
        assert_eq!(
            iso(UNIX_EPOCH + Duration::from_secs(784_111_777)),
            "1994-11-06T08:49:37Z"
        );
        assert_eq!(quoted(b"a\"b\\c\n\xe9"), "a\\\"b\\\\c\\x0a\\xe9");
    }
}
