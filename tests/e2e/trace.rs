//! `pack trace`, and `pack build --slim` by what it wrote.

use crate::harness::{Case, Pack, Program, Run, Scratch};
use std::fs;

/// Uses Flask in this process and a file of Werkzeug in another one.
const APPLICATION: &str = r#"
import subprocess, sys
import flask

app = flask.Flask(__name__)

@app.route("/")
def page():
    return flask.render_template_string("<p>{{ 6 * 7 }}</p>")

print(app.test_client().get("/").text)
if sys.argv[1:]:
    subprocess.run([sys.executable, "-c", "import pkgutil; pkgutil.get_data('werkzeug.debug', 'shared/less.png')"], check=True)
    sys.exit(int(sys.argv[1]))
"#;

fn project() -> Scratch {
    let scratch = Scratch::new();
    fs::write(scratch.join("app.py"), APPLICATION).unwrap();
    scratch
}

fn trace(scratch: &Scratch, arguments: &[&str]) -> Run {
    let python = Case::any().python.with_flask();
    let run = Pack::run(&["trace", "--python"]).arg(python);
    run.args(arguments).cwd(scratch.path())
}

fn build(scratch: &Scratch, dist: &str, options: &[&str]) -> Run {
    let run = Pack::build_script(&scratch.join("app.py"), options, Case::any());
    run.args(&["--distpath", dist])
}

fn used(scratch: &Scratch, file: &str, distribution: &str) -> Vec<String> {
    let trace = fs::read_to_string(scratch.join(file)).unwrap();
    let trace: serde_json::Value = serde_json::from_str(&trace).unwrap();
    let files = trace["distributions"][distribution]["used"].as_array();
    let files = files.into_iter().flatten().filter_map(|file| file.as_str());
    files.map(str::to_owned).collect()
}

#[test]
fn a_traced_program_gets_slim_and_works() {
    let scratch = project();
    let outcome = trace(&scratch, &["app.py", "3"]).run();
    outcome.code(3).stdout_is("<p>42</p>\n");
    outcome.stderr_has("pack-trace.json: ");
    for (distribution, file) in [
        ("flask", "flask/__init__.py"),
        ("werkzeug", "werkzeug/debug/shared/less.png"),
    ] {
        let files = used(&scratch, "pack-trace.json", distribution);
        assert!(files.iter().any(|used| used == file), "{file} of {files:?}");
    }
    build(&scratch, "whole", &[]).run().success();
    let slim = ["--slim", "pack-trace.json"];
    let outcome = build(&scratch, "slim", &slim).arg("-v").run();
    outcome.success().stderr_has("left out by --slim: ");
    outcome.stderr_has("left out: werkzeug/debug/shared/debugger.js");
    let size = |dist: &str| fs::metadata(scratch.join(dist).join("app")).unwrap().len();
    assert!(size("slim") < size("whole"));

    let program = scratch.join("slim/app");
    let why = |name: &str| Pack::run(&["inspect"]).arg(&program).args(&["--why", name]);
    let left = why("werkzeug/debug/shared/debugger.js").run();
    left.success();
    assert!(left.stdout_text().contains("was left out by --slim"));
    let kept = why("flask.cli").run();
    kept.success();
    assert!(!kept.stdout_text().contains("left out"));
    let listed = Pack::run(&["inspect", "--format", "json", "-v"])
        .arg(&program)
        .run();
    let listed = listed.json();
    let files: Vec<&str> = listed["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|file| file["path"].as_str())
        .collect();
    let licensed =
        |file: &&str| file.starts_with("flask-") && file.ends_with("licenses/LICENSE.txt");
    assert!(files.iter().any(licensed), "{files:?}");
    assert!(
        files.contains(&"werkzeug/debug/shared/less.png"),
        "{files:?}"
    );

    let program = Program::at(&scratch.join("slim"), Case::any());
    let outcome = program.run(&["3"]).run();
    outcome.code(3).stdout_is("<p>42</p>\n");
    // Again, as nothing has changed; and not after another trace.
    let again = build(&scratch, "slim", &slim).run();
    again.success().stderr_has("up to date");
    trace(&scratch, &["app.py"]).run().success();
    let other = build(&scratch, "slim", &slim).run();
    assert!(!other.stderr_text().contains("up to date"));
}

#[test]
fn programs_of_the_environment_are_traced() {
    let scratch = project();
    for (file, arguments) in [
        ("script.json", &["flask", "--version"][..]),
        ("module.json", &["-m", "flask", "--version"]),
        ("text.json", &["-c", "import flask.cli"]),
    ] {
        let outcome = trace(&scratch, &["-o", file, "--"]).args(arguments).run();
        outcome.success();
        let files = used(&scratch, file, "flask");
        assert!(files.iter().any(|used| used == "flask/cli.py"), "{files:?}");
    }
    let outcome = trace(&scratch, &["nosuch", "-v"]).run();
    outcome.refused(
        1,
        &[
            "`nosuch` is neither a file nor a folder nor a program of",
            "-m MODULE",
        ],
    );
    let outcome = trace(&scratch, &["-o", "no/where.json", "app.py"]).run();
    outcome.refused(1, &["cannot write the trace `no/where.json`"]);
    assert_eq!(outcome.stdout_text(), "");
}

#[test]
fn a_trace_of_something_else_builds_nothing() {
    let scratch = project();
    trace(&scratch, &["app.py"]).run().success();
    let text = fs::read_to_string(scratch.join("pack-trace.json")).unwrap();
    let mut trace: serde_json::Value = serde_json::from_str(&text).unwrap();
    trace["distributions"]["flask"]["version"] = "0.1".into();
    fs::write(scratch.join("old.json"), trace.to_string()).unwrap();
    fs::write(scratch.join("cut.json"), &text[..text.len() / 2]).unwrap();
    for (file, words) in [
        (
            "old.json",
            ["was made with flask 0.1", "trace the application again"],
        ),
        ("cut.json", ["is no trace", "`pack trace APP` writes one"]),
    ] {
        let outcome = build(&scratch, "dist", &["--slim", file]).run();
        outcome.refused(1, &words);
    }
    let outcome = build(&scratch, "dist", &["--slim", "absent.json"]).run();
    outcome.refused(2, &["absent.json"]);
    assert!(!scratch.join("dist").join("app").exists());
}
