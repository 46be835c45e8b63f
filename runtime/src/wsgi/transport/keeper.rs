//! The thread that looks after connections when their time is up, when the server stops, and when all Python threads are
//! busy: then it goes on reading, and fills the queue.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use platform::poll::Events;

use super::Phase;
use super::connection::Scratch;
use super::server::Shared;

/// How often it looks. All Python threads may be busy for that long before it does their reading.
const TICK: Duration = Duration::from_millis(50);
/// Every so many looks it also looks at deadlines.
const SCAN: u32 = 4;
/// News that it takes at once.
const BATCH: usize = 256;

/// Starts it; it calls `ended` when the server stops and all connections are closed.
///
/// # Errors
/// When the system gives no more threads.
pub(crate) fn start(
    shared: Arc<Shared>,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("wsgi-keeper".into())
        .spawn(move || {
            keep(&shared);
            if let Some(log) = &shared.access_log {
                log.flush();
            }
            ended();
        })
}

fn keep(shared: &Arc<Shared>) {
    let mut scratch = Scratch::new(&shared.limits, true);
    let mut events = Events::new(BATCH);
    let (mut polls, mut looks, mut listening) = (0, 0_u32, true);
    loop {
        shared.sleep(TICK);
        let now = shared.clock.tick();
        if let Some(log) = &shared.access_log {
            log.flush();
        }
        match shared.phase() {
            Phase::Serving => shared.resume_listening(),
            Phase::Draining => {
                if std::mem::take(&mut listening) {
                    shared.stop_listening();
                }
                drain(shared, &mut scratch);
                if shared.open() == 0 {
                    return;
                }
            }
            Phase::Cutting => {
                shared.stop_listening();
                return cut(shared);
            }
        }
        if !shared.is_looked_after(&mut polls) {
            look_after(shared, &mut events, &mut scratch);
        }
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(SCAN) {
            expire(shared, now, &mut scratch);
        }
    }
}

fn look_after(shared: &Arc<Shared>, events: &mut Events, scratch: &mut Scratch) {
    if shared.poller.wait(events, Some(Duration::ZERO)).is_err() {
        return;
    }
    for key in events.keys() {
        shared.follow_without_running(key, scratch);
    }
    // Telling of the queue's news to one thread may have told this one.
    shared.remind();
}

fn expire(shared: &Shared, now: u64, scratch: &mut Scratch) {
    for connection in shared.connections(|connection| connection.is_late(now)) {
        let next = connection.expire(now, scratch);
        shared.keep(&connection, next, scratch);
    }
}

fn drain(shared: &Shared, scratch: &mut Scratch) {
    for connection in shared.connections(|_| true) {
        let next = connection.drain(scratch);
        shared.keep(&connection, next, scratch);
    }
}

fn cut(shared: &Shared) {
    for connection in shared.connections(|_| true) {
        connection.abort();
        if !connection.is_running() {
            shared.close(&connection);
        }
    }
}
