//! How much one connection asks of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};

/// Requests that a client took back before they were answered, from which on it is told to be calm.
const TAKEN_BACK: usize = 200;

/// Bytes of a connection's requests that are held until the application reads them, or answers without. Other bodies wait for
/// room, in the client's window.
const GATHERED: u32 = 512 * 1024;

/// A connection's requests.
#[derive(Debug)]
pub(super) struct Load {
    under_way: AtomicUsize,
    all: AtomicUsize,
    taken_back: AtomicUsize,
    room: Arc<Semaphore>,
    changed: Notify,
}

/// One of them, from its head to the end of its work here.
#[derive(Debug)]
pub(super) struct Ticket {
    load: Arc<Load>,
}

/// Bytes that may be held, until it is dropped.
pub(super) type Room = OwnedSemaphorePermit;

impl Default for Load {
    fn default() -> Self {
        Self {
            under_way: AtomicUsize::new(0),
            all: AtomicUsize::new(0),
            taken_back: AtomicUsize::new(0),
            room: Arc::new(Semaphore::new(GATHERED as usize)),
            changed: Notify::new(),
        }
    }
}

impl Load {
    /// One request more.
    pub(super) fn enter(self: &Arc<Self>) -> Ticket {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.all.fetch_add(1, Ordering::Relaxed);
        Ticket {
            load: Arc::clone(self),
        }
    }

    /// Requests that are not done.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Whether there was no request yet.
    pub(super) fn is_new(&self) -> bool {
        self.all.load(Ordering::Relaxed) == 0
    }

    /// Whether the client makes work for nothing (CVE-2023-44487).
    pub(super) fn is_abused(&self) -> bool {
        let taken_back = self.taken_back.load(Ordering::Relaxed);
        taken_back > TAKEN_BACK && taken_back > self.all.load(Ordering::Relaxed) / 2
    }

    /// Waits until a request is done.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Ticket {
    /// The client took the request back.
    pub(super) fn note_taken_back(&self) {
        self.load.taken_back.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until so many bytes may be held. Who asks first is first: threads that went ahead with a later request could wait
    /// for a body that its client sends after those of earlier ones.
    pub(super) fn room(
        &self,
        bytes: usize,
    ) -> impl Future<Output = Result<Room, AcquireError>> + use<> {
        let bytes = u32::try_from(bytes).unwrap_or(GATHERED).min(GATHERED);
        Arc::clone(&self.load.room).acquire_many_owned(bytes)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.load.under_way.fetch_sub(1, Ordering::SeqCst);
        self.load.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    #[test]
    fn tickets_count_until_they_are_gone() {
        let load = Arc::<Load>::default();
        assert!(load.is_new());
        let tickets = (load.enter(), load.enter());
        assert_eq!((load.under_way(), load.is_new()), (2, false));
        drop(tickets);
        assert_eq!(load.under_way(), 0);
    }

    #[tokio::test]
    async fn room_is_given_in_the_order_of_asking() {
        let ticket = Arc::<Load>::default().enter();
        let most = ticket.room(usize::MAX).await.unwrap();
        let (mut large, mut small) = (pin!(ticket.room(usize::MAX)), pin!(ticket.room(1)));
        assert!(now(large.as_mut()).is_none() && now(small.as_mut()).is_none());
        drop(most);
        assert!(now(small.as_mut()).is_none());
        drop(now(large).unwrap());
        assert!(now(small).is_some());
    }

    fn now<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    #[test]
    fn more_taken_back_than_wanted_is_abuse() {
        let load = Arc::<Load>::default();
        for number in 1..=3 * TAKEN_BACK {
            load.enter().note_taken_back();
            assert_eq!(load.is_abused(), number > TAKEN_BACK, "{number}");
        }
        for _ in 0..4 * TAKEN_BACK {
            drop(load.enter());
        }
        assert!(!load.is_abused());
    }
}
