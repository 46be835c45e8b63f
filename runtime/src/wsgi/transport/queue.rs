//! Requests that wait for a Python thread, because all of them were busy when they came.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::connection::Connection;
use super::http2;

/// What waits.
pub(crate) enum Waiting {
    /// A connection whose request is ready.
    Connection(Arc<Connection>),
    /// A request of HTTP/2.
    Stream(http2::Waiting),
}

/// First in, first out.
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    // Asked before each wait for news: most of the time there is nothing here.
    length: AtomicUsize,
    limit: usize,
}

impl Queue {
    /// An empty queue for up to `limit` requests.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            length: AtomicUsize::new(0),
            limit,
        }
    }

    /// Adds a request; false when too many wait already.
    pub(crate) fn push(&self, request: Waiting) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.limit {
            return false;
        }
        waiting.push_back(request);
        self.length.store(waiting.len(), Ordering::SeqCst);
        true
    }

    /// Takes the one that waits for the longest.
    pub(crate) fn pop(&self) -> Option<Waiting> {
        if self.is_empty() {
            return None;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.pop_front();
        self.length.store(waiting.len(), Ordering::SeqCst);
        first
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.length.load(Ordering::SeqCst) == 0
    }

    /// Lets go of those that still wait.
    pub(crate) fn clear(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = std::mem::take(&mut *waiting);
        self.length.store(0, Ordering::SeqCst);
        drop(waiting);
        drop(rest);
    }
}
