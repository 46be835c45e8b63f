//! `pack python`: interpreters for Windows in pack's cache.

use crate::harness::{Pack, Run, Scratch, Wine, pythons, root, tool};
use std::path::Path;

#[test]
fn pythons_for_windows_are_added_listed_and_packed() {
    let Some(wine) = Wine::find() else { return };
    let scratch = Scratch::new();
    let ((major, minor), embeddable) = wine.pythons.last().unwrap();
    // The three forms of one interpreter, each into a cache of its own.
    let archive = |name: &str, format: &str| {
        let code = "import shutil, sys; shutil.make_archive(*sys.argv[1:])";
        let base = scratch.join(name).into_os_string().into_string().unwrap();
        let (parent, folder) = match format {
            // As python-build-standalone has it: one folder at the top.
            "gztar" => {
                let top = scratch.join("top");
                crate::harness::copy_tree(embeddable, &top.join("python"));
                (top, "python")
            }
            _ => (embeddable.clone(), "."),
        };
        let parent = parent.to_str().unwrap();
        tool(
            &pythons()[0].base,
            ["-c", code, &base, format, parent, folder],
        );
        base
    };
    let forms = [
        embeddable.display().to_string(),
        archive("embed", "zip") + ".zip",
        archive("standalone", "gztar") + ".tar.gz",
    ];
    let pack = |home: &Path, words: &[&str]| -> Run { Pack::run(words).env("HOME", home) };
    let version = format!("{major}.{minor}");
    for (number, form) in forms.iter().enumerate() {
        let home = scratch.join(format!("home{number}"));
        pack(&home, &["python", "list"])
            .run()
            .success()
            .stderr_has("none");
        let listed = |outcome: &crate::harness::Outcome| -> serde_json::Value {
            outcome.success();
            serde_json::from_str(&outcome.stdout_text()).unwrap()
        };
        pack(&home, &["python", "add", form])
            .run()
            .success()
            .stderr_has("added");
        pack(&home, &["python", "add", form])
            .run()
            .success()
            .stderr_has("already there");
        let all = listed(&pack(&home, &["python", "list", "--format", "json"]).run());
        assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
        assert!(
            all[0]["version"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{version}.")),
            "{all}"
        );
        assert_eq!(all[0]["target"], "x86_64-pc-windows-gnu");
        assert!(
            Path::new(all[0]["path"].as_str().unwrap())
                .join(format!("python{major}{minor}.dll"))
                .is_file()
        );
    }
    let home = scratch.join("home2");
    let host = pythons()
        .iter()
        .find(|python| python.version == (*major, *minor))
        .unwrap();
    let path = format!("{}:/usr/bin:/bin", host.base.parent().unwrap().display());
    let build = |python: &[&str]| {
        pack(
            &home,
            &["build", "--dry-run", "--target", "x86_64-pc-windows-gnu"],
        )
        .args(python)
        .arg(root().join("tests/programs/windows/probe.py"))
        .env("PATH", &path)
        .run()
    };
    for python in [&["--python", &version] as &[&str], &[]] {
        let outcome = build(python);
        outcome.success();
        assert!(
            outcome
                .stdout_text()
                .contains(&format!("python{major}{minor}.dll"))
        );
    }
    build(&["--python", "3.99"])
        .code(2)
        .stderr_has("there is no Python 3.99 for Windows in pack's cache")
        .stderr_has("pack python add 3.99");
}

/// A version is uv's to fetch: what it says when it cannot is passed on.
#[test]
fn a_version_is_fetched_by_uv() {
    let scratch = Scratch::new();
    let add = |path: &str| {
        Pack::run(&["python", "add", "3.13"])
            .env("HOME", scratch.path())
            .env("PATH", path)
            .run()
    };
    add("/nowhere")
        .code(1)
        .stderr_has("fetched by `uv`, which was not found on PATH");
    let uv = scratch.write("uv", "#!/bin/sh\necho \"no such $7\" >&2\nexit 1\n");
    tool(Path::new("/bin/chmod"), ["755".as_ref(), uv.as_os_str()]);
    let path = format!("{}:/usr/bin:/bin", scratch.path().display());
    add(&path)
        .code(1)
        .stderr_has("`uv` does not fetch CPython 3.13")
        .stderr_has("no such");
    assert!(
        Pack::run(&["python", "list"])
            .env("HOME", scratch.path())
            .run()
            .stdout_text()
            .is_empty()
    );
}
