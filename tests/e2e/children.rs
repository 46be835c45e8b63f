//! Processes that packed programs start.

use crate::harness::{Case, Scratch};
use serde_json::{Value, json};

on_every_python!(both: system_programs, as_python, anew; onefile: itself, shell);

/// A system program sees the environment that the packed program was given, and no file that it has open.
fn system_programs(case: &Case) {
    let probe = case.probe();
    let run = probe
        .run(&["system-program"])
        .env("KEPT", "a value")
        .env("LD_LIBRARY_PATH", "/kept/too")
        .run();
    let seen = run.json();
    let given = [
        format!("TMPDIR={}", probe.temporary().display()),
        "KEPT=a value".into(),
        "LD_LIBRARY_PATH=/kept/too".into(),
    ];
    for text in given {
        assert!(
            seen["environment"]
                .as_array()
                .unwrap()
                .contains(&json!(text)),
            "{text} is not in {seen}"
        );
    }
    // CPython itself sets LC_CTYPE in a C locale (PEP 538).
    let added = seen["environment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap());
    let known = ["TMPDIR=", "KEPT=", "LD_LIBRARY_PATH=", "LC_CTYPE="];
    let foreign: Vec<&str> = added
        .filter(|text| !known.iter().any(|name| text.starts_with(name)))
        .collect();
    assert!(foreign.is_empty(), "the child sees {foreign:?}");
    assert_eq!(
        seen["files"],
        json!("4"),
        "stdin, stdout, stderr and the folder that `ls` reads: {seen}"
    );
    // Python ignores SIGPIPE and starts its children without: they see what this process was given.
    // Of this thread: the main one blocks all signals while it starts another test's.
    let own = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let masks = own
        .lines()
        .filter(|line| line.starts_with("SigIgn") || line.starts_with("SigBlk"));
    let expected: Vec<String> = masks.map(plain_mask).collect();
    let masks = seen["signals"].as_array().unwrap().iter();
    assert_eq!(
        masks.map(|mask| plain_mask(text(mask))).collect::<Vec<_>>(),
        expected,
        "{seen}"
    );
}

/// A line of /proc/self/status without the signals that others than Python and this test decide about.
fn plain_mask(line: &str) -> String {
    // Rust's programs ignore SIGPIPE themselves, and not for their children; glibc's posix_spawn, by which the packed
    // program was started, leaves its two internal signals ignored.
    const OTHERS: u64 = 1 << 12 | 1 << 31 | 1 << 32;
    let (name, mask) = line.split_once(":\t").unwrap();
    format!(
        "{name}:\t{:016x}",
        u64::from_str_radix(mask, 16).unwrap() & !OTHERS
    )
}

/// `sys.executable` takes what a Python takes.
fn as_python(case: &Case) {
    let scratch = Scratch::new();
    let seen = case
        .probe()
        .run(&["as-python"])
        .env("SCRATCH", scratch.path())
        .run()
        .json();
    let ran = |name: &str, status: i32, stdout: &str| {
        let run = &seen[name];
        assert_eq!(
            (&run["status"], &run["stdout"]),
            (&json!(status), &json!(stdout)),
            "{name}: {run}"
        );
    };
    ran("code", 4, "['-c', 'a', '-b'] __main__\n");
    ran("module", 0, "{\n    \"a\": 2,\n    \"b\": 1\n}\n");
    ran("own_module", 0, "runnable ['x'] shapes.runnable\n");
    ran("package", 0, "shapes as __main__ shapes.__main__ 1\n");
    ran("flags", 0, "flags\n");
    ran("unbuffered", 0, "joined\n");
    ran("failing", 1, "");
    assert!(
        text(&seen["failing"]["stderr"]).ends_with(
            "File \"<string>\", line 1, in <module>\nZeroDivisionError: division by zero\n"
        ),
        "{seen}"
    );
    ran("absent", 1, "");
    assert!(
        text(&seen["absent"]["stderr"]).ends_with("No module named no_such_module\n"),
        "{seen}"
    );
    ran("shell", 0, "42\n");
    ran("xargs", 0, "['-c', 'a', 'b']\n");
    let script = text(&seen["script_path"]);
    ran(
        "script",
        0,
        &format!("[[\"{script}\", \"x\", \"y\"], \"__main__\", \"{script}\"]\n"),
    );
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Started by its own name it is itself again, not a Python.
fn itself(case: &Case) {
    let seen = case.probe().run(&["again"]).run().json();
    let arguments = seen["argv"]["argv"].as_array().unwrap();
    let expected = [json!("6f6e65"), json!("74776f20776f726473")];
    assert_eq!(arguments[arguments.len() - 2..], expected, "{seen}");
}

/// `[sys.executable, *sys.argv]` is the program with what it was given.
fn anew(case: &Case) {
    let seen = case.probe().run(&["anew"]).run().json();
    assert_eq!(seen["argv"], json!(["child", "a", "-b"]), "{seen}");
}

fn shell(case: &Case) {
    let seen = case.probe().run(&["shell"]).run().json();
    assert_eq!(seen, json!({"status": 3, "text": "from the shell\n"}));
}
