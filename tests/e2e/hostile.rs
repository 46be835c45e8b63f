//! Programs that a hostile packer made: every hash in them is right, and what they ask for is refused by all who look.

use super::damage::DAMAGED;
use crate::harness::{Case, Mode, Outcome, Pack, Run, Scratch, files_below, pythons};
use payload::Payload;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A file of the program whose name the hostile packer changes. It is the first in the order of names.
const NAME: &str = "+a/bbbbbbbb";
/// Another one.
const OTHER: &str = "+a/cccccccc";

/// The bytes of a program that says hello.
fn honest(scratch: &Scratch) -> Vec<u8> {
    let script = scratch.write("hello.py", "print('hello')\n");
    for name in [NAME, OTHER] {
        scratch.write(name, name);
    }
    let case = Case {
        python: pythons().last().unwrap(),
        mode: Mode::OneFile,
    };
    let program = Pack::script(&script, &["--add-data", "+a:+a"], case);
    program.run(&[]).run().success().stdout_is("hello\n");
    fs::read(&program.path).unwrap()
}

/// `program` with `from` in its index replaced by `to`, of the same length, and all hashes set right.
fn forged(program: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let change = |index: &mut [u8]| {
        let at = index
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .unwrap();
        index[at..at + to.len()].copy_from_slice(to.as_bytes());
    };
    payload::fuzzing::forged(program, change).unwrap()
}

/// Everybody refuses the program, says why in one of `reasons`, and leaves nothing anywhere.
fn refused_by_all(scratch: &Scratch, program: &[u8], what: &str, reasons: &[&str]) {
    Payload::locate(program)
        .and_then(|payload| payload.verify_index())
        .unwrap_or_else(|error| panic!("{what}: the forgery is no good: {error}"));
    let place = scratch.join("place");
    fs::create_dir_all(place.join("tmp")).unwrap();
    let path = place.join("program");
    fs::write(&path, program).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();

    let run = Run::new(&path).env("TMPDIR", place.join("tmp")).run();
    check(&run, DAMAGED, what, reasons);
    for command in ["verify", "inspect", "extract"] {
        let run = Pack::run(&[command]).arg(&path).cwd(&place).run();
        check(&run, 1, &format!("{what}, pack {command}"), reasons);
    }
    // The lock under which it was looked at holds nothing.
    let mut left = files_below(&place);
    left.retain(|path| path.extension().is_none_or(|end| end != "lock"));
    assert_eq!(
        left,
        [Path::new("program")],
        "{what}: something was written"
    );
    fs::remove_dir_all(&place).unwrap();
}

fn check(run: &Outcome, code: i32, what: &str, reasons: &[&str]) {
    let said = run.stderr_text();
    if run.status.code() != Some(code)
        || run.stdout_text().contains("hello")
        || said.contains("panicked")
        || !reasons.iter().any(|reason| said.contains(reason))
    {
        run.fail(&format!("{what}: expected {code} and one of {reasons:?}"));
    }
}

#[test]
fn names_that_lead_out_or_collide() {
    const NO_NAME: &[&str] = &["is not a name for a file in a bundle"];
    const NOT_SORTED: &[&str] = &["its names are not in order"];
    let scratch = Scratch::new();
    let honest = honest(&scratch);
    // What sorts behind other names is refused for that.
    let forgeries: [(&str, &[&str]); 9] = [
        ("../../evil1", NOT_SORTED),
        ("/tmp/evil11", NOT_SORTED),
        ("C:\\evil.txt", NOT_SORTED),
        ("+a/../../ev", NO_NAME),
        ("+a//bbbbbbb", NO_NAME),
        ("+a/b\\..\\bbb", NO_NAME),
        ("+a/\u{1b}[2Jevil", NO_NAME),
        ("+a/bb\u{85}bbbb", NO_NAME),
        (OTHER, NOT_SORTED),
    ];
    for (name, reasons) in forgeries {
        let forged = forged(&honest, NAME, name);
        refused_by_all(&scratch, &forged, &format!("{name:?}"), reasons);
    }
    // The last but one in order, with nothing between it and what it becomes.
    let forged = forged(&forged(&honest, NAME, "+a/../evil1"), OTHER, "+a/../evil2");
    refused_by_all(&scratch, &forged, "two names that climb", NO_NAME);
    assert!(!Path::new("/tmp/evil11").exists());
}

#[test]
fn settings_that_lead_out() {
    let scratch = Scratch::new();
    let honest = honest(&scratch);
    let payload = Payload::locate(&honest).unwrap();
    let program = payload.program().unwrap();
    let payload::PythonStart::Library(libpython) = program.python.start else {
        // An interpreter that is packed as its program has its path there.
        return;
    };
    let outside = |path: &str| format!("/tmp/{}", "e".repeat(path.len() - 5));
    let quoted = |text: &str| format!("\"{text}\"");
    for path in [&libpython, &program.runtime] {
        // In the settings it stands in quotes, among the names it does not.
        let (from, to) = (quoted(path), quoted(&outside(path)));
        let forged = forged(&honest, &from, &to);
        let reasons = ["is not a name for a file in a bundle"];
        refused_by_all(&scratch, &forged, &format!("{path} outside"), &reasons);
    }
}
