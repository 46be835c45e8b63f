//! How programs end, and what they leave on stderr.

use crate::harness::Case;

on_every_python!(both: statuses, uncaught_exception; onefile: traceback_through_the_standard_library, exception_in_an_import, chained_exceptions, end_of_program);

fn statuses(case: &Case) {
    let probe = case.probe();
    let exit = |status: &str| probe.run(&["exit", status]).run();
    exit("0").code(0).stdout_is("").stderr_is("");
    exit("none").code(0).stderr_is("");
    exit("3").code(3).stderr_is("");
    exit("255").code(255);
    exit("-1").code(255);
    exit("bad things happened")
        .code(1)
        .stdout_is("")
        .stderr_is("bad things happened\n");
    probe.run(&["hard-exit"]).run().code(7).stdout_is("");
    probe.run(&["kill-self"]).run().killed_by(15);
}

fn uncaught_exception(case: &Case) {
    let outcome = case.probe().run(&["fail"]).run();
    outcome.code(1).stdout_is("");
    let text = outcome.stderr_text();
    let expected = [
        "Traceback (most recent call last):",
        "probe.py\", line ",
        "in <module>",
        "main()",
        "probes/exits.py\", line ",
        "shapes.faulty.fail(\"on purpose\")",
        "shapes/faulty.py\", line 5, in fail",
        "raise ValueError(f\"failed {reason}\")  # the line a traceback shows",
        "ValueError: failed on purpose",
    ];
    assert_in_order(&text, &expected);
    // The frames are the program's: nothing of the machinery that started it.
    assert!(
        !text.contains("pack_runtime") && !text.contains("importlib") && !text.contains("runpy"),
        "{text}"
    );
    assert_eq!(text.matches("  File \"").count(), 4, "{text}");
}

fn traceback_through_the_standard_library(case: &Case) {
    let outcome = case.probe().run(&["fail-in-stdlib"]).run();
    outcome.code(1);
    let expected = [
        "json/__init__.py\", line ",
        "return _default_decoder.decode(s)",
        "json/decoder.py",
        "JSONDecodeError: ",
    ];
    assert_in_order(&outcome.stderr_text(), &expected);
}

fn exception_in_an_import(case: &Case) {
    let outcome = case.probe().run(&["fail-in-import"]).run();
    let text = outcome.code(1).stderr_text();
    let expected = [
        "probes/exits.py:",
        "UserWarning: not finished",
        "Traceback (most recent call last):",
        "probe.py\", line ",
        "in fail_in_import",
        "import shapes.unfinished  # the line that is to blame",
        "shapes/unfinished.py\", line 6, in <module>",
        "LookupError: raised by a module's own code",
    ];
    assert_in_order(&text, &expected);
    assert!(
        !text.contains("pack_runtime") && !text.contains("importlib"),
        "{text}"
    );
    assert_eq!(text.matches("  File \"").count(), 4, "{text}");
}

fn chained_exceptions(case: &Case) {
    let outcome = case.probe().run(&["chain"]).run();
    outcome.code(1);
    let expected = [
        "ValueError: failed first",
        "The above exception was the direct cause of the following exception:",
        "raise RuntimeError(\"second\") from error",
        "RuntimeError: second",
    ];
    assert_in_order(&outcome.stderr_text(), &expected);
}

fn end_of_program(case: &Case) {
    let probe = case.probe();
    let expected = "main ends\nthread\nregistered second\nregistered first\n";
    probe
        .run(&["at-exit"])
        .run()
        .success()
        .stdout_is(expected)
        .stderr_is("");
    probe
        .run(&["unflushed"])
        .run()
        .success()
        .stdout_is("flushed at the end");
}

/// Each of `expected` occurs, after the one before.
fn assert_in_order(text: &str, expected: &[&str]) {
    let mut rest = text;
    for part in expected {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => panic!("{part:?} is missing, or not where it was expected, in:\n{text}"),
        }
    }
}
