//! How programs for Windows end: told by their console, killed, or by themselves. What is right is seen from the same program
//! under the embeddable package's own `python.exe`.

use crate::harness::{Outcome, Wine, copy_tree, root};
use std::fs;
use std::sync::OnceLock;

/// A version of CPython, in the tests' folder.
struct Version {
    /// Its `python.exe`.
    plain: String,
    /// The command lines of one program: packed, and as plain Python has it.
    both: [Vec<String>; 2],
}

impl Version {
    /// What `driver` says of both.
    fn driven(&self, wine: &Wine, driver: &str) -> [String; 2] {
        self.both.each_ref().map(|program| {
            let words = std::iter::once(driver);
            let words: Vec<&str> = words.chain(program.iter().map(String::as_str)).collect();
            let outcome = wine.run(&self.plain, &words).run();
            outcome.success();
            outcome.lines()
        })
    }
}

/// Runs `check` with each version.
fn on_each(check: impl Fn(&Wine, &Version)) {
    static VERSIONS: OnceLock<Vec<Version>> = OnceLock::new();
    let Some(wine) = Wine::find() else { return };
    let versions = VERSIONS.get_or_init(|| {
        let scripts = root().join("tests/programs/windows");
        for script in ["ends.py", "console.py", "statuses.py", "kills.py"] {
            fs::copy(scripts.join(script), wine.inside(script)).unwrap();
        }
        let versions = wine.pythons.iter().map(|(version, python)| {
            let folder = format!("python-{}{}", version.0, version.1);
            copy_tree(python, &wine.inside(&folder));
            let plain = format!("{folder}\\python.exe");
            let packed = wine.packed("ends", "ends.py", *version, &[]);
            let both = [vec![packed], vec![plain.clone(), "ends.py".into()]];
            Version { plain, both }
        });
        versions.collect()
    });
    for version in versions {
        check(wine, version);
    }
}

/// The outcome of `program`, in a console of its own, with what `order` says done to it once it is ready.
fn ordered(
    wine: &Wine,
    version: &Version,
    program: &[String],
    arguments: &[&str],
    order: &str,
) -> Outcome {
    let orders = format!("{}.orders", arguments[0]);
    let file = wine.inside(&orders);
    fs::write(&file, "").unwrap();
    let words = ["console.py", orders.as_str()].into_iter();
    let words = words.chain(program.iter().map(String::as_str));
    let words: Vec<&str> = words.chain(arguments.iter().copied()).collect();
    let mut running = wine.run(&version.plain, &words).spawn();
    let said = running.line();
    fs::write(&file, format!("{order}\n")).unwrap();
    let outcome = running.finish();
    if said != "ready" {
        outcome.fail("it was not ready");
    }
    outcome
}

#[test]
fn ctrl_c_interrupts_windows_programs_as_it_does_python() {
    let cases = [
        ("sleeps", "ready\nfinally\nstatus 3221225786\n", true),
        ("joins", "ready\njoined\nstatus 3221225786\n", true),
        ("awaits", "ready\ncancelled\nstatus 3221225786\n", true),
        ("catches", "ready\ninterrupted\nstatus 3\n", false),
    ];
    on_each(|wine, version| {
        for (what, expected, is_told) in cases {
            for program in &version.both {
                let outcome = ordered(wine, version, program, &[what], "ctrl-c");
                outcome.success();
                assert_eq!(outcome.lines(), expected, "{program:?} {what}");
                let told = outcome.stderr_text().contains("KeyboardInterrupt");
                assert_eq!(told, is_told, "{}", outcome.stderr_text());
            }
        }
    });
}

#[test]
fn events_of_a_console_reach_a_handler_in_a_windows_program() {
    on_each(|wine, version| {
        for (order, event) in [("ctrl-c", 0), ("close", 2)] {
            for program in &version.both {
                let outcome = ordered(wine, version, program, &["handles"], order);
                outcome.success();
                let expected = format!("ready\ntold {event}\nstatus 5\n");
                assert_eq!(outcome.lines(), expected, "{program:?} {order}");
            }
        }
    });
}

/// Its children are its own affair, as they are Python's.
#[test]
fn a_child_outlives_a_killed_windows_program() {
    on_each(|wine, version| {
        for outcome in version.driven(wine, "kills.py") {
            assert_eq!(outcome, "ready\nstatus 1\nits child is alive: True\n");
        }
    });
}

#[test]
fn windows_programs_have_every_status_that_python_has() {
    on_each(|wine, version| {
        let [packed, plain] = version.driven(wine, "statuses.py");
        assert_eq!(packed, plain);
        for line in [
            "number 256 0x100\n",
            "number -1 0xffffffff\n",
            "abort 0x3\n",
        ] {
            assert!(packed.contains(line), "{packed}");
        }
    });
}
