//! HTTP/2: connections that begin with its preface, over TLS or without.
//!
//! The framing is `h2`'s, on one thread of its own that is started with the first such connection and runs no Python. A
//! request becomes the text of a head, which is checked as any other (`request`), waits in the queue of all requests, and
//! is handled by the Python thread that takes it, whose [`Exchange`](crate::wsgi::exchange::Exchange) is a `turn`.
//! HTTP/1 never comes here. Flow control goes from end to end: a body that the application does not read is not
//! received, and one that the client does not take makes the application wait.
//!
//! - `io` is the connection's socket, as tokio wants it.
//! - `connection` is the life of a connection, with what bounds a client: streams, resets, silence.
//! - `turn` is one request and its response, with `input` and `output` for the two directions; `block` lets a thread wait for a stream.

mod block;
mod connection;
mod input;
mod io;
mod load;
mod output;
mod readiness;
mod request;
mod respond;
mod turn;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{oneshot, watch};

use super::connection::Connection;
pub(crate) use request::Request as Waiting;

/// What a client begins with (RFC 9113, section 3.4), as far as it looks like a head of HTTP/1.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// What serves HTTP/2 connections.
#[derive(Debug)]
pub(crate) struct Http2 {
    running: Mutex<Option<Running>>,
    draining: watch::Sender<bool>,
}

/// The thread.
#[derive(Debug)]
struct Running {
    handle: Handle,
    // Dropping it ends the thread.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Http2 {
    /// Without a thread yet.
    pub(crate) fn new() -> Self {
        Self {
            running: Mutex::default(),
            draining: watch::Sender::new(false),
        }
    }

    /// Serves `connection`, of which `seen` was received. When the system gives no thread for it, it is closed.
    pub(crate) fn serve(&self, connection: Arc<Connection>, seen: Vec<u8>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_none() {
            *running = start().ok();
        }
        match &*running {
            Some(running) => {
                let draining = self.draining.subscribe();
                let life = connection::live(connection, seen, draining);
                running.handle.spawn(life);
            }
            None => connection.shared.close(&connection),
        }
    }

    /// No more requests; those under way are finished.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Ends the thread, and with it all connections. Its tasks wait for nothing that holds the caller.
    pub(crate) fn stop(&self) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Running { stop, thread, .. }) = running {
            drop(stop);
            let _ = thread.join();
        }
    }
}

fn start() -> std::io::Result<Running> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("wsgi-http2".into())
        .spawn(move || {
            let _ = runtime.block_on(stopped);
        })?;
    Ok(Running {
        handle,
        stop,
        thread,
    })
}
