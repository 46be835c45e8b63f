//! Interpreters of this process that each have a GIL of their own (PEP 684), from CPython 3.12 on.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3_ffi as ffi;

use super::beyond::{self, beyond};
use super::config;
use super::object::Attached;
use super::thread::{Interpreter, ThreadState};

/// `PyInterpreterConfig`, the same since 3.12.
#[repr(C)]
struct Config {
    use_main_obmalloc: c_int,
    allow_fork: c_int,
    allow_exec: c_int,
    allow_threads: c_int,
    allow_daemon_threads: c_int,
    check_multi_interp_extensions: c_int,
    gil: c_int,
}

/// What CPython calls "isolated": nothing is shared with the other interpreters.
static ISOLATED: Config = Config {
    use_main_obmalloc: 0,
    // A child would inherit the GILs of threads that it does not have.
    allow_fork: 0,
    allow_exec: 0,
    allow_threads: 1,
    // They could outlive their interpreter.
    allow_daemon_threads: 0,
    check_multi_interp_extensions: 1,
    // `PyInterpreterConfig_OWN_GIL`
    gil: 2,
};

/// `PyStatus`
#[repr(C)]
struct Status {
    kind: c_int,
    function: *const c_char,
    message: *const c_char,
    exit_code: c_int,
}

/// Whether there ever was one in this process.
static USED: AtomicBool = AtomicBool::new(false);

type New = unsafe extern "C" fn(*mut *mut ffi::PyThreadState, *const Config) -> Status;

/// Why there is no further interpreter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NewError {
    /// This CPython is older than 3.12.
    Unsupported,
    /// It says why not.
    Failed(String),
}

impl std::fmt::Display for NewError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unsupported => f.write_str("this needs CPython 3.12 or later"),
            Self::Failed(message) => f.write_str(message),
        }
    }
}

/// How an interpreter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing is left of it.
    Gone,
    /// It has done what programs do at their end, and stays as it is, because CPython would corrupt memory.
    Kept,
    /// As `Kept`, because threads that nobody can wait for still run in it: the process can only end as a whole.
    ThreadsLeft,
}

/// An interpreter with its own GIL. The thread that made it is its main thread, and the one that has to end it.
///
/// An interpreter that is dropped without [`SubInterpreter::end`] stays for as long as the process runs.
pub(crate) struct SubInterpreter {
    state: ManuallyDrop<ThreadState>,
}

impl SubInterpreter {
    /// Makes one beside `main`. The thread is attached to neither, before and after.
    ///
    /// # Errors
    /// See [`NewError`].
    pub(crate) fn new(main: Interpreter) -> Result<Self, NewError> {
        let symbol = beyond::symbol(c"Py_NewInterpreterFromConfig");
        let symbol = symbol.ok_or(NewError::Unsupported)?;
        // SAFETY: CPython's own function, with the signature that it has in every version that has it.
        let new = unsafe { std::mem::transmute::<*mut c_void, New>(symbol) };
        let mut state = std::ptr::null_mut();
        let mut main = ThreadState::new(main);
        // SAFETY: attached to the main interpreter, as a call that copies its configuration has to be. It makes the
        // thread state of the new interpreter this thread's current one and leaves the other detached, which is what
        // the end of `attach` expects: it detaches whichever is current. When it fails, nothing has changed.
        let status = main.attach(|_| unsafe { new(&raw mut state, &raw const ISOLATED) });
        drop(main);
        if state.is_null() || status.kind != 0 {
            return Err(NewError::Failed(status.text()));
        }
        USED.store(true, Ordering::Relaxed);
        // SAFETY: made for this thread a moment ago, and detached.
        let state = unsafe { ThreadState::from_raw(state) };
        Ok(Self {
            state: ManuallyDrop::new(state),
        })
    }

    /// Attaches this thread, its main thread, to it while `work` runs.
    pub(crate) fn attach<R>(&mut self, work: impl for<'py> FnOnce(Attached<'py>) -> R) -> R {
        self.state.attach(work)
    }

    /// Ends it as Python ends: waits for its threads, runs its `atexit` functions, flushes its streams.
    pub(crate) fn end(self) -> End {
        let mut first = ManuallyDrop::into_inner(self.state);
        let interpreter = first.attach(|py| {
            wait_for_threads(py);
            Interpreter::current(py)
        });
        // What hangs on this thread's state (thread locals) is to go while the modules that it needs are there.
        let last = ThreadState::new(interpreter);
        drop(first);
        let last = ManuallyDrop::new(last);
        let state = last.as_ptr();
        // SAFETY: detached, and made for this thread above.
        unsafe { ffi::PyEval_RestoreThread(state) };
        // SAFETY: attached since the line above, until its end.
        let py = unsafe { Attached::assume() };
        let alone = is_alone(py, state);
        if !alone || mixes_up_memory() {
            do_last_things(py);
            // SAFETY: attached.
            unsafe { ffi::PyEval_SaveThread() };
            return if alone { End::Kept } else { End::ThreadsLeft };
        }
        // SAFETY: attached by the one state that this interpreter has, in the thread that it was made for; whoever calls
        // this has given back every object of it. Afterwards no state is current, and this one is gone: `ManuallyDrop`
        // keeps it from being deleted again.
        unsafe { ffi::Py_EndInterpreter(state) };
        End::Gone
    }
}

impl Status {
    fn text(&self) -> String {
        if self.message.is_null() {
            return "no reason was given".into();
        }
        // SAFETY: a NUL-terminated constant of CPython's.
        let message = unsafe { CStr::from_ptr(self.message) };
        message.to_string_lossy().into_owned()
    }
}

/// Whether CPython gives memory of one interpreter back to another when interpreters end that have imported `datetime` or
/// others of its modules with types of their own: "munmap_chunk(): invalid pointer", "double free or corruption" (3.12.1,
/// 3.13.0, 3.13.5; `_interpreters.destroy` shows it, too). All interpreters of a free-threaded build have one allocator.
fn mixes_up_memory() -> bool {
    !config::free_threaded()
}

/// Ends the main interpreter as far as it can be, where it cannot be finalized; false where it can.
pub(super) fn finalize_partly(py: Attached<'_>) -> bool {
    let partly = USED.load(Ordering::Relaxed) && mixes_up_memory();
    if partly {
        wait_for_threads(py);
        do_last_things(py);
    }
    partly
}

// `Py_EndInterpreter` would do the same, and end the process when threads are left then.
fn wait_for_threads(py: Attached<'_>) {
    let shut_down = || {
        let Some(threading) = py.loaded(c"threading")? else {
            return Ok(());
        };
        let result = threading.call_method(c"_shutdown", &[]);
        // Once is what it is made for.
        threading.set_attr(c"_shutdown", &py.import(c"builtins")?.attr(c"dict")?)?;
        result.map(drop)
    };
    if let Err(raised) = shut_down() {
        raised.unraisable();
    }
}

// Without `threading`, by extension modules, or as daemons from before: whoever started them.
fn is_alone(py: Attached<'_>, own: *mut ffi::PyThreadState) -> bool {
    thread_states(py) == [own]
}

/// The states of the threads that are in this interpreter, with Python code or without. Of use until the GIL is given up:
/// threads enter the list and leave it with the GIL, but for those of ours that begin or end right now.
pub(super) fn thread_states(_: Attached<'_>) -> Vec<*mut ffi::PyThreadState> {
    beyond! {
        // In every CPython, beyond the limited API (docs: "Advanced Debugger Support").
        fn PyInterpreterState_ThreadHead(
            interpreter: *mut ffi::PyInterpreterState,
        ) -> *mut ffi::PyThreadState;
        fn PyThreadState_Next(state: *mut ffi::PyThreadState) -> *mut ffi::PyThreadState;
    }
    // SAFETY: attached: the interpreter lives, and the states in its list do, as said above.
    let head = unsafe { PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get()) };
    let some = |state: *mut ffi::PyThreadState| (!state.is_null()).then_some(state);
    std::iter::successors(some(head), |state| {
        // SAFETY: as above.
        let next = unsafe { PyThreadState_Next(*state) };
        some(next)
    })
    .collect()
}

/// Whether there ever was an interpreter beside the main one.
pub(super) fn are_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// Whether this is the interpreter that the process began with.
pub(super) fn is_main(_: Attached<'_>) -> bool {
    // SAFETY: attached: there is a current interpreter, and a main one.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) == 0 }
}

/// `atexit` functions, and what else nobody may miss: destructors of what is unreachable, and files written to the end.
const LAST_THINGS: &str = "\
import atexit, gc, sys, _io
atexit._run_exitfuncs()
gc.collect()
for thing in gc.get_objects():
    if issubclass(type(thing), _io._IOBase):
        try:
            thing.flush()
        except Exception:
            pass
for stream in (sys.stdout, sys.stderr):
    try:
        stream.flush()
    except Exception:
        pass
";

fn do_last_things(py: Attached<'_>) {
    let run = || {
        let compile = py.import(c"builtins")?.attr(c"compile")?;
        let arguments = [LAST_THINGS, "<end>", "exec"];
        let [text, name, mode] = arguments.map(|argument| py.text(argument));
        let namespace = py.dict()?;
        namespace.set_item(&py.text("__builtins__")?, &py.import(c"builtins")?)?;
        py.evaluate(&compile.call(&[&text?, &name?, &mode?])?, &namespace)
            .map(drop)
    };
    let result: super::PyResult<'_, ()> = run();
    if let Err(raised) = result {
        raised.unraisable();
    }
}

/// Whether a GIL serialises the threads of the interpreter right now: false only on a free-threaded build, unless it
/// was told to have one or an extension module needs it.
pub(crate) fn gil_enabled(py: Attached<'_>) -> bool {
    let asked = || {
        let sys = py.import(c"sys")?;
        match sys.attr_opt(c"_is_gil_enabled")? {
            Some(function) => function.call(&[])?.truth(),
            None => Ok(true),
        }
    };
    let answer: super::PyResult<'_, bool> = asked();
    answer.unwrap_or(true)
}

/// Whether this is a build that can do without a GIL (`--disable-gil`).
pub(crate) fn free_threaded(_: Attached<'_>) -> bool {
    config::free_threaded()
}
