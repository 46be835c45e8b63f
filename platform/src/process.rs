//! This process: who runs it, from which file, and how it becomes another program.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The file this process runs, absolute and with links resolved.
///
/// # Errors
/// When the system does not tell.
pub fn executable() -> io::Result<PathBuf> {
    // Where /proc is not mounted, the path that this process was started by leads to it; one with more rights than its
    // caller does not believe what its caller named.
    std::env::current_exe().or_else(|error| {
        let path = started_by().filter(|_| !is_privileged()).ok_or(error)?;
        std::fs::canonicalize(path)
    })
}

/// The path that the kernel was given to start this process.
fn started_by() -> Option<PathBuf> {
    // SAFETY: reads a word that the kernel put into this process at its start: 0, or the address of a NUL-terminated
    // string that stays where it is.
    unsafe {
        let path = libc::getauxval(libc::AT_EXECFN) as *const libc::c_char;
        (!path.is_null()).then(|| PathBuf::from(OsStr::from_bytes(CStr::from_ptr(path).to_bytes())))
    }
}

/// The user whose rights this process has.
#[must_use]
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether this process has rights that its caller lacks (setuid, setgid, file capabilities): then nothing in the
/// environment is to be believed.
#[must_use]
pub fn is_privileged() -> bool {
    // SAFETY: reads a word that the kernel put into this process at its start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether this process got rights from its file (setgid, file capabilities) but not the file's user: what belongs to
/// this user belongs to a caller who lacks these rights.
#[must_use]
pub fn outranks_its_user() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    // A security module's transition counts as privileged, too, and gives nothing.
    is_privileged()
        && geteuid() == getuid()
        && (getegid() != getgid() || (!geteuid().is_root() && has_capabilities_of_its_file()))
}

/// Whether there are capabilities that are not those which a caller handed on (the ambient ones).
fn has_capabilities_of_its_file() -> bool {
    // Version 3 of the interface: 64 capabilities, in two parts of (effective, permitted, inheritable).
    let mut header: [u32; 2] = [0x2008_0522, 0];
    let mut sets = [[0_u32; 3]; 2];
    // SAFETY: the two structures of capget(2), in the layout of this version; the second is written.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, &raw mut sets) };
    let permitted = |number: u32| sets[number as usize / 32][1] >> (number % 32) & 1 == 1;
    let is_ambient = |number: u32| {
        // SAFETY: only asks.
        let answer = unsafe {
            let number = libc::c_ulong::from(number);
            libc::prctl(
                libc::PR_CAP_AMBIENT,
                libc::PR_CAP_AMBIENT_IS_SET,
                number,
                0,
                0,
            )
        };
        answer == 1
    };
    result != 0 || (0..64).any(|number| permitted(number) && !is_ambient(number))
}

/// The version of the C library that is loaded, such as `2.36`; `None` where it tells none.
#[must_use]
pub fn glibc_version() -> Option<String> {
    // SAFETY: returns a constant NUL-terminated string.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_str().ok().map(str::to_owned)
}

/// Identifies this boot of the system; `None` where the system does not tell.
#[must_use]
pub fn boot_id() -> Option<[u8; 36]> {
    let text = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    text.get(..36)?.try_into().ok()
}

/// Between a program and one that it starts there are no more processes (`sh -c`, `xargs`, `timeout`).
const MOST_BETWEEN: usize = 4;

/// Whether a process that runs the same file as this one, or the file at `other`, has started it: its parent, or one above
/// that in the same session. What a user starts in a terminal of the program's is in another one.
#[must_use]
pub fn is_started_by(executable: &Path, other: Option<&Path>) -> bool {
    let parent = rustix::process::getppid();
    let Some(parent) = parent.map(rustix::process::Pid::as_raw_pid) else {
        return false;
    };
    let of = |path: &Path| {
        let stat = rustix::fs::stat(path).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    let files = [Some(Path::new("/proc/self/exe")), Some(executable), other];
    let ours: Vec<_> = files.into_iter().flatten().filter_map(of).collect();
    // SAFETY: only asks. Zero when whoever began the session is outside of this PID namespace (a container's first process),
    // as in the others' places; rustix has no value for that.
    let session = unsafe { libc::getsid(0) };
    let mut next = Some(parent);
    for _ in 0..=MOST_BETWEEN {
        let Some(process) = next else { break };
        let program = of(Path::new(&format!("/proc/{process}/exe")));
        if program.is_some_and(|program| ours.contains(&program)) {
            return true;
        }
        // One of another user's does not tell its program, but everybody its place.
        next = std::fs::read_to_string(format!("/proc/{process}/stat"))
            .ok()
            .and_then(|stat| place(&stat))
            .filter(|(_, theirs)| *theirs == session)
            .map(|(parent, _)| parent)
            .filter(|&parent| parent > 0);
    }
    false
}

/// Parent and session of a process, from its `/proc/PID/stat`.
fn place(stat: &str) -> Option<(i32, i32)> {
    // The name, in parentheses, may hold anything.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
    let parent = words.next()?.parse().ok()?;
    Some((parent, words.nth(1)?.parse().ok()?))
}

/// Ends the process at once: nothing registered to run at its end does, other threads just stop.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: does not return, so nothing can be left in a bad state for code that follows.
    unsafe { libc::_exit(status) }
}

/// Replaces this process by `program` with these arguments (the first is its name) and today's environment. Returns
/// only on failure.
///
/// # Errors
/// Always; the system's reason.
pub fn become_program(program: &Path, arguments: &[impl AsRef<OsStr>]) -> io::Result<Infallible> {
    let program = CString::new(program.as_os_str().as_bytes())?;
    let arguments = arguments
        .iter()
        .map(|argument| CString::new(argument.as_ref().as_bytes()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: the strings and the NULL-terminated array outlive the call, which does not return on success.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// Runs `work` in a process that has nothing to do with this one any more: no parent, no terminal, no standard streams,
/// signals left to themselves, no open file but `keep`. Called while the process has one thread.
///
/// # Errors
/// When the system gives no process; nothing has happened then.
pub fn detached(keep: &impl AsFd, work: impl FnOnce()) -> io::Result<()> {
    // SAFETY: there is one thread, so the child has a whole and consistent copy of it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // Before the caller goes on, which waits for this process: what it closes then, nobody else holds open.
            leave_everything(keep.as_fd().as_raw_fd());
            // SAFETY: as above. The process between the two ends at once, so that the inner one is init's child and not
            // one that the program finds when it waits for its own.
            if unsafe { libc::setsid() } == -1 || unsafe { libc::fork() } != 0 {
                exit_now(0);
            }
            work();
            exit_now(0)
        }
        child => {
            let mut status = 0;
            // SAFETY: writes to a local; the child is ours, and ends by itself.
            while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1
                && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
            {}
            Ok(())
        }
    }
}

/// Open files would keep pipes open that somebody waits for the end of; signals to the program's group are not for
/// us; the current directory may be on a disk that is to be unmounted.
fn leave_everything(keep: i32) {
    // SAFETY: plain calls on this process's own state, with local arguments; the path is NUL-terminated.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for stream in 0..3 {
            if nothing < 0 || libc::dup2(nothing, stream) < 0 {
                libc::close(stream);
            }
        }
        libc::chdir(c"/".as_ptr());
    }
    close(3, keep - 1);
    close(keep + 1, i32::MAX);
}

/// Closes the descriptors from `first` to `last`.
fn close(first: i32, last: i32) {
    if last < first {
        return;
    }
    // SAFETY: the process is at the point of forgetting everything; nothing that owns these descriptors runs again.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if closed != 0 {
        // Before Linux 5.9. Few processes have more than these.
        for descriptor in first..=last.min(4096) {
            // SAFETY: as above.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Sets a variable of this process's environment. Called while the process has one thread.
pub fn set_variable(name: &str, value: &OsStr) {
    // SAFETY: nobody reads the environment meanwhile, as there is no other thread.
    unsafe { std::env::set_var(name, value) };
}

/// Removes a variable of this process's environment. Called while the process has one thread.
pub fn remove_variable(name: &str) {
    // SAFETY: as in `set_variable`.
    unsafe { std::env::remove_var(name) };
}

/// Ends this process by `SIGINT` with its default action, so that a shell sees an interrupted program and stops its
/// own loop too. Returns the conventional status where that is not possible.
#[must_use]
pub fn die_of_interrupt() -> i32 {
    // SAFETY: a plain signal disposition, then a signal to ourselves.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
    128 + libc::SIGINT
}

/// Ends this process now, after the C library's exit handlers.
pub fn exit(status: i32) -> ! {
    std::process::exit(status)
}

/// Shows `url` in a browser: one of those that `BROWSER` names, or the user's own. Returns the process that was started for
/// it, which may be the browser, or ends soon.
///
/// # Errors
/// When there is no program to do it.
pub fn show(url: &str) -> io::Result<Option<std::process::Child>> {
    const OWN: &str = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let named = std::env::var("BROWSER").unwrap_or_default();
    let mut failure = None;
    for words in named.split(':').chain([OWN]) {
        let mut words = words.split_ascii_whitespace();
        let Some(program) = words.next() else {
            continue;
        };
        match start_for(url, program, &words.collect::<Vec<_>>()) {
            Ok(child) => return Ok(Some(child)),
            Err(error) => failure = Some(io::Error::other(format!("`{program}`: {error}"))),
        }
    }
    Err(failure.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

fn start_for(url: &str, program: &str, words: &[&str]) -> io::Result<std::process::Child> {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};
    let mut command = Command::new(program);
    command.args(words.iter().map(|word| word.replace("%s", url)));
    if !words.iter().any(|word| word.contains("%s")) {
        command.arg(url);
    }
    // What a terminal sends to this program is not for the browser.
    command.process_group(0);
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn()
}

/// How many files this process may have open.
#[must_use]
pub fn open_files_limit() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile)
        .current
        .unwrap_or(u64::MAX)
}

/// How often this thread has given up its processor to wait for something; `None` where the system does not tell.
#[must_use]
pub fn thread_sleeps() -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: fills the structure when it succeeds.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) != 0 {
            return None;
        }
        usage.assume_init()
    };
    u64::try_from(usage.ru_nvcsw).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_its_place() {
        assert_eq!(place("7 (a) b) c) S 3 7 5 0 -1"), Some((3, 5)));
        assert_eq!(place("7 (a) S 3"), None);
        assert_eq!(place(""), None);
        let own = Path::new("/proc/self/exe");
        // The test's own program did not start it, but some program did.
        assert!(!is_started_by(own, None));
        let parent = format!("/proc/{}/exe", std::os::unix::process::parent_id());
        let parent = std::fs::read_link(parent);
        assert!(parent.is_ok_and(|parent| is_started_by(own, Some(&parent))));
    }
}
