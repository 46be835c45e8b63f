//! What lies between the WSGI protocol and the transport that moves bytes: one request in, one response out.
//!
//! The protocol side runs on a Python thread and is written against [`Exchange`] alone, so that another transport can
//! take the place of today's without a change there.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::forwarded::Forwarded;
pub(crate) use super::heading::ResponseHead;
use super::target::Target;
use super::transport::head::{Parsed, Span};
use bytes::Bytes;

/// Of an end that has none, as those of a Unix socket. No client connects from there.
pub(crate) const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The head of a request that the transport found to be well-formed.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// `GET`
    pub method: &'a [u8],
    /// Path and query.
    pub target: Target<'a>,
    /// Of HTTP.
    pub version: Version,
    /// The header fields.
    pub fields: Fields<'a>,
    /// The client; of one behind a trusted proxy, the port is 0 when it is not known. [`NO_ADDRESS`] at a Unix socket.
    pub peer: SocketAddr,
    /// The address that was connected to; [`NO_ADDRESS`] of a Unix socket.
    pub local: SocketAddr,
    /// When it began to wait for a thread ([`platform::clock::ticks`]); 0 when it did not.
    pub queued: u64,
    /// What a trusted proxy says.
    pub forwarded: Forwarded,
    /// The bytes of a body over HTTP/2 of which the head does not tell them, when all of it is here.
    pub length_found: Option<usize>,
}

impl<'a> Request<'a> {
    /// The request of a head that was taken apart.
    #[inline]
    pub(crate) fn new(
        head: &'a [u8],
        parsed: &Parsed,
        fields: &'a [(Span, Span)],
        [peer, local]: [SocketAddr; 2],
        queued: u64,
    ) -> Self {
        Self {
            method: parsed.method.of(head),
            target: Target::parse(parsed.target.of(head)),
            version: if parsed.http11 {
                Version::Http11
            } else {
                Version::Http10
            },
            fields: Fields { head, fields },
            peer,
            local,
            queued,
            forwarded: Forwarded::default(),
            length_found: None,
        }
    }

    /// `GET /path`, for messages.
    pub(crate) fn label(&self) -> String {
        let text = |bytes| String::from_utf8_lossy(bytes);
        format!("{} {}", text(self.method), text(self.target.raw))
    }
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// 1.0
    Http10,
    /// 1.1
    Http11,
    /// 2
    Http2,
}

impl Version {
    /// `SERVER_PROTOCOL`
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// Header fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    head: &'a [u8],
    fields: &'a [(Span, Span)],
}

impl<'a> Fields<'a> {
    /// Names, as the client wrote them, and values, in the order of arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let head = self.head;
        self.fields
            .iter()
            .map(move |(name, value)| (name.of(head), value.of(head)))
    }

    /// The value of the first field with this name.
    pub(crate) fn get(&self, wanted: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
            .map(|(_, value)| value)
    }
}

/// How the transport may spend its time with what it is given to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// None at all: it is sent when the thread is done with the request.
    Later,
    /// What can be sent at once is sent.
    Now,
    /// It waits for the client. Only without the GIL.
    Wait,
}

/// A whole response up to this size goes with [`Pace::Later`]: it is copied rather than sent with the GIL held or released for
/// it.
pub(crate) const LATER: usize = 16 * 1024;

/// A part of a regular file, on its way to a client.
#[derive(Debug)]
pub(crate) struct FilePart {
    /// Open for reading.
    pub file: File,
    /// Where to begin.
    pub offset: u64,
    /// Bytes from there on.
    pub length: u64,
}

/// Why no more of the request body can be read. What an application sees as an OSError.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReceiveError {
    /// The client closed the connection in the middle.
    CutOff,
    /// It is not framed as it says.
    Malformed,
    /// It is larger than allowed.
    TooLarge,
    /// The client sent nothing for too long.
    TimedOut,
    /// The server is stopping.
    Stopped,
}

impl std::fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CutOff => "the client closed the connection before the end of the request body",
            Self::Malformed => "the request body is malformed",
            Self::TooLarge => "the request body is too large",
            Self::TimedOut => "the client stopped sending the request body",
            Self::Stopped => "the server is stopping",
        })
    }
}

/// The client no longer takes the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// The status of a request that the application did not answer in time.
pub(crate) const GATEWAY_TIMEOUT: u16 = 504;

/// One request and its response, seen from the thread that handles it. What may block is called without the GIL.
pub(crate) trait Exchange: Send + Sync {
    /// The next piece of the request body; empty at its end. May block.
    ///
    /// # Errors
    /// Also on every later call.
    fn receive(&self) -> Result<Bytes, ReceiveError>;

    /// Sends the head and what is there of the body; `complete` when that is all of it. Called once. Returns how much of
    /// `body` was taken: all of it, except with [`Pace::Now`] when the client does not read; the rest then goes to
    /// [`Exchange::send`].
    ///
    /// # Errors
    /// The client is gone.
    fn respond(
        &self,
        head: &ResponseHead,
        body: &[u8],
        complete: bool,
        pace: Pace,
    ) -> Result<usize, Gone>;

    /// Sends more of the body, as [`Exchange::respond`]. What was taken will be sent whatever happens next.
    ///
    /// # Errors
    /// The client is gone, or has not read for too long.
    fn send(&self, data: &[u8], complete: bool, pace: Pace) -> Result<usize, Gone>;

    /// Whether [`Exchange::respond`] with `head`, or [`Exchange::send`] where there is none, does more to the body than to send
    /// it. Then these are called without the GIL, and take all that they are given.
    fn transforms(&self, head: Option<&ResponseHead>) -> bool {
        let _ = head;
        false
    }

    /// Whether [`Exchange::respond_file`] may be called with this head.
    fn takes_file(&self, head: &ResponseHead) -> bool {
        let _ = head;
        false
    }

    /// As [`Exchange::respond`], with a part of a file as the body, which is read and sent when the thread is done with the
    /// request. Returns its length.
    ///
    /// # Errors
    /// The client is gone, or [`Exchange::takes_file`] says no.
    fn respond_file(
        &self,
        head: &ResponseHead,
        body: FilePart,
        complete: bool,
    ) -> Result<usize, Gone> {
        let _ = (head, body, complete);
        Err(Gone)
    }

    /// The body is complete, as nobody knew when its last piece was sent.
    fn finish(&self);

    /// The response cannot be completed: the connection is cut, so that the client notices.
    fn abort(&self);

    /// No further request is to come on this connection.
    fn close(&self);

    /// The application takes too long: the client is answered 504 in its place, or cut off where a response has begun. From
    /// any thread, while another may be in any of the other functions; for that one the client is gone.
    fn time_out(&self);
}
