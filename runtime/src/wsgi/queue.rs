//! Requests that wait for a Python thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::exchange::{Exchange, Request};

/// A request and where its response goes.
pub(crate) struct Job {
    /// The request's head.
    pub request: Request,
    /// When it was put here ([`platform::clock::ticks`]).
    pub queued: u64,
    /// Its body, and the response.
    pub exchange: Arc<dyn Exchange>,
}

/// First in, first out; closed at the end.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    /// An empty queue for up to `limit` requests.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            news: Condvar::new(),
            limit,
        }
    }

    /// Adds a request; false when there are too many already, or no more are taken.
    pub(crate) fn push(&self, job: Job) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.closed || waiting.jobs.len() >= self.limit {
            return false;
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.news.notify_one();
        true
    }

    /// Waits for a request. `None` when the queue is closed. To be called without the GIL.
    pub(crate) fn pop(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self
                .news
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more requests and lets go of those that still wait.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        let jobs = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        self.news.notify_all();
        drop(jobs);
    }
}
