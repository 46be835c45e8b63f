#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{facts, tree};

fn finder(files: &[(&str, &str)]) -> (tempfile::TempDir, Finder<'static>) {
    static NO_HOOKS: std::sync::LazyLock<Hooks> = std::sync::LazyLock::new(Hooks::default);
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), files);
    let mut facts = facts();
    facts.stdlib = folder.path().join("std");
    facts.site_packages = vec![folder.path().join("site1"), folder.path().join("site2")];
    facts.sys_path = vec![facts.stdlib.clone()];
    facts.sys_path.extend(facts.site_packages.clone());
    facts.sys_path.push(folder.path().join("src"));
    facts
        .editable
        .insert("edit".into(), folder.path().join("project/edit"));
    let finder = Finder::new(&[folder.path().join("app")], &facts, &NO_HOOKS);
    (folder, finder)
}

#[test]
fn the_order_of_kinds_and_folders() {
    let (folder, mut finder) = finder(&[
        ("app/json.py", ""),
        ("app/os.py", ""),
        ("app/m.py", ""),
        ("app/m/__init__.py", ""),
        ("app/n/data.txt", ""),
        ("app/x.cpython-311-x86_64-linux-gnu.so", ""),
        ("app/x.py", ""),
        ("app/y.pyc", ""),
        ("std/os.py", ""),
        ("std/json/__init__.py", ""),
        ("site1/n.py", ""),
    ]);
    let mut path = |name: &str| {
        let found = finder.find(name).unwrap();
        let file = module_file(&found.kind)
            .unwrap()
            .strip_prefix(folder.path())
            .unwrap();
        (file.to_str().unwrap().to_owned(), found.origin.clone())
    };
    assert_eq!(path("json"), ("app/json.py".into(), Origin::App));
    assert_eq!(path("os"), ("std/os.py".into(), Origin::Stdlib));
    assert_eq!(path("m"), ("app/m/__init__.py".into(), Origin::App));
    assert_eq!(path("n"), ("site1/n.py".into(), Origin::ThirdParty));
    assert_eq!(
        path("x"),
        ("app/x.cpython-311-x86_64-linux-gnu.so".into(), Origin::App)
    );
    assert_eq!(path("y"), ("app/y.pyc".into(), Origin::App));
    assert_eq!(finder.find("sys").unwrap().kind, ModuleKind::Builtin);
    assert_eq!(finder.find("none"), None);
    assert_eq!(finder.find("m.none"), None);
}

#[test]
fn packages_spread_over_folders() {
    let (folder, mut finder) = finder(&[
        ("site1/ns/a.py", ""),
        ("site2/ns/b/__init__.py", ""),
        (
            "site1/old/__init__.py",
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)",
        ),
        ("site2/old/c.py", ""),
        ("site1/plain/__init__.py", ""),
        ("site2/plain/d.py", ""),
    ]);
    let portions = vec![
        folder.path().join("site1/ns"),
        folder.path().join("site2/ns"),
    ];
    assert_eq!(
        finder.find("ns").unwrap().kind,
        ModuleKind::Namespace { portions }
    );
    for name in ["ns.a", "ns.b", "old.c"] {
        assert_eq!(
            finder.find(name).unwrap().origin,
            Origin::ThirdParty,
            "{name}"
        );
    }
    assert_eq!(finder.find("plain.d"), None);
    let ns = finder.find("ns").unwrap();
    assert_eq!(finder.submodules(&ns), ["a", "b"]);
}

#[test]
fn editable_installs_of_both_kinds() {
    let (_folder, mut finder) = finder(&[
        ("src/pathkind/__init__.py", ""),
        ("project/edit/__init__.py", ""),
        ("project/edit/part.py", ""),
    ]);
    for name in ["pathkind", "edit", "edit.part"] {
        let found = finder.find(name).unwrap();
        assert!(
            found.editable && found.origin == Origin::App,
            "{name}: {found:?}"
        );
    }
}
