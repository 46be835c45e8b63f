//! The access log: one line per request, in the combined format of Apache and nginx or in JSON.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

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
    lines: Mutex<Lines>,
    file: Option<Place>,
    failing: AtomicBool,
}

/// What is gathered.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    stamp: Stamp,
}

/// A time as the last line had it: most lines are of the same second as the one before.
#[derive(Debug, Default)]
struct Stamp {
    second: u64,
    text: String,
}

impl Stamp {
    /// That of `time`, as `render` writes it.
    fn of(&mut self, time: SystemTime, render: impl FnOnce(SystemTime) -> String) -> &str {
        let second = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        if self.second != second || self.text.is_empty() {
            (self.second, self.text) = (second, render(time));
        }
        &self.text
    }
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
        let mut lines = self.lines();
        match self.form {
            Form::Combined => record.render(&mut lines, status, bytes),
            Form::Json => record.render_json(&mut lines, status, bytes),
        }
        if lines.text.len() > GATHER {
            let full = std::mem::take(&mut lines.text);
            drop(lines);
            self.write(&full);
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is gathered.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines().text.is_empty()
    }

    /// Writes what was gathered.
    pub(crate) fn flush(&self) {
        let lines = std::mem::take(&mut self.lines().text);
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

    fn client(&self) -> Option<IpAddr> {
        (self.peer != NO_ADDRESS).then(|| self.peer.ip().to_canonical())
    }

    fn render(&self, lines: &mut Lines, status: u16, bytes: u64) {
        let Lines { text, stamp } = lines;
        // Writing to a String cannot fail.
        let _ = match self.client() {
            Some(client) => write!(text, "{client}"),
            None => text.write_char('-'),
        };
        text.push_str(" - - [");
        text.push_str(stamp.of(self.begun, timestamp));
        text.push_str("] \"");
        quote(text, &self.line);
        let _ = write!(text, "\" {status} {bytes} \"");
        quote(text, self.referer.as_deref().unwrap_or(b"-"));
        text.push_str("\" \"");
        quote(text, self.agent.as_deref().unwrap_or(b"-"));
        text.push_str("\"\n");
    }

    fn render_json(&self, lines: &mut Lines, status: u16, bytes: u64) {
        #[derive(Serialize)]
        struct Line<'a> {
            time: &'a str,
            client: Option<IpAddr>,
            request: Cow<'a, str>,
            status: u16,
            bytes: u64,
            seconds: f64,
            referer: Option<Cow<'a, str>>,
            user_agent: Option<Cow<'a, str>>,
        }

        let line = serde_json::to_string(&Line {
            time: lines.stamp.of(self.begun, iso),
            client: self.client(),
            request: String::from_utf8_lossy(&self.line),
            status,
            bytes,
            seconds: self.begun.elapsed().unwrap_or_default().as_secs_f64(),
            referer: self.referer.as_deref().map(String::from_utf8_lossy),
            user_agent: self.agent.as_deref().map(String::from_utf8_lossy),
        });
        lines.text.push_str(&line.unwrap_or_default());
        lines.text.push('\n');
    }
}

// As Apache: a client must not be able to end the quotes or the line.
fn quote(to: &mut String, value: &[u8]) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    match str::from_utf8(value) {
        Ok(text) if value.iter().all(is_plain) => return to.push_str(text),
        _ => {}
    }
    for &byte in value {
        match byte {
            b'"' | b'\\' => to.extend(['\\', char::from(byte)]),
            _ if is_plain(&byte) => to.push(char::from(byte)),
            _ => drop(write!(to, "\\x{byte:02x}")),
        }
    }
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
        let mut text = String::from("- ");
        quote(&mut text, b"a\"b\\c\n\xe9");
        quote(&mut text, b" d'e");
        assert_eq!(text, "- a\\\"b\\\\c\\x0a\\xe9 d'e");
    }

    #[test]
    fn each_second_has_its_stamp() {
        let mut stamp = Stamp::default();
        for (seconds, expected) in [(0, "00"), (0, "00"), (59, "59"), (1, "01")] {
            let time = UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999);
            let text = stamp.of(time, timestamp);
            assert_eq!(text, format!("01/Jan/1970:00:00:{expected} +0000"));
        }
    }
}
