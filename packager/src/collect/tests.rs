#![allow(clippy::unwrap_used)]
use super::*;
use crate::collection::{CollectedModule, FileRole, ModuleCode};
use crate::plan::Entry;
use crate::progress::Silent;
use crate::testing;
use std::collections::BTreeMap;

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
        if std::env::var_os("PACK_TEST_VERBOSE").is_some() {
            for file in collection
                .files
                .iter()
                .filter(|file| file.role != FileRole::StdlibSource)
            {
                eprintln!("{} {:?} {}", file.dest, file.role, file.why);
            }
            let reached = collection
                .modules
                .iter()
                .filter(|module| module.reached)
                .count();
            eprintln!(
                "{} modules, {reached} reached; glibc {:?}",
                collection.modules.len(),
                collection.glibc
            );
        }
    }
}
