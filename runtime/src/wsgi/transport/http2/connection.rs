//! The life of a connection.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::RecvStream;
use h2::server::{Builder, Connection as Streams, SendResponse};
use hyper::http::Request;
use tokio::io::AsyncReadExt as _;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::Limits;
use super::super::connection::Connection;
use super::io::Io;
use super::load::Load;
use super::request;

/// Requests of a client at a time, those included that it has taken back and the server is not done with.
const STREAMS: u32 = 100;
/// Bytes of a body that a client may send before the application has read them.
const WINDOW: u32 = 64 * 1024;
/// The same for all its bodies together: bodies that wait for a thread must leave room for those that threads read, or
/// neither would go on.
const WINDOWS: u32 = STREAMS * WINDOW;
/// Bytes of a response that may wait for the client before the application has to.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may take back before they were looked at.
const UNSEEN_RESETS: usize = 20;
/// Mistakes of a client that cost it only the stream.
const MISTAKES: usize = 100;
/// How long a client may take for its last words when nothing of it is under way.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often it is seen whether they are said.
const LOOK: Duration = Duration::from_millis(250);
/// Bytes that are read away before a connection is closed (RFC 9112, section 9.6).
const LINGER: usize = 4 * 1024 * 1024;

/// Serves `connection`, of which `seen` was received, until its end.
pub(super) async fn live(
    connection: Arc<Connection>,
    seen: Vec<u8>,
    draining: watch::Receiver<bool>,
) {
    if serve(&connection, seen, draining).await {
        linger(&connection).await;
    }
    connection.shared.close(&connection);
}

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOWS)
        .max_header_list_size(u32::try_from(limits.head.size).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(Some(MISTAKES));
    builder
}

// Whether the end was told to the client, and its own is worth waiting for.
async fn serve(
    connection: &Arc<Connection>,
    seen: Vec<u8>,
    mut draining: watch::Receiver<bool>,
) -> bool {
    let limits = &connection.shared.limits;
    let Ok(io) = Io::new(Arc::clone(connection), seen) else {
        return false;
    };
    let begun = builder(limits).handshake::<_, Bytes>(io);
    let Ok(Ok(mut streams)) = timeout(limits.head_timeout, begun).await else {
        return false;
    };
    let load = Arc::<Load>::default();
    let mut last = Instant::now();
    let mut ending = false;
    loop {
        if !ending && *draining.borrow_and_update() {
            ending = true;
            streams.graceful_shutdown();
        }
        let patience = match (ending, streams.has_streams()) {
            (true, true) => limits.send_timeout,
            (true, false) => LAST_WORDS,
            (false, _) if load.is_new() => limits.head_timeout,
            (false, true) => limits.keep_alive.max(limits.send_timeout),
            (false, false) => limits.keep_alive,
        };
        let until = last + patience;
        let look = if ending {
            until.min(Instant::now() + LOOK)
        } else {
            until
        };
        select! {
            biased;
            _ = draining.changed(), if !ending => {}
            next = next(&mut streams, &load) => match next {
                Some(Ok((request, respond))) => {
                    last = Instant::now();
                    request::arrive(connection, load.enter(), request, respond);
                }
                Some(Err(_)) | None => return true,
            },
            () = load.changed() => last = Instant::now(),
            () = sleep_until(look), if load.under_way() == 0 => {
                if Instant::now() < until {
                    continue;
                }
                if ending {
                    return last_words(streams, Reason::NO_ERROR).await;
                }
                ending = true;
                last = Instant::now();
                streams.graceful_shutdown();
            }
        }
        if load.is_abused() {
            return last_words(streams, Reason::ENHANCE_YOUR_CALM).await;
        }
    }
}

type Next = Option<Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>>;

// The next request, once there may be one more; until then those that there are go on.
async fn next(streams: &mut Streams<Io, Bytes>, load: &Load) -> Next {
    poll_fn(|context| {
        if load.under_way() < STREAMS as usize {
            streams.poll_accept(context)
        } else {
            let closed = streams.poll_closed(context);
            closed.map(|closed| closed.err().map(Err))
        }
    })
    .await
}

async fn last_words(mut streams: Streams<Io, Bytes>, reason: Reason) -> bool {
    streams.abrupt_shutdown(reason);
    let closed = poll_fn(|context| streams.poll_closed(context));
    timeout(LAST_WORDS, closed).await.is_ok()
}

// Closing a connection while the client still sends resets it, and the client may never see the last response.
async fn linger(connection: &Arc<Connection>) {
    connection.socket.end_sending();
    let Ok(mut io) = Io::new(Arc::clone(connection), Vec::new()) else {
        return;
    };
    let read_away = async {
        let (mut left, mut buffer) = (LINGER, vec![0; 16 * 1024]);
        while let Ok(read @ 1..) = io.read(&mut buffer).await {
            left = left.saturating_sub(read);
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(LAST_WORDS, read_away).await;
}
