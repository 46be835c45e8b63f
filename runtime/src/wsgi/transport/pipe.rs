//! The exchange between a Python thread and a hyper connection, which runs on the I/O thread.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::gate::Link;
use crate::wsgi::exchange::{Exchange, Gone, ReceiveError, ResponseHead};

/// Bytes of a response that may wait to be sent before the application has to.
const HIGH_WATER: usize = 64 * 1024;

/// The two directions of one exchange.
pub(crate) struct Pipe {
    download: Mutex<Download>,
    room: Condvar,
    upload: Mutex<Upload>,
    link: Arc<Link>,
    receive_timeout: Duration,
    send_timeout: Duration,
}

#[derive(Default)]
struct Download {
    head: Option<ResponseHead>,
    chunks: VecDeque<Bytes>,
    queued: usize,
    taken: u64,
    /// All of the body came with the head.
    whole: bool,
    ended: Option<Ending>,
    flushed: bool,
    left: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Complete,
    Aborted,
}

/// The response was given up; the connection is to be cut.
#[derive(Debug)]
pub(crate) struct Aborted;

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the response was given up")
    }
}

impl std::error::Error for Aborted {}

/// The request body.
pub(crate) struct Upload {
    /// What arrived before a thread had time for the request.
    pub ready: Bytes,
    /// What is still to come.
    pub incoming: Option<Incoming>,
    /// How much that is, when the client said so.
    pub left: Option<u64>,
    /// How it ended.
    pub failure: Option<ReceiveError>,
}

impl Upload {
    /// Reads the next piece; empty at the end.
    ///
    /// # Errors
    /// As [`Exchange::receive`].
    pub(crate) async fn next(&mut self, link: &Link) -> Result<Bytes, ReceiveError> {
        while let Some(incoming) = &mut self.incoming {
            match incoming.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                        return Ok(data);
                    }
                    // Trailers, which WSGI has no place for.
                    _ => {}
                },
                Some(Err(_)) => {
                    return Err(self.fail(link.failure().unwrap_or(ReceiveError::CutOff)));
                }
                None if link.cut.load(Ordering::Relaxed) => {
                    return Err(self.fail(ReceiveError::Stopped));
                }
                None if self.left.is_some_and(|left| left > 0) => {
                    return Err(self.fail(ReceiveError::CutOff));
                }
                None => self.incoming = None,
            }
        }
        self.failure.clone().map_or(Ok(Bytes::new()), Err)
    }

    /// Remembers that there is no more.
    pub(crate) fn fail(&mut self, failure: ReceiveError) -> ReceiveError {
        self.incoming = None;
        self.failure.insert(failure).clone()
    }
}

impl Pipe {
    /// For a request with this body.
    pub(crate) fn new(
        upload: Upload,
        link: Arc<Link>,
        receive_timeout: Duration,
        send_timeout: Duration,
    ) -> Self {
        Self {
            download: Mutex::default(),
            room: Condvar::new(),
            upload: Mutex::new(upload),
            link,
            receive_timeout,
            send_timeout,
        }
    }

    fn download(&self) -> MutexGuard<'_, Download> {
        self.download.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the head of the response; on the I/O thread.
    pub(crate) fn poll_head(&self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, Aborted>> {
        let mut download = self.download();
        if let Some(head) = download.head.take() {
            return Poll::Ready(Ok(head));
        }
        if download.ended.is_some() {
            return Poll::Ready(Err(Aborted));
        }
        download.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Waits for more of the body; on the I/O thread.
    pub(crate) fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        let mut download = self.download();
        if let Some(chunk) = download.chunks.pop_front() {
            download.queued -= chunk.len();
            download.taken += 1;
            drop(download);
            self.room.notify_one();
            return Poll::Ready(Some(Ok(chunk)));
        }
        let ended = download.ended;
        match ended {
            Some(Ending::Complete) => return Poll::Ready(None),
            Some(Ending::Aborted) if std::mem::replace(&mut download.flushed, true) => {
                return Poll::Ready(Some(Err(Aborted)));
            }
            // Once more later: hyper sends what it holds before it comes back.
            Some(Ending::Aborted) => cx.waker().wake_by_ref(),
            None => download.waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// What is left of the body, when all of it came with the head. Not when the rest just happened to be quick: whether
    /// a response has a length must not be a matter of luck.
    pub(crate) fn rest(&self) -> Option<u64> {
        let download = self.download();
        download.whole.then_some(download.queued as u64)
    }

    /// Nobody will take more of the response.
    pub(crate) fn leave(&self) {
        let mut download = self.download();
        download.left = true;
        download.chunks.clear();
        download.queued = 0;
        drop(download);
        self.room.notify_all();
    }

    fn wake(mut download: MutexGuard<'_, Download>) {
        let waker = download.waker.take();
        drop(download);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wait_for_room(&self) -> Result<(), Gone> {
        let mut download = self.download();
        let (mut taken, mut since) = (download.taken, Instant::now());
        while download.queued > HIGH_WATER && !download.left {
            let waited = self.room.wait_timeout(download, Duration::from_secs(1));
            download = waited.unwrap_or_else(PoisonError::into_inner).0;
            if download.taken != taken {
                (taken, since) = (download.taken, Instant::now());
            } else if since.elapsed() > self.send_timeout {
                download.left = true;
                download.ended = Some(Ending::Aborted);
            }
        }
        if download.left { Err(Gone) } else { Ok(()) }
    }
}

impl Exchange for Pipe {
    fn receive(&self) -> Result<Bytes, ReceiveError> {
        let mut upload = self.upload.lock().unwrap_or_else(PoisonError::into_inner);
        if !upload.ready.is_empty() {
            return Ok(std::mem::take(&mut upload.ready));
        }
        let next = wait(upload.next(&self.link), self.receive_timeout);
        next.unwrap_or_else(|| Err(upload.fail(ReceiveError::TimedOut)))
    }

    fn respond(&self, head: ResponseHead, body: Bytes, complete: bool) -> Result<(), Gone> {
        let mut download = self.download();
        if download.left {
            return Err(Gone);
        }
        download.head = Some(head);
        download.queued += body.len();
        if !body.is_empty() {
            download.chunks.push_back(body);
        }
        download.whole = complete;
        download.ended = complete.then_some(Ending::Complete);
        Self::wake(download);
        if complete {
            Ok(())
        } else {
            self.wait_for_room()
        }
    }

    fn send(&self, data: Bytes, complete: bool) -> Result<(), Gone> {
        let mut download = self.download();
        if download.left {
            return Err(Gone);
        }
        download.queued += data.len();
        download.chunks.push_back(data);
        download.ended = complete.then_some(Ending::Complete);
        Self::wake(download);
        if complete {
            Ok(())
        } else {
            self.wait_for_room()
        }
    }

    fn finish(&self) {
        let mut download = self.download();
        download.ended.get_or_insert(Ending::Complete);
        Self::wake(download);
    }

    fn abort(&self) {
        let mut download = self.download();
        download.ended.get_or_insert(Ending::Aborted);
        Self::wake(download);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

// Runs a future of the I/O thread's on this one; `None` after `timeout`.
fn wait<T>(future: impl Future<Output = T>, timeout: Duration) -> Option<T> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let deadline = Instant::now() + timeout;
    loop {
        if let Poll::Ready(result) = Pin::as_mut(&mut future).poll(&mut cx) {
            return Some(result);
        }
        let left = deadline.checked_duration_since(Instant::now())?;
        thread::park_timeout(left);
    }
}
