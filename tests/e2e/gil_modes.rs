//! The modes of the GIL: interpreters with a GIL each, and an interpreter without one.

use crate::harness::free_threaded;
use crate::harness::{Case, Mode, Outcome, Pack, Program, Python, Scratch, Server, pythons, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// The interpreters that can have a GIL each.
fn several() -> impl Iterator<Item = Case> {
    let new = pythons().iter().filter(|python| python.version >= (3, 12));
    new.map(|python| Case {
        python,
        mode: Mode::OneFile,
    })
}

fn packed(case: Case, application: &str) -> &'static Program {
    let application = format!("{application}:application");
    let options = [
        "--wsgi",
        &application,
        "--gil",
        "per-interpreter",
        "--interpreters",
        "3",
    ];
    Program::packed("tests/programs/modes", &options, case)
}

fn json(server: &Server, path: &str) -> Value {
    serde_json::from_slice(&server.get(path).expect(200).body).unwrap()
}

/// Answers to requests that are all under way at the same time.
pub(super) fn at_once(server: &Server, count: usize) -> Vec<Value> {
    let mut connections: Vec<_> = (0..count)
        .map(|_| {
            let mut connection = server.connect();
            connection.send("GET", "/hold?seconds=0.5", &[("Connection", "close")], b"");
            connection
        })
        .collect();
    connections
        .iter_mut()
        .map(|connection| serde_json::from_slice(&connection.answer().expect(200).body).unwrap())
        .collect()
}

#[test]
fn requests_are_served_by_interpreters_of_their_own() {
    for case in several() {
        let log = Scratch::new();
        let log = log.path().join("log");
        let run = packed(case, "modes_app").run(&["--switch-interval", "0.002"]);
        let server = Server::start(run.env("MODES_LOG", &log));
        let answers = at_once(&server, 6);
        let seen: BTreeSet<i64> = answers
            .iter()
            .map(|answer| answer["interpreter"].as_i64().unwrap())
            .collect();
        assert_eq!(
            seen.len(),
            3,
            "six requests for three interpreters of two threads"
        );
        assert!(!seen.contains(&0), "the main interpreter serves nobody");
        for answer in &answers {
            assert_eq!(answer["frozen"], true);
            assert_eq!(answer["file"], true, "its files are the bundle's");
            assert_eq!(answer["switch"], 0.002);
            assert_eq!(answer["argv"][0], "--switch-interval");
            assert!(
                answer["requests"].as_i64().unwrap() <= 2,
                "they share no module"
            );
        }
        let told = json(&server, "/environ");
        assert_eq!(
            (&told["multithread"], &told["multiprocess"]),
            (&true.into(), &true.into())
        );
        let refused = json(&server, "/refusals");
        assert_eq!(refused["signal"], "ValueError");
        assert_eq!(refused["fork"], "RuntimeError");
        assert_eq!(refused["daemon"], "RuntimeError");
        json(&server, "/thread");
        let outcome = server.stop();
        outcome
            .success()
            .stderr_has("3 interpreters with 2 threads and a GIL each");
        let log = fs::read_to_string(log).unwrap();
        assert_eq!(log.matches("imported").count(), 3, "{log}");
        assert_eq!(log.matches("exit function").count(), 3, "{log}");
        let end = log.find("thread ended").expect("it was waited for");
        assert!(!log[end..].contains("imported"), "{log}");
    }
}

#[test]
fn an_interpreter_that_cannot_import_the_application_is_named() {
    for case in several() {
        let run = packed(case, "modes_app").run(&["--bind", "127.0.0.1:0"]);
        let outcome = run.env("MODES_FAIL_IN", "2").run();
        outcome
            .code(1)
            .stderr_has("interpreter 2 of 3: cannot serve modes_app:application")
            .stderr_has("RuntimeError: this interpreter does not want to")
            .stderr_has("modes_app.py");
    }
}

#[test]
fn extension_modules_that_refuse_are_named_at_build_and_start() {
    for case in several() {
        let folder = Scratch::new();
        let outcome = build(
            case.python.with_flask(),
            "refusing_app:application",
            &["--gil", "per-interpreter"],
            &folder,
        );
        outcome
            .success()
            .stderr_has("importing `readline` will fail");
        let program = Program::at(&folder.path().join("dist"), case);
        refused(&program.run(&["--bind", "127.0.0.1:0"]).run());
        let server = Server::start(program.run(&["--gil", "shared"]));
        assert_eq!(server.get("/").expect(200).text(), "readline");
        server.stop().success();

        // Where it was not asked for when it was packed, the program finds out itself.
        let folder = Scratch::new();
        build(
            case.python.with_flask(),
            "refusing_app:application",
            &[],
            &folder,
        )
        .success();
        let program = Program::at(&folder.path().join("dist"), case);
        refused(
            &program
                .run(&["--gil", "per-interpreter", "--bind", "127.0.0.1:0"])
                .run(),
        );
    }
}

fn refused(outcome: &Outcome) {
    outcome
        .code(1)
        .stderr_has("interpreter 1 of 2: cannot serve refusing_app:application")
        .stderr_has("extension modules (readline) refuse")
        .stderr_has("Serve with several processes instead");
}

#[test]
fn an_application_that_can_do_without_such_a_module_is_served() {
    for case in several() {
        let server = Server::start(packed(case, "optional_app").run(&[]));
        assert_eq!(server.get("/").expect(200).text(), "none: readline");
        server.stop().success().stderr_has("without readline");
    }
}

fn build(
    python: &std::path::Path,
    application: &str,
    options: &[&str],
    folder: &Scratch,
) -> Outcome {
    Pack::run(&["build", "--noconfirm", "--wsgi", application, "--python"])
        .arg(python)
        .args(options)
        .arg("--distpath")
        .arg(folder.path().join("dist"))
        .cwd(root().join("tests/programs/modes"))
        .run()
}

#[test]
fn interpreters_that_do_not_have_a_mode_are_refused() {
    let folder = Scratch::new();
    let application = "modes_app:application";
    let python = pythons().last().unwrap();
    build(
        python.with_flask(),
        application,
        &["--gil", "free"],
        &folder,
    )
    .refused(1, &["needs a free-threaded CPython", "python3.13t"]);
    if let Some(old) = pythons().iter().find(|python| python.version < (3, 12)) {
        build(
            old.with_flask(),
            application,
            &["--gil", "per-interpreter"],
            &folder,
        )
        .refused(1, &["needs CPython 3.12 or later", "--python"]);
    }
    build(python.with_flask(), application, &[], &folder).success();
    let case = Case {
        python,
        mode: Mode::OneFile,
    };
    let program = Program::at(&folder.path().join("dist"), case);
    program
        .run(&["--gil", "free"])
        .run()
        .code(1)
        .stderr_has("needs a free-threaded CPython");
}

#[test]
fn threads_without_a_gil_serve_at_once() {
    let Some(python) = free_threaded() else {
        eprintln!("skipped: PACK_FREE_THREADED_PYTHON names no free-threaded CPython");
        return;
    };
    let program = packed_free(python);
    let log = Scratch::new();
    let log = log.path().join("log");
    let server = Server::start(program.run(&["--threads", "4"]).env("MODES_LOG", &log));
    let answers = at_once(&server, 4);
    assert!(
        answers
            .iter()
            .all(|answer| answer["gil"] == false && answer["interpreter"] == 0)
    );
    let last = json(&server, "/environ");
    assert_eq!(last["requests"], 5, "one interpreter");
    assert_eq!(
        (&last["multithread"], &last["multiprocess"]),
        (&true.into(), &false.into())
    );
    hammer(&server);
    let after = json(&server, "/environ");
    assert_eq!(
        after["requests"],
        5 + 8 * 200 + 1,
        "no request was lost or counted twice"
    );
    server.stop().success().stderr_has("4 threads, GIL off");
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.matches("exit function").count(), 1, "{log}");
}

/// Eight clients that ask all the time: what threads share of the host's own objects is used by all of them at once.
fn hammer(server: &Server) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut connection = server.connect();
                for size in 0..200 {
                    let answer = connection.post("/echo", "text/plain", &vec![b'x'; size]);
                    let told: Value = serde_json::from_slice(&answer.expect(200).body).unwrap();
                    assert!(told["sum"].as_u64().unwrap() >= size as u64);
                }
            });
        }
    });
}

#[test]
fn a_build_without_a_gil_has_one_where_it_is_shared() {
    let Some(python) = free_threaded() else {
        return;
    };
    let program = packed_free(python);
    let server = Server::start(program.run(&["--gil", "shared"]));
    assert_eq!(json(&server, "/")["gil"], true);
    server.stop().success().stderr_has("2 threads, GIL on");
    let server = Server::start(program.run(&["--switch-interval", "0.001"]));
    assert_eq!(json(&server, "/")["gil"], false);
    server
        .stop()
        .success()
        .stderr_has("`switch-interval` has no effect");
}

fn packed_free(python: &'static Python) -> Program {
    let folder = Box::leak(Box::new(Scratch::new()));
    build(
        &python.base,
        "modes_app:application",
        &["--gil", "free"],
        folder,
    )
    .success();
    let case = Case {
        python,
        mode: Mode::OneFile,
    };
    Program::at(&folder.path().join("dist"), case)
}
