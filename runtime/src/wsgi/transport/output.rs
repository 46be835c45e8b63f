//! The sending side of a connection: heads, chunks, and what waits for the client to read.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use super::patience::Taking;
use super::piece::Piece;
use super::stream::Stream;
use crate::wsgi::exchange::FilePart;
use crate::wsgi::exchange::{Pace, ResponseHead};
use crate::wsgi::statics::{Answer, Body};

/// Bytes of a response that may wait for the client before the application has to.
const HIGH_WATER: usize = 64 * 1024;
/// Bytes of a response that may leave with others.
const TOGETHER: usize = 16 * 1024;
/// A buffer that an idle connection may keep.
const SMALL: usize = 1024;
/// Pieces of a file that one client is sent before others have their turn.
const PIECES: usize = 16;

/// How the end of a response body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimited {
    /// By its length, or there is none.
    Length,
    /// By the last chunk.
    Chunks,
    /// By the end of the connection.
    Close,
}

/// What is under way to the client.
#[derive(Debug)]
pub(crate) struct Output {
    pending: Vec<u8>,
    sent: usize,
    /// What is to be sent behind that.
    file: Option<Piece>,
    delimited: Delimited,
    /// A chunk was begun whose data is not all here yet.
    inside: bool,
    /// Of the present response, when its head is out.
    pub status: Option<u16>,
    /// Bytes of body.
    pub bytes: u64,
    /// All of the response was given to us.
    pub complete: bool,
    /// The response was given up.
    pub aborted: bool,
    /// The client does not take any more.
    pub gone: bool,
    /// Patience with the client.
    pub taking: Taking,
}

impl Output {
    /// Nothing is under way.
    pub(crate) fn new() -> Self {
        Self {
            pending: Vec::new(),
            sent: 0,
            file: None,
            delimited: Delimited::Length,
            inside: false,
            status: None,
            bytes: 0,
            complete: false,
            aborted: false,
            gone: false,
            taking: Taking::default(),
        }
    }

    /// Before the next response.
    pub(crate) fn reset(&mut self) {
        (self.status, self.bytes, self.complete) = (None, 0, false);
        self.delimited = Delimited::Length;
        self.inside = false;
        self.file = None;
        self.taking = Taking::default();
        if self.pending.capacity() > SMALL {
            self.pending = Vec::new();
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self, socket: &Stream) -> bool {
        self.pending.len() == self.sent && self.file.is_none() && !socket.wants_write()
    }

    /// Whether a cut connection could pass for a complete response.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.status.is_some() && self.delimited == Delimited::Close
    }

    /// Whether it is a complete and small response of which nothing was sent yet.
    pub(crate) fn is_held_back(&self) -> bool {
        let is_small = !self.pending.is_empty() && self.pending.len() <= TOGETHER;
        is_small && self.sent == 0 && self.file.is_none() && self.complete && !self.aborted
    }

    /// Sends what waits; false when the client does not read.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) fn flush(&mut self, socket: &Stream) -> io::Result<bool> {
        for _ in 0..PIECES {
            if !self.flush_pending(socket)? {
                return Ok(false);
            }
            let Some(file) = &mut self.file else {
                return Ok(true);
            };
            let sent = file
                .send(socket)
                .unwrap_or_else(|| file.read(&mut self.pending));
            match sent {
                Ok(true) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Ok(false) => self.file = None,
                // It was cut short meanwhile: the client sees that bytes are missing.
                Err(error) => return Err(self.lost(error)),
            }
        }
        Ok(self.is_empty(socket))
    }

    fn flush_pending(&mut self, socket: &Stream) -> io::Result<bool> {
        while self.sent < self.pending.len() {
            match socket.send(&[IoSlice::new(&self.pending[self.sent..])]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(self.lost(error)),
            }
        }
        self.pending.clear();
        self.sent = 0;
        socket.flush().map_err(|error| self.lost(error))
    }

    fn lost(&mut self, error: io::Error) -> io::Error {
        self.gone = true;
        self.file = None;
        self.pending.clear();
        self.sent = 0;
        error
    }

    /// Something outside of responses: a refusal, or `100 Continue`.
    pub(crate) fn raw(&mut self, text: &[u8]) {
        self.pending.extend_from_slice(text);
    }

    /// The whole response to a request that the application does not see; it is sent by [`Output::flush`].
    pub(crate) fn answer(&mut self, answer: Answer, connection: &[u8], head_only: bool) {
        self.status = Some(answer.head.status);
        self.complete = true;
        write_head(
            &mut self.pending,
            &answer.head,
            Delimited::Length,
            connection,
        );
        match answer.body {
            _ if head_only => {}
            Body::Text(text) => {
                self.pending.extend_from_slice(text);
                self.bytes = text.len() as u64;
            }
            Body::File(part) => {
                self.bytes = part.length;
                self.file = Some(Piece::new(part));
            }
        }
    }

    /// The head, and a part of a file behind it, which are sent by [`Output::flush`].
    pub(crate) fn respond_file(
        &mut self,
        head: &ResponseHead,
        connection: &[u8],
        body: FilePart,
        complete: bool,
    ) {
        self.status = Some(head.status);
        (self.bytes, self.complete) = (body.length, complete);
        write_head(&mut self.pending, head, Delimited::Length, connection);
        self.file = (body.length > 0).then(|| Piece::new(body));
    }

    /// The head, and what there is of the body; how much of that was taken.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) fn respond(
        &mut self,
        socket: &Stream,
        head: &ResponseHead,
        delimited: Delimited,
        connection: &[u8],
        body: (&[u8], bool),
        pace: Pace,
    ) -> io::Result<usize> {
        self.delimited = delimited;
        self.status = Some(head.status);
        if pace == Pace::Later {
            write_head(&mut self.pending, head, delimited, connection);
            return self.body(socket, &[], body, pace);
        }
        HEAD.with_borrow_mut(|buffer| {
            buffer.clear();
            write_head(buffer, head, delimited, connection);
            self.body(socket, buffer, body, pace)
        })
    }

    /// More of the body; how much was taken.
    ///
    /// # Errors
    /// The connection's.
    pub(crate) fn send(
        &mut self,
        socket: &Stream,
        body: (&[u8], bool),
        pace: Pace,
    ) -> io::Result<usize> {
        self.body(socket, &[], body, pace)
    }

    fn body(
        &mut self,
        socket: &Stream,
        head: &[u8],
        (data, complete): (&[u8], bool),
        pace: Pace,
    ) -> io::Result<usize> {
        let mut size = [0_u8; 18];
        let (mut begin, mut end): (&[u8], &[u8]) = (&[], &[]);
        if self.delimited == Delimited::Chunks {
            if !self.inside && !data.is_empty() {
                begin = chunk_size(&mut size, data.len());
            }
            end = match (data.is_empty(), complete) {
                (false, false) => b"\r\n",
                (false, true) => b"\r\n0\r\n\r\n",
                (true, true) => b"0\r\n\r\n",
                (true, false) => b"",
            };
        }
        let taken = self.put(socket, [head, begin, data, end], pace)?;
        self.bytes += taken as u64;
        self.inside = self.delimited == Delimited::Chunks && taken < data.len();
        self.complete |= complete && taken == data.len();
        Ok(taken)
    }

    // Sends what can be sent at once and keeps what may be kept; how much of the data, the third piece, that was. What is
    // behind the data waits with its rest.
    fn put(&mut self, socket: &Stream, pieces: [&[u8]; 4], pace: Pace) -> io::Result<usize> {
        let mut sent = 0;
        if pace != Pace::Later && self.flush(socket)? {
            let slices = pieces.map(IoSlice::new);
            sent = match socket.send(&slices) {
                Ok(sent) => sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => return Err(self.lost(error)),
            };
        }
        let [head, begin, data, end] = pieces;
        let mut left = |piece: &[u8]| {
            let skip = sent.min(piece.len());
            sent -= skip;
            skip
        };
        let (head, begin) = (&head[left(head)..], &begin[left(begin)..]);
        let skipped = left(data);
        let end = &end[left(end)..];
        self.pending.extend_from_slice(head);
        self.pending.extend_from_slice(begin);
        let rest = &data[skipped..];
        let room = if pace == Pace::Later {
            rest.len()
        } else {
            HIGH_WATER.saturating_sub(self.pending.len() - self.sent)
        };
        let keep = rest.len().min(room);
        self.pending.extend_from_slice(&rest[..keep]);
        if keep == rest.len() {
            self.pending.extend_from_slice(end);
        }
        Ok(skipped + keep)
    }
}

fn chunk_size(buffer: &mut [u8; 18], size: usize) -> &[u8] {
    let mut rest = &mut buffer[..];
    // 16 digits and a line end fit.
    let _ = write!(rest, "{size:x}\r\n");
    let left = rest.len();
    &buffer[..18 - left]
}

fn write_head(buffer: &mut Vec<u8>, head: &ResponseHead, delimited: Delimited, connection: &[u8]) {
    let digit = |place: u16| b'0' + u8::try_from(head.status / place % 10).unwrap_or(0);
    buffer.extend_from_slice(b"HTTP/1.1 ");
    buffer.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
    buffer.extend_from_slice(head.lines());
    if !head.has.server {
        buffer.extend_from_slice(b"Server: ");
        buffer.extend_from_slice(super::SERVER_NAME.as_bytes());
        buffer.extend_from_slice(b"\r\n");
    }
    if !head.has.date {
        write_date(buffer);
    }
    if delimited == Delimited::Chunks {
        buffer.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    buffer.extend_from_slice(connection);
    buffer.extend_from_slice(b"\r\n");
}

thread_local! {
    static HEAD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    // The second it was made in, and the field.
    static DATE: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

fn write_date(buffer: &mut Vec<u8>) {
    let now = SystemTime::now();
    let second = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    DATE.with_borrow_mut(|(made, date)| {
        if *made != second || date.is_empty() {
            *made = second;
            *date = format!("Date: {}\r\n", httpdate::fmt_http_date(now.max(UNIX_EPOCH)));
        }
        buffer.extend_from_slice(date.as_bytes());
    });
}
