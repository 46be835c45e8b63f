//! Bytes to requests and back: HTTP/1.1 and HTTP/2, over TCP or TLS.
//!
//! The Python threads wait for all connections together. Whoever is told of news reads, takes the head apart, calls the
//! application, writes, and asks for more news: a request crosses no threads, and none waits while a thread is idle.
//! While all of them are busy for longer than a moment, and for whatever has to do with time, there is the `keeper`.
//!
//! - `connection` is the life of a connection, with `input` and `output` for its two directions, `head` and `chunked`
//!   for what comes in, `patience` for how long it is waited for, and `turn` for what the protocol side sees of one
//!   request.
//! - `stream` is a client's socket, with `tls` on it or without.
//! - `http2` has the connections that speak HTTP/2.
//! - `server` is what the threads share: the poller, the connections, the queue.
//! - `lead` and `held` say when one thread does the work of all, and when responses leave together.

pub(crate) mod access;
mod chunked;
mod connection;
mod fair;
pub(crate) mod head;
mod held;
mod http2;
mod input;
mod keeper;
pub(crate) mod lead;
mod listen;
mod output;
mod patience;
mod piece;
mod queue;
mod server;
mod stream;
pub(crate) mod tls;
mod turn;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use payload::Wsgi;
use platform::Listener;

pub(crate) use connection::Scratch;
use head::HeadLimits;
pub(crate) use listen::{addresses, listeners, url};
pub(crate) use server::Shared;

/// The `Server` field.
pub(crate) const SERVER_NAME: &str = "pack";

/// What clients may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of a request's head and body.
    pub head: HeadLimits,
    /// From a head's first byte to its last, and for the first byte of a connection.
    pub head_timeout: Duration,
    /// Between requests.
    pub keep_alive: Duration,
    /// For a client that sends nothing of a request body.
    pub receive_timeout: Duration,
    /// For a client that does not read.
    pub send_timeout: Duration,
    /// Bytes of a body that are read before a thread is taken for the request.
    pub gather: usize,
    /// Requests that wait for a thread.
    pub queue: usize,
    /// How long one of them may; zero is for ever.
    pub queue_timeout: Duration,
    /// Connections; 0 is as many as there may be open files.
    pub connections: usize,
}

/// Bytes of a body that are read before a thread is taken for the request: all of most bodies, so that no thread waits for
/// a slow client.
const GATHER: usize = 64 << 10;

impl From<&Wsgi> for Limits {
    fn from(settings: &Wsgi) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            head: HeadLimits {
                size: usize::try_from(settings.max_header_size).unwrap_or(usize::MAX),
                fields: count(settings.max_header_count),
                body: settings.max_body_size,
            },
            head_timeout: seconds(settings.head_timeout),
            keep_alive: seconds(settings.keep_alive_timeout),
            receive_timeout: seconds(settings.body_timeout),
            send_timeout: seconds(settings.send_timeout),
            gather: GATHER,
            queue: count(settings.queue_limit),
            queue_timeout: seconds(settings.queue_timeout),
            connections: count(settings.max_connections),
        }
    }
}

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// New connections and requests are taken.
    Serving,
    /// Requests under way are finished.
    Draining,
    /// Connections are cut.
    Cutting,
}

/// Sockets that listen.
pub(crate) struct Bound {
    listeners: Vec<Listener>,
}

impl Bound {
    /// To serve on `listeners`.
    pub(crate) fn on(listeners: Vec<Listener>) -> Self {
        Self { listeners }
    }

    /// Where clients find them, for the reader.
    pub(crate) fn addresses(&self, scheme: &str) -> String {
        listen::addresses(&self.listeners, scheme)
    }

    /// Where a browser on this machine finds it, if it does.
    pub(crate) fn url(&self, scheme: &str) -> Option<String> {
        url(&self.listeners, scheme)
    }

    /// Begins to accept connections for the threads that serve from `shared`; calls `ended` when all are closed.
    ///
    /// # Errors
    /// When the system gives no more threads or descriptors.
    pub(crate) fn start(
        self,
        shared: &Arc<Shared>,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<Running> {
        shared.listen(self.listeners)?;
        let thread = keeper::start(Arc::clone(shared), ended)?;
        Ok(Running {
            shared: Arc::clone(shared),
            thread,
        })
    }
}

/// A transport that runs.
pub(crate) struct Running {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Goes on to `phase`.
    pub(crate) fn enter(&self, phase: Phase) {
        self.shared.enter(phase);
    }

    /// Waits for the end of the keeper.
    pub(crate) fn join(self) {
        let _ = self.thread.join();
    }
}
