//! Bytes to requests and back: HTTP/1.1 over TCP, on one thread that never touches Python.

mod access;
mod chunked;
mod connection;
mod gate;
pub(crate) mod head;
mod pipe;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

pub(crate) use connection::Shared;
use head::HeadLimits;

use super::telemetry::Telemetry;

/// The `Server` field.
pub(crate) const SERVER_NAME: &str = "pack";

/// Connections that the system holds until we accept them.
const BACKLOG: u32 = 1024;

/// What clients may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of a request's head and body.
    pub head: HeadLimits,
    /// From a head's first byte to its last, and for the first byte of a connection.
    pub head_timeout: Duration,
    /// Between requests.
    pub keep_alive: Duration,
    /// Between two pieces of a request body.
    pub receive_timeout: Duration,
    /// For a client that does not read.
    pub send_timeout: Duration,
    /// Bodies up to this size are read before a thread is taken for the request.
    pub gather: u64,
    /// Requests that wait for a thread.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: HeadLimits {
                size: 64 * 1024,
                fields: 100,
                body: 1 << 30,
            },
            head_timeout: Duration::from_secs(20),
            keep_alive: Duration::from_secs(75),
            receive_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(60),
            gather: 64 * 1024,
            queue: 4096,
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

/// An address that cannot be served on.
#[derive(Debug)]
pub(crate) struct BindError {
    bind: String,
    error: io::Error,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bind, error } = self;
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "cannot listen on {bind}: another program uses this port; stop it, or choose another `bind`"
                )
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(
                    f,
                    "cannot listen on {bind}: this machine does not have that address; choose another `bind`"
                )
            }
            io::ErrorKind::PermissionDenied => {
                write!(
                    f,
                    "cannot listen on {bind}: ports below 1024 need special rights; choose another `bind`"
                )
            }
            _ => write!(
                f,
                "cannot listen on {bind}: {error}; `bind` is HOST:PORT, for example 127.0.0.1:8000"
            ),
        }
    }
}

/// Sockets that listen.
pub(crate) struct Bound {
    runtime: Runtime,
    listeners: Vec<TcpListener>,
}

impl Bound {
    /// Listens on each of `binds`, `HOST:PORT`.
    ///
    /// # Errors
    /// The first that does not work.
    pub(crate) fn new(binds: &[String]) -> Result<Self, BindError> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build();
        let runtime = runtime.map_err(|error| BindError {
            bind: binds.join(", "),
            error,
        })?;
        let entered = runtime.enter();
        let listen = |bind: &String| {
            listen(bind).map_err(|error| BindError {
                bind: bind.clone(),
                error,
            })
        };
        let listeners = binds.iter().map(listen).collect::<Result<_, _>>()?;
        drop(entered);
        Ok(Self { runtime, listeners })
    }

    /// The addresses, with the ports that the system chose.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Serves on a thread of its own; calls `ended` when all connections are closed.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn start(
        self,
        shared: Shared,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<Running> {
        let (phase, watched) = watch::channel(Phase::Serving);
        let thread = std::thread::Builder::new()
            .name("wsgi-io".into())
            .spawn(move || {
                let Self { runtime, listeners } = self;
                runtime.block_on(serve(listeners, Arc::new(shared), watched));
                ended();
            })?;
        Ok(Running { phase, thread })
    }
}

fn listen(bind: &str) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "it names no address");
    for address in bind.to_socket_addrs()? {
        let socket = if address.is_ipv6() {
            TcpSocket::new_v6()
        } else {
            TcpSocket::new_v4()
        }?;
        // A server that is started again must not wait for the connections of the last one to be forgotten.
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The I/O thread.
pub(crate) struct Running {
    phase: watch::Sender<Phase>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Goes on to `phase`.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Waits for the end of the thread.
    pub(crate) fn join(self) {
        let _ = self.thread.join();
    }
}

async fn serve(listeners: Vec<TcpListener>, shared: Arc<Shared>, phase: watch::Receiver<Phase>) {
    // Nothing is ever sent: the channel closes when the last connection drops its end.
    let (alive, mut all_closed) = mpsc::channel::<()>(1);
    for listener in listeners {
        tokio::spawn(accept(
            listener,
            Arc::clone(&shared),
            phase.clone(),
            alive.clone(),
        ));
    }
    drop(alive);
    let _ = all_closed.recv().await;
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
    alive: mpsc::Sender<()>,
) {
    let watched = phase.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            // Those that wait already are accepted before the socket closes: `biased`.
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = connection::serve(stream, peer, Arc::clone(&shared), watched.clone());
                let alive = alive.clone();
                let telemetry = shared.telemetry.clone();
                tokio::spawn(async move {
                    let _counted = telemetry.map(Open::new);
                    serving.await;
                    drop(alive);
                });
            }
            // Too many open files, or a connection that was gone again: others may be closed meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A connection, counted while it is open.
struct Open(Arc<Telemetry>);

impl Open {
    fn new(telemetry: Arc<Telemetry>) -> Self {
        telemetry.accepted();
        Self(telemetry)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}
