//! Threads beside those that serve: they look after something from time to time, until the server ends.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// They.
#[derive(Debug, Default)]
pub(crate) struct Background {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

/// Whether it is time to end.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    news: Condvar,
}

impl Stop {
    /// Waits for `time`; true when it is time to end, as soon as it is.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .news
            .wait_timeout_while(stopped, time, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Background {
    /// Starts a thread, which ends when [`Stop::wait`] says so.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce(&Stop) + Send + 'static,
    ) -> io::Result<()> {
        let stop = Arc::clone(&self.stop);
        let builder = std::thread::Builder::new().name(name.into());
        self.threads.push(builder.spawn(move || work(&stop))?);
        Ok(())
    }

    /// Ends the threads; false when one has not ended within `patience`. Call it without the GIL, which they may need to
    /// end.
    pub(crate) fn stop(self, patience: Duration) -> bool {
        let stopped = self.stop.stopped.lock();
        *stopped.unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.news.notify_all();
        join(self.threads, patience)
    }
}

/// Waits until all of `threads` have ended, `patience` at most; false when some have not.
pub(crate) fn join(threads: Vec<JoinHandle<()>>, patience: Duration) -> bool {
    let begun = Instant::now();
    while !threads.iter().all(JoinHandle::is_finished) {
        if begun.elapsed() >= patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
    true
}
