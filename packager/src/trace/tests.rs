#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing;
use std::ffi::OsString;

/// A distribution that reads, loads and starts things, in an environment of its own.
struct Site(tempfile::TempDir);

const FILES: &[(&str, &str)] = &[
    ("pkg/__init__.py", ""),
    (
        "pkg/used.py",
        "import pathlib\nTEXT = pathlib.Path(__file__).with_name('read.txt').read_text()\n",
    ),
    ("pkg/idle.py", ""),
    ("pkg/child.py", ""),
    ("pkg/forked.py", ""),
    ("pkg/read.txt", "text"),
    ("pkg/left.txt", ""),
    ("pkg/native.db", ""),
    ("sitecustomize.py", "import pkg.child\n"),
    ("pkg-1.dist-info/METADATA", "Name: pkg\nVersion: 1\n"),
    (
        "pkg-1.dist-info/RECORD",
        "pkg/__init__.py,,\npkg/used.py,,\npkg/idle.py,,\npkg/child.py,,\npkg/forked.py,,\npkg/read.txt,,\npkg/left.txt,,\n\
         pkg/native.db,,\nsitecustomize.py,,\n",
    ),
];

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        testing::tree(folder.path(), FILES);
        Self(folder)
    }

    fn facts(&self, version: (u8, u8)) -> InterpreterFacts {
        let mut facts = testing::facts();
        facts.version = (version.0, version.1, 0);
        facts.sys_path = vec![self.0.path().canonicalize().unwrap()];
        facts
    }

    fn run(&self, python: &Path, statements: &str) -> (run::Ran, Trace) {
        let environment = Environment::read(&self.facts((3, 11)));
        let site = self.0.path().canonicalize().unwrap();
        let text = format!("import sys\nsite = {site:?}\nsys.path.insert(0, site)\n{statements}");
        let program = Program {
            python: python.to_owned(),
            arguments: vec![OsString::from("-c"), text.into()],
        };
        let ran = run(&program, &environment).unwrap();
        let trace = environment.trace(&ran.used);
        (ran, trace)
    }
}

fn used(trace: &Trace) -> Vec<&str> {
    let files = &trace.distributions["pkg"].used;
    files.iter().map(String::as_str).collect()
}

#[test]
fn every_python_tells_what_it_uses() {
    for (version, python) in testing::pythons() {
        let site = Site::new();
        let (ran, trace) = site.run(
            &python,
            "import pkg.used, sqlite3, os\n\
             sqlite3.connect(site + '/pkg/native.db').execute('pragma user_version').fetchall()\n\
             if not os.fork():\n    import pkg.forked\n    os._exit(0)\n\
             os.wait()\n\
             sys.exit(7)\n",
        );
        assert_eq!(ran.status.code(), Some(7), "{version:?}");
        let expected = [
            "pkg/__init__.py",
            "pkg/forked.py",
            "pkg/native.db",
            "pkg/read.txt",
            "pkg/used.py",
        ];
        assert_eq!(used(&trace), expected, "{version:?}");
        assert_eq!(trace.counts(), (5, 1));
        assert!(ran.warnings.is_empty(), "{:?}", ran.warnings);
    }
}

#[test]
fn children_are_traced_and_keep_their_sitecustomize() {
    let site = Site::new();
    let (_, python) = testing::pythons().pop().unwrap();
    let (ran, trace) = site.run(
        &python,
        "import os, subprocess\n\
         assert all('pack-trace' not in place for place in sys.path), sys.path\n\
         env = dict(os.environ, PYTHONPATH=os.environ['PYTHONPATH'] + ':' + site)\n\
         told = subprocess.check_output([sys.executable, '-c', 'import sitecustomize; print(sitecustomize.__file__)'], env=env)\n\
         assert told.decode().strip() == site + '/sitecustomize.py', told\n",
    );
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(
        used(&trace),
        ["pkg/__init__.py", "pkg/child.py", "sitecustomize.py"]
    );
}

#[test]
fn a_signal_is_told_of() {
    let site = Site::new();
    let (_, python) = testing::pythons().pop().unwrap();
    let (ran, trace) = site.run(&python, "import pkg.idle, os\nos.kill(os.getpid(), 9)\n");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&ran.status),
        Some(9)
    );
    assert_eq!(used(&trace), ["pkg/__init__.py", "pkg/idle.py"]);
}

#[test]
fn caches_stand_for_their_sources() {
    let check = |path: &str, expected: &str| {
        assert_eq!(source_of(Path::new(path)), Path::new(expected));
    };
    check("/a/__pycache__/b.cpython-311.pyc", "/a/b.py");
    check("/a/__pycache__/b.cpython-311.opt-1.pyc", "/a/b.py");
    check("/a/__pycache__/b.cpython-311-pytest-8.pyc", "/a/b.py");
    check("/a/b.pyc", "/a/b.pyc");
    check("/a/../b.so", "/b.so");
    assert_eq!(system("x86_64-unknown-linux-gnu"), "x86_64-linux");
    assert_eq!(system("x86_64-pc-windows-gnu"), "x86_64-windows");
}

/// What `Evidence::read` says to a trace of `pkg 1` after `change`.
fn refusal(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let site = Site::new();
    let facts = site.facts((3, 11));
    let environment = Environment::read(&facts);
    let trace = environment.trace(&BTreeSet::new()).to_json();
    let mut value: serde_json::Value = serde_json::from_str(&trace).unwrap();
    change(&mut value);
    let path = site.0.path().join("trace.json");
    std::fs::write(&path, value.to_string()).unwrap();
    let mut graph = crate::graph::ModuleGraph::default();
    graph.distributions.push(crate::graph::ReachedDistribution {
        distribution: Arc::clone(&environment.distributions[0]),
        reason: crate::graph::Reason::LookedFor("x".into()),
    });
    match Evidence::read(
        std::slice::from_ref(&path),
        &crate::configure::host_target(),
        &facts,
        &graph,
    ) {
        Ok(_) => String::new(),
        Err(error) => error.to_string().replace(path.to_str().unwrap(), "FILE"),
    }
}

#[test]
fn traces_of_something_else_are_refused() {
    assert_eq!(refusal(|_| {}), "");
    let check = |refusal: String, expected: &str| assert_eq!(refusal, expected);
    check(
        refusal(|trace| trace["version"] = 2.into()),
        "the trace `FILE` has version 2 of the format, and this `pack` reads version 1",
    );
    check(
        refusal(|trace| trace["python"] = "3.9".into()),
        "the trace `FILE` was made with Python 3.9, and the program is built with Python 3.11",
    );
    check(
        refusal(|trace| trace["distributions"]["pkg"]["version"] = "0.9".into()),
        "the trace `FILE` was made with pkg 0.9, and pkg 1 is to be packed",
    );
    check(
        refusal(|trace| trace["distributions"] = serde_json::json!({})),
        "the trace `FILE` was made with no pkg, and pkg 1 is to be packed",
    );
    check(
        refusal(|trace| *trace = serde_json::json!({ "events": [] })),
        "`FILE` is no trace: nothing in it says `pack-trace`",
    );
    assert!(refusal(|trace| trace["distributions"] = 3.into()).starts_with("`FILE` is no trace: "));
    assert!(refusal(|trace| trace["system"] = "sparc-solaris".into()).contains("sparc-solaris"));
}

#[test]
fn used_files_are_evidence() {
    let site = Site::new();
    let facts = site.facts((3, 11));
    let environment = Environment::read(&facts);
    let root = site.0.path().canonicalize().unwrap();
    let paths = |names: &[&str]| names.iter().map(|name| root.join(name)).collect();
    let files = ["one.json", "two.json"].map(|name| site.0.path().join(name));
    let first = environment.trace(&paths(&["pkg/__pycache__/idle.cpython-311.pyc"]));
    let second = environment.trace(&paths(&["pkg/left.txt", "elsewhere"]));
    std::fs::write(&files[0], first.to_json()).unwrap();
    std::fs::write(&files[1], second.to_json()).unwrap();
    let graph = crate::graph::ModuleGraph::default();
    let target = crate::configure::host_target();
    let evidence = Evidence::read(&files, &target, &facts, &graph).unwrap();
    assert!(evidence.has("pkg", "pkg/idle.py"));
    assert!(evidence.has("pkg", "pkg/left.txt"));
    assert!(!evidence.has("pkg", "pkg/used.py"));
    assert!(!evidence.has("other", "pkg/idle.py"));
}
