#![allow(clippy::unwrap_used)]
use super::*;
use crate::collection::{CollectedModule, FileRole, ModuleCode};
use crate::elf::ElfFile;
use crate::plan::{DataRule, Entry};
use crate::progress::Silent;
use crate::testing;
use std::collections::BTreeMap;

mod trees;

fn build(plan: &BuildPlan, facts: &InterpreterFacts) -> Result<Collection, String> {
    let graph =
        crate::discover::modules(plan, facts, &Silent).map_err(|error| error.to_string())?;
    files(plan, facts, &graph).map_err(|error| error.to_string())
}

fn by_dest(collection: &Collection) -> BTreeMap<&str, &CollectedFile> {
    collection
        .files
        .iter()
        .map(|file| (file.dest.as_str(), file))
        .collect()
}

fn module<'c>(collection: &'c Collection, name: &str) -> Option<&'c CollectedModule> {
    collection.modules.iter().find(|module| module.name == name)
}

#[test]
fn hello_with_every_interpreter_of_this_machine() {
    for ((major, minor), python) in testing::pythons() {
        let facts = InterpreterFacts::ask(&python).unwrap();
        let folder = tempfile::tempdir().unwrap();
        testing::tree(
            folder.path(),
            &[("hello.py", "import json\nprint(json.dumps('hello'))\n")],
        );
        let plan = testing::plan(
            folder.path(),
            Entry::Script(folder.path().join("hello.py")),
            &python,
        );
        let collection = build(&plan, &facts).unwrap();
        let files = by_dest(&collection);
        let library = format!("lib/python{major}.{minor}");
        assert_eq!(
            files.len(),
            collection.files.len(),
            "every place is taken once"
        );
        assert_eq!(files["hello.py"].role, FileRole::Data);
        assert_eq!(
            files[format!("{library}/json/__init__.py").as_str()].role,
            FileRole::StdlibSource
        );
        let left_over: Vec<_> = files
            .keys()
            .filter(|d| d.contains("/test/") || d.contains("__pycache__"))
            .collect();
        assert!(left_over.is_empty(), "{left_over:?}");
        assert!(!files.contains_key(format!("{library}/idlelib/__init__.py").as_str()));
        assert!(module(&collection, "json.decoder").unwrap().reached);
        assert!(!module(&collection, "sqlite3").unwrap().reached);
        assert!(module(&collection, "[script] hello.py").is_some());
        assert_eq!(
            collection
                .script(&folder.path().join("hello.py"))
                .unwrap()
                .as_str(),
            "hello.py"
        );
        let shared = collection.interpreter.library.as_ref().unwrap();
        assert!(shared.as_str().starts_with("lib/libpython3."));
        assert!(collection.glibc.is_some());
        assert!(collection.warnings.is_empty(), "{:?}", collection.warnings);
        if let Some(ssl) = module(&collection, "_ssl") {
            let ModuleCode::Extension { preload } = &ssl.code else {
                panic!("{ssl:?}")
            };
            let names: Vec<&str> = preload.iter().map(ArchivePath::as_str).collect();
            let at = |stem: &str| names.iter().position(|name| name.starts_with(stem));
            assert!(
                at("lib/libcrypto.so").unwrap() < at("lib/libssl.so").unwrap(),
                "{names:?}"
            );
            assert!(names.iter().all(|name| files.contains_key(name)));
        }
    }
}

/// The guestbook in `samples`, with Flask from PyPI.
#[test]
fn a_flask_site_goes_in_with_all_of_flask() {
    for (_, python) in testing::pythons() {
        let Some(python) = testing::venv(&python, "flask", &["flask"]) else {
            continue;
        };
        let facts = InterpreterFacts::ask(&python).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../samples/guestbook")
            .canonicalize()
            .unwrap();
        let mut plan = testing::plan(&root, wsgi("guestbook.wsgi"), &python);
        plan.commands
            .push(("manage".into(), Entry::Script(root.join("manage.py"))));
        plan.include.data.push(DataRule {
            source: root.join("assets"),
            dest: "assets".into(),
        });
        let collection = build(&plan, &facts).unwrap();
        let files = by_dest(&collection);
        let names: Vec<&str> = collection
            .distributions
            .iter()
            .map(|found| found.name.as_str())
            .collect();
        for name in [
            "blinker",
            "click",
            "flask",
            "itsdangerous",
            "jinja2",
            "markupsafe",
            "werkzeug",
        ] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(!names.contains(&"pip"), "{names:?}");
        for dest in [
            "guestbook/wsgi.py",
            "guestbook/templates/base.html",
            "guestbook/static/quill.png",
            "manage.py",
            "assets/motto.txt",
            "flask/py.typed",
            "jinja2/async_utils.py",
        ] {
            assert_eq!(
                files.get(dest).map(|file| file.role),
                Some(FileRole::Data),
                "{dest}"
            );
        }
        assert!(
            files["guestbook/templates/base.html"]
                .why
                .starts_with("named at guestbook/__init__.py:")
        );
        assert!(
            files
                .keys()
                .any(|dest| dest.starts_with("flask-") && dest.ends_with(".dist-info/METADATA"))
        );
        assert!(!files.keys().any(|dest| dest.starts_with("bin/")));
        let speedups = module(&collection, "markupsafe._speedups").unwrap();
        assert!(
            matches!(speedups.code, ModuleCode::Extension { .. })
                && files[speedups.dest.as_str()].role == FileRole::Native
        );
        assert!(
            module(&collection, "[script] manage.py").is_some()
                && module(&collection, "guestbook.pages").unwrap().reached
        );
        assert!(
            module(&collection, "flask.app").unwrap().reached
                && !module(&collection, "flask.__main__").unwrap().reached
        );
        assert!(collection.warnings.is_empty(), "{:?}", collection.warnings);
    }
}

fn wsgi(module: &str) -> Entry {
    Entry::Wsgi(payload::Wsgi {
        module: module.into(),
        callable: "application".into(),
        ..payload::Wsgi::default()
    })
}

/// Writes the files that are unpacked, as the bootloader does.
fn unpack(collection: &Collection, folder: &Path) {
    for file in collection
        .files
        .iter()
        .filter(|file| file.role != FileRole::StdlibSource)
    {
        let FileSource::Path(source) = &file.source else {
            panic!("{file:?}")
        };
        let dest = folder.join(file.dest.as_str());
        std::fs::create_dir_all(dest.parent().unwrap()).unwrap();
        std::fs::copy(source, dest).unwrap();
    }
}

/// Debian's interpreter is linked statically: without its libpython package it is packed as a program.
#[test]
fn an_interpreter_without_a_shared_library_starts_from_what_is_unpacked() {
    let python = Path::new("/usr/bin/python3");
    let Ok(mut facts) = InterpreterFacts::ask(python) else {
        return;
    };
    if ElfFile::read(python)
        .unwrap()
        .unwrap()
        .needed
        .iter()
        .any(|name| name.starts_with("libpython"))
    {
        return;
    }
    facts.libpython = None;
    let folder = tempfile::tempdir().unwrap();
    testing::tree(folder.path(), &[("hello.py", "print('hello')\n")]);
    let plan = testing::plan(
        folder.path(),
        Entry::Script(folder.path().join("hello.py")),
        python,
    );
    let collection = build(&plan, &facts).unwrap();
    let program = collection.interpreter.program.clone().unwrap();
    assert!(collection.interpreter.library.is_none());
    let bundle = folder.path().join("bundle");
    unpack(&collection, &bundle);
    let code = "import sys, importlib.util, zipimport, os; print(sys.prefix, os.__file__)";
    let mut command = std::process::Command::new(bundle.join(program.as_str()));
    let output = command
        .args(["-I", "-B", "-c", code])
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        text.trim(),
        format!("{0} {0}/lib/python3.11/os.py", bundle.display())
    );
}

#[test]
fn an_interpreter_whose_library_is_gone_is_an_error() {
    let Some((_, python)) = testing::pythons().pop() else {
        return;
    };
    let mut facts = InterpreterFacts::ask(&python).unwrap();
    facts.libpython = None;
    let folder = tempfile::tempdir().unwrap();
    testing::tree(folder.path(), &[("hello.py", "")]);
    let plan = testing::plan(
        folder.path(),
        Entry::Script(folder.path().join("hello.py")),
        &python,
    );
    let message = build(&plan, &facts).unwrap_err();
    assert!(
        message.contains("needs `libpython3.") && message.contains("which was not found"),
        "{message}"
    );
}
