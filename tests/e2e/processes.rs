//! Packed servers with several worker processes.

use crate::harness::{Case, Program, Scratch, Server, signal};
use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

on_every_python!(both: replaced_and_reloaded; onefile: forced);

fn supervised(case: &Case, data: &Scratch) -> Server {
    let program = Program::packed("samples/guestbook", &["--processes", "2"], *case);
    let server = Server::guestbook(program, data.path());
    until(|| server.has_said("(processes: 2, supervised)"));
    server
}

fn workers(server: &Server) -> BTreeSet<u32> {
    let id = server.id();
    fs::read_to_string(format!("/proc/{id}/task/{id}/children"))
        .unwrap()
        .split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

fn until(reached: impl Fn() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it never happened"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A worker that is killed is replaced; SIGHUP replaces all of them, and nobody who asks meanwhile notices.
fn replaced_and_reloaded(case: &Case) {
    let data = Scratch::new();
    let server = supervised(case, &data);
    server.get("/").expect(200);
    let first = workers(&server);
    let victim = *first.first().unwrap();
    assert!(signal(victim, "KILL"));
    until(|| workers(&server).len() == 2 && !workers(&server).contains(&victim));

    let before = workers(&server);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                server.get("/").expect(200);
                asked += 1;
            }
            asked
        });
        server.signal("HUP");
        until(|| workers(&server).len() == 2 && workers(&server).is_disjoint(&before));
        done.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
    });
    let left = workers(&server);
    let outcome = server.stop();
    outcome.success();
    outcome
        .stderr_has("(processes: 2, supervised)")
        .stderr_has("signal: 9 (SIGKILL)")
        .stderr_has("reloading: each worker is replaced");
    let alive = |id: &u32| fs::exists(format!("/proc/{id}")).unwrap();
    until(|| !left.iter().any(alive));
}

/// Workers do not outlive their supervisor, however it ends.
fn forced(case: &Case) {
    let data = Scratch::new();
    let server = supervised(case, &data);
    let left = workers(&server);
    server.signal("KILL");
    server.finish().killed_by(9);
    let alive = |id: &u32| fs::exists(format!("/proc/{id}")).unwrap();
    until(|| !left.iter().any(alive));
}
