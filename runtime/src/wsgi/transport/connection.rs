//! One client's connection: hyper behind the gate, an exchange for each request.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{EXPECT, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use hyper::service::service_fn;
use hyper::{Request as Incoming_, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

use super::access::Record;
use super::gate::{Gate, Link};
use super::head::Refusal;
use super::pipe::{Aborted, Pipe, Upload};
use super::{Limits, Phase};
use crate::wsgi::exchange::{Exchange, Fields, ReceiveError, Request, ResponseHead};
use crate::wsgi::queue::{Job, Queue};
use crate::wsgi::target::Target;
use crate::wsgi::telemetry::Telemetry;

/// What all connections share.
pub(crate) struct Shared {
    /// Where requests wait for a Python thread.
    pub queue: Arc<Queue>,
    /// What clients may do.
    pub limits: Arc<Limits>,
    /// What is measured, if anything.
    pub telemetry: Option<Arc<Telemetry>>,
    /// Whether each request gets a line in the log.
    pub access_log: bool,
}

#[derive(Clone)]
struct Client {
    shared: Arc<Shared>,
    link: Arc<Link>,
    peer: SocketAddr,
    local: SocketAddr,
}

/// Serves a connection to its end, or to the server's.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // A response that leaves in two writes must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let link = Arc::new(Link::default());
    let gate = Gate::new(stream, Arc::clone(&link), Arc::clone(&shared.limits));
    let client = Client {
        shared: Arc::clone(&shared),
        link: Arc::clone(&link),
        peer,
        local,
    };
    let service = service_fn(move |request| Box::pin(answer(client.clone(), request)));
    let mut connection = hyper::server::conn::http1::Builder::new()
        // A client may close its sending side and still read; and only with this does hyper leave the client's bytes
        // alone until it is ready for the next head.
        .half_close(true)
        .header_read_timeout(None)
        .max_headers(shared.limits.head.fields + 1)
        .max_buf_size((2 * shared.limits.head.size).max(128 * 1024))
        .title_case_headers(true)
        .serve_connection(TokioIo::new(gate), service);
    let mut now = *phase.borrow_and_update();
    let ended = loop {
        match now {
            Phase::Serving => {}
            Phase::Draining => {
                link.closing.store(true, Ordering::Relaxed);
                Pin::new(&mut connection).graceful_shutdown();
            }
            Phase::Cutting => {
                link.cut.store(true, Ordering::Relaxed);
                return;
            }
        }
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            _ = phase.changed() => now = *phase.borrow_and_update(),
        }
    };
    let gate = connection.into_parts().io.into_inner();
    if ended.is_ok() && gate.is_quiet() {
        return;
    }
    let (stream, refusal) = gate.into_parts();
    finish(stream, refusal, ended.is_ok(), peer, &shared).await;
}

async fn finish(
    mut stream: TcpStream,
    refusal: Option<Refusal>,
    clean: bool,
    peer: SocketAddr,
    shared: &Shared,
) {
    if let Some(Refusal { status, reason }) = refusal {
        if let Some(telemetry) = &shared.telemetry {
            telemetry.refused(status);
        }
        let phrase = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Refused");
        let answer = format!(
            "HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{reason}\n",
            reason.len() + 1,
        );
        let _ = timeout(
            shared.limits.send_timeout,
            stream.write_all(answer.as_bytes()),
        )
        .await;
        if shared.access_log {
            let record = Record::new(peer, format!("- ({reason})"), &hyper::HeaderMap::new());
            record.write(status, reason.len() as u64 + 1);
        }
    } else if !clean {
        // Cut off in the middle of a response, by either side: nothing to wait for. With what the client sent unread,
        // closing resets the connection, which tells it that the response is not complete.
        return;
    }
    linger(stream).await;
}

// Closing a connection while the client still sends resets it, and the client may never see the response. So the
// sending side is closed first, and what still comes is read away for a moment (RFC 9112, section 9.6).
async fn linger(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
    let mut left: usize = 4 * 1024 * 1024;
    let mut waste = vec![0; 16 * 1024];
    while let Ok(Ok(_)) = timeout_at(deadline, stream.ready(Interest::READABLE)).await {
        match stream.try_read(&mut waste) {
            Ok(count) if count > 0 && count < left => left -= count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

async fn answer(
    client: Client,
    request: Incoming_<Incoming>,
) -> Result<Response<Outgoing>, Aborted> {
    let (parts, incoming) = request.into_parts();
    let raw = parts.uri.to_string();
    let http11 = parts.version == Version::HTTP_11;
    let record = client.shared.access_log.then(|| {
        let line = format!(
            "{} {raw} {}",
            parts.method,
            if http11 { "HTTP/1.1" } else { "HTTP/1.0" }
        );
        Record::new(client.peer, line, &parts.headers)
    });
    let expects = parts.headers.contains_key(EXPECT);
    let upload = gather(&client, incoming, expects).await;
    let request = Request {
        method: parts.method.as_str().to_owned(),
        target: Target::parse(&raw),
        http11,
        fields: Fields(parts.headers),
        peer: client.peer,
        local: client.local,
    };
    let limits = &client.shared.limits;
    let pipe = Arc::new(Pipe::new(
        upload,
        client.link,
        limits.receive_timeout,
        limits.send_timeout,
    ));
    let mut outgoing = Outgoing {
        pipe: Arc::clone(&pipe),
        fixed: Bytes::new(),
        record,
        status: 0,
        sent: 0,
    };
    let telemetry = client.shared.telemetry.as_deref();
    if !client.shared.queue.push(Job {
        request,
        queued: telemetry.map_or(0, Telemetry::queued),
        exchange: Arc::clone(&pipe) as Arc<dyn Exchange>,
    }) {
        if let Some(telemetry) = telemetry {
            telemetry.unqueued();
            telemetry.refused(503);
        }
        return Ok(outgoing.overloaded());
    }
    let head = poll_fn(|cx| pipe.poll_head(cx)).await?;
    outgoing.status = head.status;
    Ok(response(head, outgoing))
}

// A small body is waited for before a Python thread is taken for the request. Not when the client waits to be asked
// for it: only the application may do so.
async fn gather(client: &Client, incoming: Incoming, expects: bool) -> Upload {
    let limits = &client.shared.limits;
    let left = incoming.size_hint().exact();
    let mut upload = Upload {
        ready: Bytes::new(),
        incoming: Some(incoming),
        left,
        failure: None,
    };
    match left {
        Some(0) => upload.incoming = None,
        Some(length) if length <= limits.gather && !expects => {
            let gathered = timeout(
                limits.receive_timeout,
                gather_all(&mut upload, &client.link),
            )
            .await;
            upload.ready = gathered.unwrap_or_else(|_| {
                upload.fail(ReceiveError::TimedOut);
                Bytes::new()
            });
        }
        _ => {}
    }
    upload
}

async fn gather_all(upload: &mut Upload, link: &Link) -> Bytes {
    let mut all = BytesMut::new();
    loop {
        match upload.next(link).await {
            // Nearly always the first piece is all.
            Ok(piece) if all.is_empty() && upload.left == Some(0) => return piece,
            Ok(piece) if !piece.is_empty() => all.extend_from_slice(&piece),
            // The application sees a failure when it reads on.
            _ => return all.freeze(),
        }
    }
}

fn response(head: ResponseHead, outgoing: Outgoing) -> Response<Outgoing> {
    let mut response = Response::new(outgoing);
    // Checked by whoever made the head; what hyper refuses nevertheless is left out.
    *response.status_mut() =
        StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(reason) = hyper::ext::ReasonPhrase::try_from(head.reason)
        && response.status().canonical_reason().map(str::as_bytes) != Some(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    let fields = response.headers_mut();
    for (name, value) in head.fields {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(&name),
            HeaderValue::from_maybe_shared(Bytes::from(value)),
        ) {
            let _ = fields.try_append(name, value);
        }
    }
    fields
        .entry(SERVER)
        .or_insert(HeaderValue::from_static(super::SERVER_NAME));
    response
}

/// A response body, and the end of its request.
struct Outgoing {
    pipe: Arc<Pipe>,
    fixed: Bytes,
    record: Option<Record>,
    status: u16,
    sent: u64,
}

impl Outgoing {
    fn overloaded(mut self) -> Response<Self> {
        self.status = 503;
        self.fixed = Bytes::from_static(b"the server is overloaded\n");
        self.pipe.finish();
        let mut response = Response::new(self);
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let this = self.get_mut();
        let chunk = if this.fixed.is_empty() {
            this.pipe.poll_chunk(cx)
        } else {
            Poll::Ready(Some(Ok(std::mem::take(&mut this.fixed))))
        };
        chunk.map(|chunk| {
            let chunk = chunk?;
            this.sent += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
            Some(chunk.map(Frame::data))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match self.pipe.rest() {
            _ if !self.fixed.is_empty() => SizeHint::with_exact(self.fixed.len() as u64),
            Some(rest) => SizeHint::with_exact(rest),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.pipe.leave();
        if let Some(record) = self.record.take() {
            record.write(self.status, self.sent);
        }
    }
}
