//! Signals.

use crate::harness::{Case, Running};
use std::time::Duration;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

on_every_python!(both: interrupt, terminate; onefile: own_handlers, dispositions);

fn interrupt(case: &Case) {
    let caught = asleep(case, "wait");
    caught.signal("INT");
    caught
        .finish()
        .code(5)
        .stdout_is("ready\nKeyboardInterrupt\n")
        .stderr_is("");

    // Uncaught, it ends the process the way it ends Python: by the signal itself, so that shells notice.
    let uncaught = asleep(case, "wait-unprepared");
    uncaught.signal("INT");
    uncaught
        .finish()
        .killed_by(SIGINT)
        .stderr_has("KeyboardInterrupt")
        .stderr_has("time.sleep(30)");
}

fn terminate(case: &Case) {
    let running = asleep(case, "wait");
    running.signal("TERM");
    running
        .finish()
        .killed_by(SIGTERM)
        .stdout_is("ready\n")
        .stderr_is("");
}

/// The probe in its `time.sleep`.
fn asleep(case: &Case, action: &str) -> Running {
    let mut running = case.probe().run(&[action]).spawn();
    assert_eq!(running.line(), "ready");
    // It may still be within `print`.
    std::thread::sleep(Duration::from_millis(200));
    running
}

fn own_handlers(case: &Case) {
    let mut running = case.probe().run(&["handle"]).spawn();
    assert_eq!(running.line(), "ready");
    running.signal("USR1");
    // The first is handled before the second is sent, or both would be seen in the order of their numbers.
    std::thread::sleep(Duration::from_millis(300));
    running.signal("TERM");
    running
        .finish()
        .success()
        .stdout_is("ready\n['SIGUSR1', 'SIGTERM']\n");
}

/// As Python sets them: SIGINT raises, SIGPIPE is ignored, the rest is the system's.
fn dispositions(case: &Case) {
    let outcome = case.probe().run(&["signals"]).run();
    outcome.success();
    // `signal.getsignal` answers with an enum whose text differs between the versions.
    let text = outcome
        .stdout_text()
        .replace("Handlers.SIG_DFL", "0")
        .replace("Handlers.SIG_IGN", "1");
    // Started by `nohup`, it ignores SIGHUP as this process does.
    let hangup = u8::from(ignores(1));
    let others = format!("'SIGTERM': '0', 'SIGPIPE': '1', 'SIGHUP': '{hangup}', 'SIGCHLD': '0'");
    for expected in ["default_int_handler", &others] {
        if !text.contains(expected) {
            outcome.fail(&format!("expected {expected}"));
        }
    }
}

/// Whether this process ignores a signal, which its children inherit.
fn ignores(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() >> (signal - 1) & 1 == 1
}
