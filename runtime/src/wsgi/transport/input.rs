//! The receiving side of a connection: what has arrived of a request body, and how much is to come.

use std::io::ErrorKind;

use super::chunked::{Chunked, Malformed};
use super::head::{Framing, Parsed};
use super::patience::Patience;
use super::stream::Stream;
use crate::wsgi::exchange::ReceiveError;
use bytes::Bytes;

/// Bytes that are read at once from a body, and that are skipped of one that nobody reads.
const PIECE: usize = 64 * 1024;

/// What a body still consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Nothing.
    Done,
    /// This many bytes.
    Length(u64),
    /// Chunks; the bytes of data so far.
    Chunks(Chunked, u64),
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// This much.
    Some(usize),
    /// Nothing yet.
    Nothing,
    /// The client has closed its side, or the connection is broken.
    End,
}

/// What a client sends.
#[derive(Debug)]
pub(crate) struct Input {
    held: Vec<u8>,
    /// What is held may be, or hold, a whole head.
    pub unseen: bool,
    incoming: Incoming,
    body: Vec<u8>,
    filled: usize,
    // So many bytes of chunks are still to be gathered.
    room: usize,
    /// With the client that sends the body.
    pub patience: Patience,
    failure: Option<ReceiveError>,
    /// The client has closed its side.
    pub ended: bool,
    /// The client waits for a 100 before it sends the body.
    pub expects: bool,
}

impl Input {
    /// Nothing has arrived.
    pub(crate) fn new() -> Self {
        Self {
            held: Vec::new(),
            unseen: false,
            incoming: Incoming::Done,
            body: Vec::new(),
            filled: 0,
            room: 0,
            patience: Patience::default(),
            failure: None,
            ended: false,
            expects: false,
        }
    }

    /// Bytes that have arrived and do not belong to anything yet.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Keeps `bytes`, which have been looked at, and nothing else.
    pub(crate) fn hold(&mut self, bytes: &[u8]) {
        self.unseen = false;
        if bytes.is_empty() {
            // Idle connections shall cost little.
            self.held = Vec::new();
        } else {
            self.held.clear();
            self.held.extend_from_slice(bytes);
        }
    }

    /// Reads what is there.
    pub(crate) fn receive(&mut self, socket: &Stream, buffer: &mut [u8]) -> Read {
        if self.ended {
            return Read::End;
        }
        match socket.receive(buffer) {
            Ok(0) => {}
            Ok(read) => return Read::Some(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Read::Nothing,
            // It can be told so.
            Err(_) if socket.is_cleartext() => return Read::End,
            Err(_) => {}
        }
        self.ended = true;
        Read::End
    }

    /// Begins the body of a request, of which `rest` has arrived. Up to `gather` bytes of it are to be gathered, unless the
    /// client waits to be asked for it: only the application may do so.
    pub(crate) fn begin(&mut self, parsed: &Parsed, rest: &[u8], gather: usize, limit: u64) {
        self.expects = parsed.expects && parsed.framing != Framing::Length(0);
        let gather = if self.expects { 0 } else { gather };
        self.failure = None;
        self.patience = Patience::default();
        self.incoming = Incoming::new(parsed.framing);
        (self.body, self.filled, self.room) = (Vec::new(), 0, 0);
        match self.incoming {
            Incoming::Length(length) => {
                let gathered = usize::try_from(length).unwrap_or(gather).min(gather);
                self.body = vec![0; gathered];
                self.filled = gathered.min(rest.len());
                self.body[..self.filled].copy_from_slice(&rest[..self.filled]);
                self.hold(&rest[self.filled..]);
                self.incoming = Incoming::length(length - gathered as u64);
            }
            Incoming::Chunks(..) if gather > 0 => {
                self.room = gather;
                self.gather_chunks(rest, limit);
            }
            _ => self.hold(rest),
        }
    }

    /// Whether all of the body that is to be gathered is here.
    pub(crate) fn is_gathered(&self) -> bool {
        self.room == 0 && self.filled == self.body.len()
    }

    /// Whether there is more of the body than is gathered, or may be: the client may wait for an answer to what it has sent.
    pub(crate) fn may_pause(&self) -> bool {
        self.incoming != Incoming::Done
    }

    /// Reads more of a body that is gathered, one in chunks through `buffer`.
    pub(crate) fn gather(&mut self, socket: &Stream, buffer: &mut [u8], limit: u64) -> Read {
        let read = if self.room > 0 {
            let read = self.receive(socket, buffer);
            if let Read::Some(read) = read {
                self.gather_chunks(&buffer[..read], limit);
            }
            read
        } else {
            let mut body = std::mem::take(&mut self.body);
            let read = self.receive(socket, &mut body[self.filled..]);
            self.body = body;
            if let Read::Some(read) = read {
                self.filled += read;
            }
            read
        };
        if read == Read::End {
            self.fail(ReceiveError::CutOff);
        }
        read
    }

    /// No more is to be gathered: a thread waits for what is still to come.
    pub(crate) fn end_gathering(&mut self) {
        match self.incoming {
            Incoming::Done => {}
            Incoming::Length(left) => {
                let missing = (self.body.len() - self.filled) as u64;
                self.incoming = Incoming::Length(left + missing);
            }
            Incoming::Chunks(..) => self.room = 0,
        }
        self.body.truncate(self.filled);
    }

    fn gather_chunks(&mut self, arrived: &[u8], limit: u64) {
        let Incoming::Chunks(mut chunked, _) = self.incoming else {
            return;
        };
        let before = self.body.len();
        let body = &mut self.body;
        let end = chunked.advance(arrived, |part| body.extend_from_slice(part));
        self.filled = body.len();
        let Ok(end) = end else {
            return self.fail(ReceiveError::Malformed);
        };
        if self.filled as u64 > limit {
            self.filled = before;
            return self.fail(ReceiveError::TooLarge);
        }
        self.hold(&arrived[end..]);
        self.room = self.room.saturating_sub(self.filled - before);
        self.incoming = Incoming::Chunks(chunked, self.filled as u64);
        if chunked == Chunked::Done {
            (self.incoming, self.room) = (Incoming::Done, 0);
        }
    }

    /// There is no more of the body than this. What has arrived can still be read.
    pub(crate) fn fail(&mut self, failure: ReceiveError) {
        self.body.truncate(self.filled);
        self.room = 0;
        self.failure = Some(failure);
        self.incoming = Incoming::Done;
    }

    /// The next piece of the body, empty at its end; `None` when it has not arrived yet.
    ///
    /// # Errors
    /// Also on every later call.
    pub(crate) fn next(
        &mut self,
        socket: &Stream,
        limit: u64,
    ) -> Result<Option<Bytes>, ReceiveError> {
        if !self.body.is_empty() {
            return Ok(Some(Bytes::from(std::mem::take(&mut self.body))));
        }
        self.filled = 0;
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let next = match self.incoming {
            Incoming::Done => return Ok(Some(Bytes::new())),
            Incoming::Length(left) => self.next_of_length(socket, left),
            Incoming::Chunks(chunked, data) => self.next_of_chunks(socket, chunked, data, limit),
        };
        next.inspect_err(|failure| self.fail(failure.clone()))
    }

    fn next_of_length(
        &mut self,
        socket: &Stream,
        left: u64,
    ) -> Result<Option<Bytes>, ReceiveError> {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let piece = if self.held.is_empty() {
            let mut piece = vec![0; most];
            match self.receive(socket, &mut piece) {
                Read::Some(read) => piece.truncate(read),
                Read::Nothing => return Ok(None),
                Read::End => return Err(ReceiveError::CutOff),
            }
            piece
        } else {
            let rest = self.held.split_off(most.min(self.held.len()));
            let piece = std::mem::replace(&mut self.held, rest);
            self.unseen = !self.held.is_empty();
            piece
        };
        self.incoming = Incoming::length(left - piece.len() as u64);
        Ok(Some(Bytes::from(piece)))
    }

    fn next_of_chunks(
        &mut self,
        socket: &Stream,
        mut chunked: Chunked,
        mut data: u64,
        limit: u64,
    ) -> Result<Option<Bytes>, ReceiveError> {
        let mut piece = Vec::new();
        while piece.is_empty() {
            if self.held.is_empty() {
                let mut buffer = vec![0; PIECE];
                match self.receive(socket, &mut buffer) {
                    Read::Some(read) => buffer.truncate(read),
                    Read::Nothing => return Ok(None),
                    Read::End => return Err(ReceiveError::CutOff),
                }
                self.held = buffer;
            }
            let followed = chunked.advance(&self.held, |part| piece.extend_from_slice(part));
            let end = followed.map_err(|Malformed| ReceiveError::Malformed)?;
            data += piece.len() as u64;
            if data > limit {
                return Err(ReceiveError::TooLarge);
            }
            let rest = self.held.split_off(end);
            self.hold(&rest);
            if chunked == Chunked::Done {
                self.incoming = Incoming::Done;
                break;
            }
            self.incoming = Incoming::Chunks(chunked, data);
        }
        Ok(Some(Bytes::from(piece)))
    }

    /// Whether the connection can go on after a response that is sent now: what is left of the body will be skipped.
    pub(crate) fn is_skippable(&self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        match self.incoming {
            Incoming::Done => true,
            _ if self.expects => false,
            Incoming::Length(left) => left <= PIECE as u64,
            Incoming::Chunks(mut chunked, _) => {
                chunked.advance(&self.held, |_| {}).is_ok() && chunked == Chunked::Done
            }
        }
    }

    /// The application will read no more.
    pub(crate) fn finish_turn(&mut self) {
        self.body = Vec::new();
        self.filled = 0;
    }

    /// Skips what is left of the body: `Some` when that is done. Only what [`Input::is_skippable`] said yes to.
    pub(crate) fn discard(&mut self, socket: &Stream, buffer: &mut [u8]) -> Read {
        if self.failure.is_some() {
            // What is missing of the body may still come, and is no request.
            return Read::End;
        }
        loop {
            match self.incoming {
                Incoming::Done => {
                    self.unseen = !self.held.is_empty();
                    return Read::Some(0);
                }
                Incoming::Chunks(mut chunked, data) => {
                    let Ok(end) = chunked.advance(&self.held, |_| {}) else {
                        return Read::End;
                    };
                    let rest = self.held.split_off(end);
                    self.hold(&rest);
                    self.incoming = Incoming::Chunks(chunked, data);
                    if chunked != Chunked::Done {
                        return Read::End;
                    }
                    self.incoming = Incoming::Done;
                }
                Incoming::Length(left) => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let skipped = if self.held.is_empty() {
                        let most = most.min(buffer.len());
                        match self.receive(socket, &mut buffer[..most]) {
                            Read::Some(read) => read,
                            other => return other,
                        }
                    } else {
                        let skipped = most.min(self.held.len());
                        let rest = self.held.split_off(skipped);
                        self.hold(&rest);
                        skipped
                    };
                    self.incoming = Incoming::length(left - skipped as u64);
                }
            }
        }
    }
}
