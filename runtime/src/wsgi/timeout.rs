//! Requests that take too long in the application.
//!
//! A thread cannot be stopped. What can be done, in this order: an exception is raised in it (`interrupt-timeout`); its
//! client is answered without it, the log gets the stacks of all threads, and a supervised process is replaced
//! (`request-timeout`).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use payload::Wsgi;

use super::background::{Background, Stop};
use super::engine::Engine;
use super::exchange::{Exchange, Request};
use super::log;
use super::supervise::Worker;
use crate::embed::frames::{self, ThreadId};
use crate::embed::{Attached, Interpreter, Owned, PyResult, Raised, ThreadState};

/// The class of the exception, in `pack_runtime`.
const CLASS: &std::ffi::CStr = c"RequestTimeout";

/// How long a request may take in the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// Until an exception is raised in its thread.
    interrupt: Option<Duration>,
    /// Until its client is answered without it.
    request: Option<Duration>,
}

impl Timeouts {
    /// As `settings` say; `None` where there are none.
    pub(crate) fn of(settings: &Wsgi) -> Option<Self> {
        let seconds = |seconds: u32| (seconds > 0).then(|| Duration::from_secs(seconds.into()));
        let timeouts = Self {
            interrupt: seconds(settings.interrupt_timeout),
            request: seconds(settings.request_timeout),
        };
        (timeouts.interrupt.is_some() || timeouts.request.is_some()).then_some(timeouts)
    }

    fn shortest(&self) -> Duration {
        let both = [self.interrupt, self.request];
        both.into_iter().flatten().min().unwrap_or(Duration::MAX)
    }
}

/// What one thread is doing: it writes, whoever watches the time reads.
#[derive(Default)]
pub(crate) struct Watched(Mutex<Option<Running>>);

/// A request that a thread has.
struct Running {
    thread: ThreadId,
    begun: Instant,
    label: String,
    exchange: Arc<dyn Exchange>,
    interrupted: bool,
    expired: bool,
}

/// What is due for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Interrupt,
    Expire,
}

impl Running {
    fn due(&self, timeouts: &Timeouts, now: Instant) -> Option<Due> {
        let age = now.saturating_duration_since(self.begun);
        let reached = |timeout: Option<Duration>| timeout.is_some_and(|timeout| age >= timeout);
        if !self.expired && reached(timeouts.request) {
            Some(Due::Expire)
        } else if !self.interrupted && !self.expired && reached(timeouts.interrupt) {
            Some(Due::Interrupt)
        } else {
            None
        }
    }

    /// How long until something may be due.
    fn left(&self, timeouts: &Timeouts, now: Instant) -> Option<Duration> {
        let age = now.saturating_duration_since(self.begun);
        let interrupt = timeouts.interrupt.filter(|_| !self.interrupted);
        let ahead = [interrupt, timeouts.request].into_iter().flatten();
        let left = ahead.map(|timeout| timeout.saturating_sub(age)).min();
        left.filter(|_| !self.expired)
    }
}

impl Watched {
    fn with<R>(&self, work: impl FnOnce(&mut Option<Running>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The calling thread has a request, until [`Watched::end`].
    pub(crate) fn begin(
        &self,
        py: Attached<'_>,
        request: &Request<'_>,
        exchange: &Arc<dyn Exchange>,
    ) {
        let running = Running {
            thread: ThreadId::current(py),
            begun: Instant::now(),
            label: request.label(),
            exchange: Arc::clone(exchange),
            interrupted: false,
            expired: false,
        };
        self.with(|place| *place = Some(running));
    }

    /// It is done. No exception for this request reaches the next.
    pub(crate) fn end(&self, py: Attached<'_>) {
        let done = self.with(|place| {
            let done = place.take();
            if let Some(running) = done.as_ref().filter(|running| running.interrupted) {
                running.thread.spare(py);
            }
            done
        });
        if done.is_some_and(|running| running.expired) {
            super::telemetry::local::status(super::exchange::GATEWAY_TIMEOUT);
        }
    }

    fn due(&self, timeouts: &Timeouts, now: Instant) -> Option<Due> {
        self.with(|place| place.as_ref()?.due(timeouts, now))
    }

    fn left(&self, timeouts: &Timeouts, now: Instant) -> Option<Duration> {
        self.with(|place| place.as_ref()?.left(timeouts, now))
    }

    /// What is due is looked at again: the thread may have gone on meanwhile.
    fn interrupt(&self, timeouts: &Timeouts, class: &Owned<'_>) {
        self.with(|place| {
            let running = place.as_mut();
            let running =
                running.filter(|it| it.due(timeouts, Instant::now()) == Some(Due::Interrupt));
            if let Some(running) = running {
                running.interrupted = true;
                running.thread.interrupt(class);
            }
        });
    }

    /// Answers for the application; the request's name.
    fn expire(&self, timeouts: &Timeouts) -> Option<String> {
        let (label, exchange) = self.with(|place| {
            let running = place.as_mut()?;
            (running.due(timeouts, Instant::now()) == Some(Due::Expire)).then(|| {
                running.expired = true;
                (running.label.clone(), Arc::clone(&running.exchange))
            })
        })?;
        exchange.time_out();
        Some(label)
    }

    /// What the server knows of the thread, if it has a request.
    fn note<'py>(&self, py: Attached<'py>) -> PyResult<'py, Option<(Owned<'py>, Owned<'py>)>> {
        let known = self.with(|place| {
            let running = place.as_ref()?;
            let seconds = running.begun.elapsed().as_secs_f64();
            let note = format!("{}, for {seconds:.1} s", running.label);
            Some((running.thread.key(py), note))
        });
        let Some((key, note)) = known else {
            return Ok(None);
        };
        let key = i64::try_from(key)
            .map_err(|_| Raised::runtime_error(py, "the number of a thread is out of range"))?;
        Ok(Some((py.int(key)?, py.text(&note)?)))
    }
}

/// Begins to watch `threads`, each with the number of its member of `engine`.
///
/// # Errors
/// When the system gives no more threads.
pub(crate) fn watch(
    settings: &Wsgi,
    engine: &Engine,
    threads: &[(usize, Arc<Watched>)],
    background: &mut Background,
) -> io::Result<()> {
    let Some(timeouts) = Timeouts::of(settings) else {
        return Ok(());
    };
    for (index, member) in engine.members().iter().enumerate() {
        let own = threads.iter().filter(|(of, _)| *of == index);
        let own: Vec<_> = own.map(|(_, watched)| Arc::clone(watched)).collect();
        let interpreter = member.interpreter;
        background.spawn("wsgi-timeout", move |stop| {
            look(interpreter, &own, timeouts, stop);
        })?;
    }
    Ok(())
}

fn look(interpreter: Interpreter, threads: &[Arc<Watched>], timeouts: Timeouts, stop: &Stop) {
    let mut state = ThreadState::new(interpreter);
    loop {
        let now = Instant::now();
        // One that begins meanwhile has all of its time before it.
        let left = threads
            .iter()
            .filter_map(|watched| watched.left(&timeouts, now))
            .fold(timeouts.shortest(), Duration::min);
        if stop.wait(left) {
            return;
        }
        let now = Instant::now();
        let is_due = |due| {
            let due = move |watched: &&Arc<Watched>| watched.due(&timeouts, now) == Some(due);
            threads.iter().filter(due).collect::<Vec<_>>()
        };
        let expired = is_due(Due::Expire);
        let labels: Vec<String> = expired
            .iter()
            .filter_map(|watched| watched.expire(&timeouts))
            .collect();
        if !labels.is_empty() {
            // Before the GIL is waited for: it may be what the request does not let go of.
            tell(&labels, &timeouts);
            state.attach(|py| dump(py, threads));
        }
        let late = is_due(Due::Interrupt);
        if !late.is_empty() {
            state.attach(|py| interrupt(py, &late, &timeouts));
        }
    }
}

fn tell(labels: &[String], timeouts: &Timeouts) {
    let seconds = timeouts.request.unwrap_or_default().as_secs();
    for label in labels {
        log::line(&format!(
            "error: {label}: not finished within {seconds} s (request-timeout); it is answered without the application"
        ));
    }
    match Worker::current() {
        Some(worker) => worker.ask_for_replacement("a thread of it does not come back"),
        None => log::line(
            "warning: its thread serves nobody until the application comes back; with `supervise` the process would be \
             replaced",
        ),
    }
}

fn dump(py: Attached<'_>, threads: &[Arc<Watched>]) {
    if let Err(raised) = try_dump(py, threads) {
        let text = raised.render();
        log::write(&format!(
            "warning: the stacks of the threads cannot be shown\n{text}"
        ));
    }
}

fn try_dump<'py>(py: Attached<'py>, threads: &[Arc<Watched>]) -> PyResult<'py, ()> {
    let module = py.import(c"pack_runtime.stacks")?;
    let Some(frames) = frames::all(py)? else {
        return module.call_method(c"dump", &[]).map(drop);
    };
    let notes = py.dict()?;
    for watched in threads {
        if let Some((key, note)) = watched.note(py)? {
            notes.dict_set(&key, &note)?;
        }
    }
    let text = module.call_method(c"render", &[&frames, &notes])?;
    log::write(&text.to_text()?);
    Ok(())
}

fn interrupt(py: Attached<'_>, late: &[&Arc<Watched>], timeouts: &Timeouts) {
    match class(py) {
        Ok(class) => late
            .iter()
            .for_each(|watched| watched.interrupt(timeouts, &class)),
        Err(raised) => raised.unraisable(),
    }
}

fn class(py: Attached<'_>) -> PyResult<'_, Owned<'_>> {
    py.import(c"pack_runtime")?.attr(CLASS)
}

/// Whether `raised` is what [`watch`] raises.
pub(crate) fn is_interrupt(raised: &Raised<'_>) -> bool {
    let py = raised.value().py();
    class(py).is_ok_and(|class| raised.is(class.as_ptr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_timeout_is_none() {
        let settings = Wsgi {
            request_timeout: 0,
            interrupt_timeout: 0,
            ..Wsgi::default()
        };
        assert_eq!(Timeouts::of(&settings), None);
        let both = Wsgi {
            request_timeout: 9,
            interrupt_timeout: 4,
            ..settings
        };
        let shortest = Timeouts::of(&both).map(|timeouts| timeouts.shortest());
        assert_eq!(shortest, Some(Duration::from_secs(4)));
    }
}
