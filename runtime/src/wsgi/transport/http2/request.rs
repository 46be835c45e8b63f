//! A request of HTTP/2 on its way to a Python thread.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use hyper::http::uri::Authority;
use hyper::http::{header, request};

use super::super::access::Record;
use super::super::connection::Connection;
use super::super::head::{self, Framing, Refusal};
use super::super::server::Shared;
use super::load::Ticket;
use super::respond;
use super::turn::Turn;
use crate::wsgi::exchange::{self, Exchange, Version};

/// A request that waits for a thread.
pub(crate) struct Request {
    head: Vec<u8>,
    ends: [SocketAddr; 2],
    queued: u64,
    turn: Arc<Turn>,
}

/// Takes a request up: refuses it, or sees to it that it reaches a thread.
pub(super) fn arrive(
    connection: &Arc<Connection>,
    ticket: Ticket,
    request: hyper::http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let shared = &connection.shared;
    let limits = &shared.limits;
    let (parts, body) = request.into_parts();
    let head = text(&parts);
    let parsed = if head.len() > limits.head.size {
        Err(Refusal {
            status: 431,
            reason: "the request head is too large",
        })
    } else {
        head::parse(&head, &limits.head, &mut Vec::new())
    };
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return respond::refuse(shared, connection.peer, respond, refusal),
    };
    let length = match parsed.framing {
        // None is told.
        Framing::Length(0) | Framing::Chunked => None,
        Framing::Length(length) => Some(usize::try_from(length).unwrap_or(usize::MAX)),
    };
    let most = limits.gather.min(length.unwrap_or(usize::MAX));
    let gathers = !parsed.expects && !body.is_end_stream();
    let room = gathers.then(|| ticket.room(head.len() + most));
    let head_only = parsed.method.of(&head) == b"HEAD";
    let turn = Turn::new(
        Arc::clone(shared),
        (body, parsed.expects),
        respond,
        head_only,
        ticket,
    );
    let request = Request {
        head,
        ends: [connection.peer, connection.local],
        queued: 0,
        turn: Arc::new(turn),
    };
    let Some(room) = room else {
        return request.wait(shared);
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        if let Ok(room) = room.await
            && request.turn.gather(length, room).await
        {
            request.wait(&shared);
        }
    });
}

impl Request {
    // In the queue, as long as one may.
    fn wait(mut self, shared: &Arc<Shared>) {
        if shared.telemetry.is_some() {
            self.queued = platform::clock::ticks();
        }
        let (turn, peer) = (Arc::clone(&self.turn), self.ends[0]);
        let timeout = shared.limits.queue_timeout;
        if !shared.enqueue_stream(self) {
            return turn.overloaded(peer);
        }
        if !timeout.is_zero() {
            tokio::spawn(async move {
                tokio::time::sleep(timeout).await;
                turn.overloaded(peer);
            });
        }
    }

    /// Handles it on this thread, with `run` if it is for the application.
    pub(crate) fn handle(
        self,
        shared: &Shared,
        run: &mut impl FnMut(&exchange::Request<'_>, Arc<dyn Exchange>),
    ) {
        if !self.turn.claim() {
            return;
        }
        let mut fields = Vec::new();
        let Ok(parsed) = head::parse(&self.head, &shared.limits.head, &mut fields) else {
            return;
        };
        let mut request =
            exchange::Request::new(&self.head, &parsed, &fields, self.ends, self.queued);
        request.version = Version::Http2;
        request.length_found = match parsed.framing {
            Framing::Length(0) => self.turn.length(),
            _ => None,
        };
        shared.trusted.apply(&mut request);
        let record = shared
            .access_log
            .is_some()
            .then(|| Box::new(Record::new(&request)));
        if let Some(answer) = shared.statics.answer(&request) {
            if let Some(telemetry) = &shared.telemetry {
                telemetry.without_python(answer.head.status);
            }
            self.turn.answer(answer);
        } else {
            run(&request, Arc::clone(&self.turn) as Arc<dyn Exchange>);
        }
        self.turn.end(record.as_deref());
    }
}

/// The head as HTTP/1.1 would have it, so that what is refused there is refused here.
fn text(parts: &request::Parts) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    let mut put = |pieces: &[&[u8]]| {
        for piece in pieces {
            text.extend_from_slice(piece);
        }
    };
    let authority = parts.uri.authority().map(Authority::as_str);
    let target = match parts.uri.path_and_query() {
        Some(path) => path.as_str(),
        // Of CONNECT.
        None => authority.unwrap_or_default(),
    };
    put(&[
        parts.method.as_str().as_bytes(),
        b" ",
        target.as_bytes(),
        b" HTTP/1.1\r\n",
    ]);
    if let Some(authority) = authority {
        put(&[b"host: ", authority.as_bytes(), b"\r\n"]);
    }
    let mut cookies = Vec::new();
    for (name, value) in &parts.headers {
        if name == header::HOST && authority.is_some() {
            // RFC 9113, section 8.3.1: the authority is in its place.
        } else if name == header::COOKIE {
            // Section 8.2.3: clients send them one by one.
            cookies.push(value.as_bytes());
        } else {
            put(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    if !cookies.is_empty() {
        put(&[b"cookie: ", &cookies.join(&b"; "[..]), b"\r\n"]);
    }
    put(&[b"\r\n"]);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_head_of_http1() {
        let check = |uri: &str, fields: &[(&str, &str)], expected: &str| {
            let mut request = hyper::http::Request::get(uri);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(text(&parts), expected.as_bytes(), "{uri}");
        };
        let fields = [
            ("cookie", "a=1"),
            ("x-a", "1"),
            ("cookie", "b=2"),
            ("host", "b"),
        ];
        check(
            "https://a:1/x?y",
            &fields,
            "GET /x?y HTTP/1.1\r\nhost: a:1\r\nx-a: 1\r\ncookie: a=1; b=2\r\n\r\n",
        );
        check("/x", &fields[3..], "GET /x HTTP/1.1\r\nhost: b\r\n\r\n");
        check("*", &[], "GET * HTTP/1.1\r\n\r\n");
    }
}
