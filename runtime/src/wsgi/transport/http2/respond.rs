//! Heads of responses, and responses that are sent without a thread of Python's.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use hyper::http::header::{self, HeaderName, HeaderValue};
use hyper::http::{Response, StatusCode};
use tokio::time::{Instant, timeout};

use super::super::SERVER_NAME;
use super::super::access::Record;
use super::super::head::Refusal;
use super::super::patience::Patience;
use super::super::piece::Piece;
use super::super::server::Shared;
use crate::wsgi::exchange::{FilePart, ResponseHead};

/// The head of a response as `h2` wants it. What it would not take was refused before.
pub(super) fn head(head: &ResponseHead) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let fields = response.headers_mut();
    for (name, value) in head.fields() {
        let name = HeaderName::from_bytes(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            fields.append(name, value);
        }
    }
    if !fields.contains_key(header::SERVER) {
        fields.insert(header::SERVER, HeaderValue::from_static(SERVER_NAME));
    }
    if !fields.contains_key(header::DATE)
        && let Ok(date) = httpdate::fmt_http_date(SystemTime::now().max(UNIX_EPOCH)).try_into()
    {
        fields.insert(header::DATE, date);
    }
    response
}

/// Sends a part of a file, with `limit` for the client to take some of it; `complete`: that is the whole body.
pub(super) async fn file(
    mut stream: SendStream<Bytes>,
    part: FilePart,
    complete: bool,
    limit: Duration,
) {
    let mut left = part.length;
    let mut piece = Piece::new(part);
    let mut buffer = Vec::new();
    let mut patience = Patience::default();
    while left > 0 {
        buffer.clear();
        // It was cut short meanwhile: the client sees that bytes are missing.
        if !piece.read(&mut buffer).unwrap_or(false) {
            return stream.send_reset(Reason::INTERNAL_ERROR);
        }
        left -= buffer.len() as u64;
        let data = Bytes::from(std::mem::take(&mut buffer));
        let waiting = (&mut patience, limit);
        if !data_waiting(&mut stream, data, complete && left == 0, waiting).await {
            return;
        }
    }
    if !complete {
        stream.send_reset(Reason::INTERNAL_ERROR);
    }
}

// False when the client takes no more of it.
async fn data_waiting(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    complete: bool,
    (patience, limit): (&mut Patience, Duration),
) -> bool {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let begun = Instant::now();
        let room = poll_fn(|context| stream.poll_capacity(context));
        let room = timeout(patience.left(limit), room).await;
        patience.waited(begun.elapsed());
        let capacity = match room {
            Ok(Some(Ok(capacity))) => capacity,
            Ok(_) => return false,
            Err(_) => {
                stream.send_reset(Reason::CANCEL);
                return false;
            }
        };
        let part = data.split_to(capacity.min(data.len()));
        patience.moved(part.len() as u64);
        let end = complete && data.is_empty();
        if !part.is_empty() && stream.send_data(part, end).is_err() {
            return false;
        }
    }
    true
}

/// Head and body of an answer that says why there is no other.
pub(super) fn plain(Refusal { status, reason }: &Refusal) -> (ResponseHead, String) {
    let text = format!("{reason}\n");
    let mut head = ResponseHead::new(*status, b"");
    head.push(b"content-type", b"text/plain; charset=utf-8");
    head.push(b"content-length", text.len().to_string().as_bytes());
    if *status == 503 {
        head.push(b"retry-after", b"1");
    }
    (head, text)
}

/// Answers a request that nobody is to see.
pub(super) fn refuse(
    shared: &Shared,
    peer: SocketAddr,
    mut respond: SendResponse<Bytes>,
    refusal: Refusal,
) {
    let (head, text) = plain(&refusal);
    let Refusal { status, reason } = refusal;
    if let Some(telemetry) = &shared.telemetry {
        telemetry.without_python(status);
    }
    if let Some(log) = &shared.access_log {
        log.add(&Record::refused(peer, reason), status, text.len() as u64);
    }
    let response = self::head(&head);
    if let Ok(mut stream) = respond.send_response(response, false) {
        let _ = stream.send_data(Bytes::from(text), true);
    }
}
