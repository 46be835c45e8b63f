//! A guard over the first steps of a process whose own machine code may be damaged.
//!
//! A flipped bit in code that runs before the code was checked ends in a fault, in a loop without end, or in a wait
//! that nobody ends. The guard turns each into an error that says so: it catches the signals of faults, and looks
//! every few seconds whether the executable's file is what it was when it was built. An intact file is never accused: a
//! fault then ends the process as it would have without the guard, and a slow disk or a lock is waited for.
//!
//! What it sets up it takes back: the program finds the signal state that its caller gave it.

use std::ffi::{c_int, c_void};
use std::mem::{MaybeUninit, zeroed};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Exit status of a process whose executable is damaged.
pub const DAMAGED: i32 = 101;

/// Decides whether a file's bytes are those that were built. It runs inside of signal handlers: it must not allocate,
/// lock or panic.
pub type Check = fn(&[u8]) -> bool;

/// How the processor and the C library say that something is badly wrong.
const FAULTS: [c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
];

/// Seconds between two looks at the file.
const TICK: libc::time_t = 2;

/// Looks that may be cut short by the next one before the look itself is taken for damaged.
const PATIENCE: u32 = 5;

/// The handlers' own stack: a fault may come of an overflown one. Room for the registers of any processor, too.
const STACK: usize = 64 << 10;

// What handlers need; they can reach nothing but statics.
static CHECK: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static LOOKS: AtomicU32 = AtomicU32::new(0);

/// The armed guard. Dropping it leaves it armed.
#[derive(Debug)]
pub struct Guard {
    previous: [(c_int, libc::sigaction); FAULTS.len() + 2],
    stack: Option<libc::stack_t>,
    timer: Option<c_int>,
}

impl Guard {
    /// Arms the guard; called once, by the process's first thread, before anything else.
    #[must_use]
    pub fn arm(check: Check) -> Self {
        CHECK.store(check as *mut c_void, Ordering::Relaxed);
        // SAFETY: an all-zero `sigaction` is the default action, and replaced for each signal below.
        let mut previous = [(0, unsafe { zeroed() }); FAULTS.len() + 2];
        let (faults, others) = previous.split_at_mut(FAULTS.len());
        let stack = own_stack();
        for (slot, signal) in faults.iter_mut().zip(FAULTS) {
            *slot = (signal, catch(signal, on_fault as *const () as usize));
        }
        if let [tick, pipe] = others {
            let signal = libc::SIGRTMAX();
            *tick = (signal, catch(signal, on_tick as *const () as usize));
            // Whoever reads our error message may be gone.
            *pipe = (libc::SIGPIPE, catch(libc::SIGPIPE, libc::SIG_IGN));
        }
        Self {
            previous,
            stack,
            timer: start_timer(),
        }
    }

    /// Takes everything back.
    pub fn disarm(self) {
        if let Some(timer) = self.timer {
            // SAFETY: a timer that this guard made, not used after this. A tick that it had already sent is ignored.
            unsafe {
                libc::syscall(libc::SYS_timer_delete, timer);
                libc::signal(libc::SIGRTMAX(), libc::SIG_IGN);
            }
        }
        for (signal, action) in &self.previous {
            // SAFETY: puts back what `sigaction` returned for this signal.
            unsafe { libc::sigaction(*signal, action, null_mut()) };
        }
        if let Some(stack) = self.stack {
            // SAFETY: puts back what `sigaltstack` returned; no handler runs on ours any more.
            unsafe { libc::sigaltstack(&raw const stack, null_mut()) };
        }
    }
}

/// Whether this process runs an executable that is not what was built; `false` also where that cannot be found out.
#[must_use]
pub fn is_damaged() -> bool {
    look() == Some(false)
}

/// Tells of the damage, if there is any, and ends the process.
pub fn end_if_damaged() {
    if is_damaged() {
        end(DAMAGE, 0);
    }
}

const DAMAGE: &[u8] = b"error: the executable is damaged";
const UNREADABLE: &[u8] = b"error: the executable is damaged or cannot be read";
const HINT: &[u8] =
    b"\nhint: the file was changed or cut off after it was built: copy or download it again\n";

extern "C" fn on_fault(signal: c_int) {
    let intact = if LOOKS.fetch_add(1, Ordering::Relaxed) == 0 {
        look()
    } else {
        // The look itself came to this.
        None
    };
    match intact {
        Some(true) => {
            LOOKS.store(0, Ordering::Relaxed);
            // SAFETY: async-signal-safe. A fault comes again when its instruction does; what somebody sent does not,
            // so it is sent again, to be taken when this handler returns.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
        Some(false) => end(DAMAGE, signal),
        None => end(UNREADABLE, signal),
    }
}

extern "C" fn on_tick(_: c_int) {
    // SAFETY: a word of this thread's; what the interrupted code finds in it is put back.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let earlier = LOOKS.fetch_add(1, Ordering::Relaxed);
    if earlier == 0 {
        if look() == Some(false) {
            end(DAMAGE, 0);
        }
        LOOKS.store(0, Ordering::Relaxed);
    } else if earlier > PATIENCE {
        // A look takes milliseconds; this one does not end, so its code is what is damaged.
        end(DAMAGE, 0);
    }
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Whether the executable's file is what was built; `None` when it cannot be read.
fn look() -> Option<bool> {
    let check = CHECK.load(Ordering::Relaxed);
    if check.is_null() {
        return None;
    }
    // SAFETY: `arm` stored a function of this type.
    let check: Check = unsafe { std::mem::transmute(check) };
    let (bytes, length) = map_own_file()?;
    // SAFETY: a mapping of this length, readable and not removed before the slice is done with. As for every executable,
    // whoever changes the file changes what is seen.
    let intact = check(unsafe { std::slice::from_raw_parts(bytes.cast(), length) });
    // SAFETY: the mapping made above.
    unsafe { libc::munmap(bytes, length) };
    Some(intact)
}

/// Maps the executable's file, by calls that a signal handler may make.
fn map_own_file() -> Option<(*mut c_void, usize)> {
    let open = |path: *const _| {
        // SAFETY: the path is NUL-terminated.
        let fd = unsafe { libc::open(path, libc::O_RDONLY | libc::O_CLOEXEC) };
        (fd >= 0).then_some(fd)
    };
    let fd = open(c"/proc/self/exe".as_ptr()).or_else(|| {
        // SAFETY: the kernel's pointer to the path that this process was started by, or 0.
        let path = unsafe { libc::getauxval(libc::AT_EXECFN) };
        (path != 0).then_some(path as *const _).and_then(open)
    })?;
    // SAFETY: an open descriptor, closed here; a fresh private mapping of the length that the file has.
    let (bytes, length) = unsafe {
        let length = libc::lseek(fd, 0, libc::SEEK_END);
        let length = usize::try_from(length).unwrap_or(0);
        let bytes = libc::mmap(
            null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            fd,
            0,
        );
        libc::close(fd);
        (bytes, length)
    };
    (bytes != libc::MAP_FAILED).then_some((bytes, length))
}

/// Says `text` and which signal came, if one did, and ends the process.
fn end(text: &[u8], signal: c_int) -> ! {
    say(text);
    if signal != 0 {
        say(b" (signal ");
        say(&[b'0' + (signal / 10 % 10) as u8, b'0' + (signal % 10) as u8]);
        say(b")");
    }
    say(HINT);
    // SAFETY: async-signal-safe, and does not return.
    unsafe { libc::_exit(DAMAGED) }
}

fn say(text: &[u8]) {
    // SAFETY: async-signal-safe; the text is readable for its length.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// Gives this thread a stack for handlers; what it had before.
fn own_stack() -> Option<libc::stack_t> {
    #[repr(align(16))]
    struct Room(#[allow(dead_code, reason = "only its address counts")] [u8; STACK]);
    static mut ROOM: MaybeUninit<Room> = MaybeUninit::uninit();
    let stack = libc::stack_t {
        ss_sp: (&raw mut ROOM).cast(),
        ss_flags: 0,
        ss_size: STACK,
    };
    let mut previous = MaybeUninit::uninit();
    // SAFETY: nothing else uses the room, which is never freed; `previous` is written when the call succeeds.
    unsafe {
        (libc::sigaltstack(&raw const stack, previous.as_mut_ptr()) == 0)
            .then(|| previous.assume_init())
    }
}

/// Gives `signal` to `handler`; what was there before, and the default action where the system does not tell.
fn catch(signal: c_int, handler: usize) -> libc::sigaction {
    // SAFETY: all-zero bytes are a valid `sigaction`, completed here; the handlers do nothing but what
    // signal-safety(7) allows.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler;
        // Handlers may interrupt themselves: that is how a look that goes wrong is noticed.
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART | libc::SA_NODEFER;
        let mut previous: libc::sigaction = zeroed();
        libc::sigaction(signal, &raw const action, &raw mut previous);
        previous
    }
}

/// A timer that sends ticks. Not one of `setitimer`'s, which a caller may have set for the program.
fn start_timer() -> Option<c_int> {
    // By number: in the older C libraries the functions lie in a library of their own.
    // SAFETY: zero is valid for both structures; the calls read them and write `timer`.
    unsafe {
        let mut event: libc::sigevent = zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGRTMAX();
        let mut timer: c_int = 0;
        let made = libc::syscall(
            libc::SYS_timer_create,
            libc::CLOCK_MONOTONIC,
            &raw const event,
            &raw mut timer,
        );
        if made != 0 {
            return None;
        }
        let mut times: libc::itimerspec = zeroed();
        times.it_value.tv_sec = TICK;
        times.it_interval.tv_sec = TICK;
        libc::syscall(
            libc::SYS_timer_settime,
            timer,
            0,
            &raw const times,
            null::<libc::itimerspec>().cast_mut(),
        );
        Some(timer)
    }
}
