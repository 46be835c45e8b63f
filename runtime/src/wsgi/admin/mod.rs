//! The admin listener: metrics, health, the live page, and the switch interval, on an address and a thread of its own
//! that runs no Python. An application that hangs or holds the GIL does not stop it from answering.
//!
//! Off unless `admin` is set. It listens on loopback addresses only, unless there is a token that clients must know.

mod guard;
mod live;
mod routes;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use self::guard::Guard;
use self::live::Live;
use self::routes::Routes;
use super::telemetry::Memory;

/// Connections at a time; more wait.
const CONNECTIONS: usize = 64;
/// For a request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For a connection: scrapers and pages come again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);

/// Why the listener did not start.
#[derive(Debug)]
pub(crate) enum AdminError {
    /// Others than this machine could reach it, and there is no token.
    Exposed(String),
    /// The token is empty.
    EmptyToken,
    /// The address cannot be listened on.
    Listen(String, io::Error),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed(bind) => write!(
                f,
                "`admin = \"{bind}\"` can be reached from other machines: set `admin-token`, or listen on 127.0.0.1"
            ),
            Self::EmptyToken => {
                f.write_str("`admin-token` is empty; leave it out, or set it to something long")
            }
            Self::Listen(bind, error) => write!(
                f,
                "cannot listen on {bind} for `admin`: {error}; it is HOST:PORT, for example 127.0.0.1:9000"
            ),
        }
    }
}

/// The listener, bound, and what it lets in.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    guard: Guard,
    /// Where it listens, with the port that the system chose.
    pub address: SocketAddr,
}

impl Listening {
    /// Listens on `bind`, `HOST:PORT`.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub(crate) fn new(bind: &str, token: Option<&str>) -> Result<Self, AdminError> {
        let failed = |error| AdminError::Listen(bind.to_owned(), error);
        if token.is_some_and(str::is_empty) {
            return Err(AdminError::EmptyToken);
        }
        let listener = listen(bind).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if token.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(AdminError::Exposed(bind.to_owned()));
        }
        Ok(Self {
            listener,
            guard: Guard::new(token),
            address,
        })
    }

    /// Answers until the process ends.
    pub(crate) fn serve(self, memory: Memory) {
        let (_never, stopped) = oneshot::channel();
        self.answer(memory, stopped);
    }

    fn answer(self, memory: Memory, stopped: oneshot::Receiver<()>) {
        let routes = Arc::new(Routes {
            guard: self.guard,
            live: Live::new(memory.clone()),
            memory,
        });
        run(self.listener, &routes, stopped);
    }
}

/// The running listener.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Answers in a thread of its own, and shows what is in `memory`.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub(crate) fn start(
        bind: &str,
        token: Option<&str>,
        memory: Memory,
    ) -> Result<Self, AdminError> {
        let listening = Listening::new(bind, token)?;
        let address = listening.address;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("wsgi-admin".into());
        let thread = thread
            .spawn(move || listening.answer(memory, stopped))
            .map_err(|error| AdminError::Listen(bind.to_owned(), error))?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(bind: &str) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = bind.to_socket_addrs()?.collect();
    let listener = TcpListener::bind(&addresses[..])?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn run(listener: TcpListener, routes: &Arc<Routes>, stopped: oneshot::Receiver<()>) {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        let sampling = Arc::clone(routes);
        tokio::select! {
            () = accept(listener, routes) => {}
            () = async move { sampling.live.sample().await } => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: TcpListener, routes: &Arc<Routes>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files: others may be closed meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let routes = Arc::clone(routes);
        tokio::spawn(async move {
            let service = service_fn(|request| routes.answer(request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service);
            let _ = timeout(CONNECTION_TIMEOUT, connection).await;
            drop(place);
        });
    }
}
