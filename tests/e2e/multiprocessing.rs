//! `multiprocessing` by each start method, with functions of the main script and without `freeze_support()`.

use crate::harness::{Case, Program};
use serde_json::{Value, json};

on_every_python!(both: spawn; onefile: fork, forkserver);

fn spawn(case: &Case) {
    let seen = check(case, "spawn");
    assert_eq!(seen["process"]["answer"][6], json!("__mp_main__"));
}

fn fork(case: &Case) {
    let seen = check(case, "fork");
    assert_eq!(seen["process"]["answer"][6], json!("__main__"));
}

fn forkserver(case: &Case) {
    let seen = check(case, "forkserver");
    assert_eq!(seen["process"]["answer"][6], json!("__mp_main__"));
}

fn check(case: &Case, method: &str) -> Value {
    let program = Program::packed("tests/programs/workers", &["workers.py"], *case);
    let outcome = program.run(&[method]).run();
    outcome.stderr_is("");
    let seen = outcome.json();
    let child = &seen["process"]["answer"];
    assert_eq!(child[0], json!("child"));
    assert_eq!(child[1], json!(true), "it ran in another process");
    assert_eq!(child[2], json!(true), "sys.frozen in the child");
    assert_eq!(child[4], json!(program.path));
    assert_eq!(
        child[5],
        json!([program.path, method]),
        "sys.argv in the child"
    );
    assert_eq!(seen["process"]["exitcode"], json!(0));
    assert_eq!(seen["pool"]["tickets"], json!([0, 2, 4, 6, 8]));
    assert_eq!(seen["pool"]["squares"], json!([0, 1, 4, 9, 16]));
    let mut environment = seen["pool"]["environment"].as_array().unwrap().clone();
    // CPython may set it in a C locale (PEP 538).
    environment.retain(|name| name != "LC_CTYPE");
    assert_eq!(environment, [json!("TMPDIR"), json!("WORKERS_PARENT")]);
    assert_eq!(
        seen["executor"],
        json!({"squares": [0, 1, 4, 9, 16], "error": "from a worker", "listed": [1, 2]})
    );
    assert_eq!(seen["left"], json!(0));
    seen
}
