//! Interpreters with a GIL of their own, each kept by a thread that begins it, waits, and ends it: to the application that
//! is the main thread.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use payload::Wsgi;
use platform::process;

use super::super::StartError;
use super::super::host::Host;
use super::super::log;
use super::super::telemetry::{Interval, Telemetry};
use super::super::worker::STACK;
use super::{Member, Prepare, concurrency, end_all, extensions, load, set_interval};
use crate::embed::signals;
use crate::embed::subinterpreter::{End, SubInterpreter};
use crate::embed::{Attached, Interpreter};

/// How often the main thread looks for signals while an interpreter imports the application.
const SIGNALS: Duration = Duration::from_millis(50);

/// The thread of an interpreter.
pub(super) struct Keeper {
    end: Sender<()>,
    thread: JoinHandle<End>,
}

/// What an interpreter's thread reports when it has begun: where to find it, or why it does not serve.
type Begun = Result<(Interpreter, Arc<Host>, Interval), String>;

impl Keeper {
    /// Ends the interpreter and waits for that. Called without the GIL, when its host is used nowhere else.
    pub(super) fn end(self) -> End {
        // It may have ended by itself.
        let _ = self.end.send(());
        self.thread.join().unwrap_or(End::ThreadsLeft)
    }
}

/// Starts the interpreters, one after the other: libraries that are imported for the first time need not expect to be
/// imported by two threads at once.
pub(super) fn start_all(
    py: Attached<'_>,
    settings: &Wsgi,
    prepare: &Prepare,
    telemetry: Option<&Arc<Telemetry>>,
) -> Result<Vec<Member>, String> {
    let count = settings.interpreters.max(1);
    let mut members = Vec::new();
    for number in 1..=count {
        match start(py, settings, prepare, telemetry, number) {
            Ok(member) => members.push(member),
            Err(message) => {
                if !end_all(py, members) {
                    give_up(py, &message);
                }
                return Err(message);
            }
        }
    }
    Ok(members)
}

fn start(
    py: Attached<'_>,
    settings: &Wsgi,
    prepare: &Prepare,
    telemetry: Option<&Arc<Telemetry>>,
    number: u32,
) -> Result<Member, String> {
    let (report, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let main = Interpreter::current(py);
    let (prepare, own) = (Arc::clone(prepare), settings.clone());
    let telemetry = telemetry.map(Arc::clone);
    let of = format!("interpreter {number} of {}", settings.interpreters.max(1));
    let thread = std::thread::Builder::new()
        .name(format!("interpreter-{number}"))
        .stack_size(STACK)
        .spawn(move || {
            let begin = |py: Attached<'_>| begin(py, &own, &prepare, telemetry.as_ref(), number);
            keep(main, begin, &report, &ended)
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let keeper = Keeper { end, thread };
    match wait(py, begun) {
        Ok((interpreter, host, interval)) => Ok(Member {
            number,
            interpreter,
            host,
            interval,
            keeper: Some(keeper),
        }),
        Err(message) => {
            let message = format!("{of}: {message}");
            if py.detach(|| keeper.end()) == End::ThreadsLeft {
                give_up(py, &message);
            }
            Err(message)
        }
    }
}

// Signals are for the main thread, which has nothing else to do.
fn wait(py: Attached<'_>, mut begun: Receiver<Begun>) -> Begun {
    loop {
        let news;
        (news, begun) = py.detach(move || (begun.recv_timeout(SIGNALS), begun));
        match news {
            Ok(begun) => return begun,
            Err(RecvTimeoutError::Disconnected) => return Err("it did not begin".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if signals::run_handlers(py).is_err() {
            // A thread that imports something cannot be stopped.
            super::super::stop::flush(py);
            process::exit_now(process::die_of_interrupt());
        }
    }
}

// The thread of an interpreter, from its beginning to its end.
fn keep(
    main: Interpreter,
    begin: impl for<'py> FnOnce(Attached<'py>) -> Result<(Host, Interval), Refused>,
    report: &Sender<Begun>,
    ended: &Receiver<()>,
) -> End {
    let mut own = match SubInterpreter::new(main) {
        Ok(own) => own,
        Err(error) => {
            let _ = report.send(Err(format!("cannot make it: {error}")));
            return End::Gone;
        }
    };
    let begun = own.attach(|py| {
        let (host, interval) = begin(py)?;
        Ok((Interpreter::current(py), Arc::new(host), interval))
    });
    match begun {
        Ok((interpreter, host, interval)) => {
            let _ = report.send(Ok((interpreter, Arc::clone(&host), interval)));
            // An error means that nobody will ever tell.
            let _ = ended.recv();
            own.attach(|py| {
                if let Ok(host) = Arc::try_unwrap(host) {
                    host.release(py);
                }
            });
            own.end()
        }
        Err(Refused { message, spoiled }) => {
            let _ = report.send(Err(message));
            if spoiled { End::ThreadsLeft } else { own.end() }
        }
    }
}

/// Why an interpreter does not serve.
struct Refused {
    message: String,
    /// CPython itself turned an extension module away. By then the module's own code has run, made for one interpreter,
    /// and what it left may bring the process down when the interpreter is ended.
    spoiled: bool,
}

fn begin(
    py: Attached<'_>,
    settings: &Wsgi,
    prepare: &Prepare,
    telemetry: Option<&Arc<Telemetry>>,
    number: u32,
) -> Result<(Host, Interval), Refused> {
    let tried = prepare(py)
        .and_then(|()| load::application(py, settings))
        .map_err(StartError::Raised)
        .and_then(|application| {
            load::check(py, &application, settings)?;
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            let interval = set_interval(py, settings, telemetry, index)?;
            let host = Host::new(py, application, concurrency(settings), telemetry)?;
            Ok((host, interval))
        });
    let turned_away = extensions::turned_away(py);
    if number == 1 && tried.is_ok() && !turned_away.is_empty() {
        log::line(&format!(
            "warning: serving without {}: extension modules that refuse an interpreter with a GIL of its own",
            turned_away.join(", ")
        ));
    }
    tried.map_err(|error| {
        let (text, spoiled) = match &error {
            StartError::Message(message) => (message.clone(), false),
            StartError::Raised(raised) => {
                let text = raised.render();
                let spoiled = text.contains(extensions::REFUSED_BY_CPYTHON);
                (text.trim_end().to_owned(), spoiled)
            }
        };
        let name = super::name(settings);
        let hint = if spoiled || !turned_away.is_empty() {
            extensions::hint(&turned_away)
        } else {
            String::new()
        };
        Refused {
            message: format!("cannot serve {name}\n{text}{hint}"),
            spoiled,
        }
    })
}

// An interpreter that cannot be ended stands in the way of finalizing Python.
fn give_up(py: Attached<'_>, message: &str) -> ! {
    log::line(&format!("error: {message}"));
    super::super::stop::flush(py);
    process::exit_now(1)
}
