//! Standard input and output.

use crate::harness::{Case, Run};

on_every_python!(both: pipes; onefile: prompt, bytes_pass_unchanged, reader_goes_away, closed_streams, beyond_ascii);

fn pipes(case: &Case) {
    case.probe()
        .run(&["upper"])
        .stdin("one\ntwo\n")
        .run()
        .success()
        .stdout_is("ONE\nTWO\n")
        .stderr_is("");
    case.probe().run(&["upper"]).run().success().stdout_is("");
}

fn prompt(case: &Case) {
    case.probe()
        .run(&["question"])
        .stdin("Ada\n")
        .run()
        .success()
        .stdout_is("Name? Hello Ada\n");
    case.probe()
        .run(&["question"])
        .run()
        .code(1)
        .stderr_has("EOFError");
}

fn bytes_pass_unchanged(case: &Case) {
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 31 % 256) as u8).collect();
    let outcome = case.probe().run(&["binary"]).stdin(&bytes).run();
    outcome.success();
    assert!(
        outcome.stdout == bytes,
        "{} bytes came back, or others",
        outcome.stdout.len()
    );
}

/// As under `program | head -1`: Python's own way to end, not a death without a word.
fn reader_goes_away(case: &Case) {
    let mut running = case.probe().run(&["flood"]).spawn();
    assert_eq!(running.line(), "line 0");
    running.close_stdout();
    running.finish().code(1).stderr_has("BrokenPipeError");
}

fn closed_streams(case: &Case) {
    let closed = |redirections: &str, action: &str| {
        let program = case.probe();
        let script = format!("exec \"$0\" {action} {redirections}");
        Run::new("/bin/sh")
            .args(&["-c", &script])
            .arg(&program.path)
            .env("TMPDIR", program.temporary())
            .run()
    };
    closed("<&- >&- 2>&-", "exit 3").code(3);
    closed(">&-", "exit 4").code(4);
    closed("2>&-", "fail").code(1);
    closed("< /dev/null > /dev/full", "text").code(120);
}

/// In an empty environment, where the locale is C: CPython switches to UTF-8.
fn beyond_ascii(case: &Case) {
    case.probe()
        .run(&["text"])
        .run()
        .success()
        .stdout_is("é ß 漢 🪶\n");
    case.probe()
        .run(&["text"])
        .env("LC_ALL", "C.UTF-8")
        .run()
        .success()
        .stdout_is("é ß 漢 🪶\n");
}
