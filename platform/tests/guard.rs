//! The guard, in processes of its own: what it catches, and that it leaves nothing behind.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    reason = "tests of signals send signals"
)]

use platform::guard::{DAMAGED, Guard, end_if_damaged};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};
use std::time::Duration;

/// Says to [`child`] what it is to do.
const TASK: &str = "GUARD_TEST_TASK";

/// Runs [`child`] in a process of its own.
fn run(task: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .output()
        .unwrap()
}

/// No test, unless [`run`] started it.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (look, what) = task.split_once(' ').unwrap();
    let guard = Guard::arm(match look {
        "intact" => |_| true,
        "damaged" => |_| false,
        "fatal" => |_| fault() == 1,
        _ => |_| spin(),
    });
    match what {
        "fault" => drop(fault()),
        // SAFETY: ends the process.
        "abort" => unsafe { libc::abort() },
        "loop" => spin(),
        "wait" => std::thread::sleep(Duration::from_secs(600)),
        "wait-a-little" => std::thread::sleep(Duration::from_secs(5)),
        "disarm" => {
            guard.disarm();
            fault();
        }
        _ => end_if_damaged(),
    }
}

fn fault() -> u8 {
    // SAFETY: this is the fault that the guard is to catch; nothing is done with the value.
    unsafe { std::ptr::read_volatile(std::ptr::without_provenance::<u8>(8)) }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

#[track_caller]
fn told(task: &str, text: &str) {
    let output = run(task);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(DAMAGED), "{task}: {stderr}");
    assert!(stderr.contains(text), "{task}: {stderr}");
    assert!(stderr.contains("\nhint: "), "{task}: {stderr}");
}

#[test]
fn damage_is_told_however_it_shows() {
    told(
        "damaged fault",
        "error: the executable is damaged (signal 11)",
    );
    told(
        "damaged abort",
        "error: the executable is damaged (signal 06)",
    );
    told("damaged loop", "error: the executable is damaged\n");
    told("damaged wait", "error: the executable is damaged\n");
    told("damaged ask", "error: the executable is damaged\n");
}

#[test]
fn a_look_that_goes_wrong_is_told_as_damage() {
    told(
        "fatal fault",
        "error: the executable is damaged or cannot be read (signal 11)",
    );
    told("endless wait", "error: the executable is damaged\n");
}

#[test]
fn an_intact_executable_is_not_accused() {
    assert_eq!(run("intact fault").status.signal(), Some(libc::SIGSEGV));
    assert_eq!(run("intact abort").status.signal(), Some(libc::SIGABRT));
    assert!(run("intact wait-a-little").status.success());
    assert!(run("intact ask").status.success());
}

#[test]
fn a_disarmed_guard_says_nothing() {
    let output = run("damaged disarm");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

/// Every signal's action, and the stack for handlers.
fn signal_state() -> Vec<(usize, i32)> {
    let mut state: Vec<_> = (1..=libc::SIGRTMAX())
        .map(|signal| {
            // SAFETY: all-zero bytes are a valid `sigaction`; the call only asks.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, std::ptr::null(), &raw mut action);
                // The C library adds this flag to whatever it is given; it means nothing to a default action.
                const SA_RESTORER: i32 = 0x0400_0000;
                (action.sa_sigaction, action.sa_flags & !SA_RESTORER)
            }
        })
        .collect();
    // SAFETY: all-zero bytes are a valid `stack_t`; the call only asks.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &raw mut stack);
        state.push((stack.ss_sp.addr(), stack.ss_flags));
    }
    state
}

#[test]
fn what_was_inherited_returns() {
    // SAFETY: plain dispositions; nobody sends these signals here.
    unsafe {
        libc::signal(libc::SIGFPE, libc::SIG_IGN);
        libc::signal(libc::SIGRTMAX(), libc::SIG_IGN);
    }
    let before = signal_state();
    let guard = Guard::arm(|_| true);
    assert_ne!(signal_state(), before);
    guard.disarm();
    assert_eq!(signal_state(), before);
}
