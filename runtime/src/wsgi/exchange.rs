//! What lies between the WSGI protocol and the transport that moves bytes: one request in, one response out.
//!
//! The protocol side runs on a Python thread and is written against [`Exchange`] alone, so that another transport can
//! take the place of today's without a change there.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::HeaderMap;

use super::target::Target;

/// The head of a request that the transport found to be well-formed.
#[derive(Debug)]
pub(crate) struct Request {
    /// `GET`
    pub method: String,
    /// Path and query.
    pub target: Target,
    /// Of HTTP: 1.1 (or 1.0).
    pub http11: bool,
    /// The header fields.
    pub fields: Fields,
    /// The client.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
}

/// Header fields, names in lower case.
#[derive(Debug, Default)]
pub(crate) struct Fields(pub HeaderMap);

impl Fields {
    /// Names and values; a name that was sent several times comes several times, in the order of arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
    }
}

/// The head of a response, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    /// 200 to 599.
    pub status: u16,
    /// The words behind the number.
    pub reason: Vec<u8>,
    /// Names are tokens, values have no control characters.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
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

/// One request and its response, seen from the thread that handles it. All methods may block and are called without
/// the GIL.
pub(crate) trait Exchange: Send + Sync {
    /// The next piece of the request body; empty at its end.
    ///
    /// # Errors
    /// Also on every later call.
    fn receive(&self) -> Result<Bytes, ReceiveError>;

    /// Sends the head and what is there of the body; `complete` when that is all of it. Called once.
    ///
    /// # Errors
    /// The client is gone.
    fn respond(&self, head: ResponseHead, body: Bytes, complete: bool) -> Result<(), Gone>;

    /// Sends more of the body; `complete` when that is the last. Otherwise it returns when there is room for yet more.
    /// The data will be sent whatever happens next.
    ///
    /// # Errors
    /// The client is gone, or has not read for too long.
    fn send(&self, data: Bytes, complete: bool) -> Result<(), Gone>;

    /// The body is complete, as nobody knew when its last piece was sent.
    fn finish(&self);

    /// The response cannot be completed: the connection is cut, so that the client notices.
    fn abort(&self);
}
