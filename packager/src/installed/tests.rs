#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{facts, tree};

fn scan(files: &[(&str, &str)]) -> (tempfile::TempDir, Installed) {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), files);
    let mut facts = facts();
    facts.sys_path = vec![folder.path().to_owned()];
    let installed = Installed::scan(&facts);
    (folder, installed)
}

#[test]
fn owners_by_record() {
    let (folder, installed) = scan(&[
        ("ns/a/__init__.py", ""),
        (
            "Foo_Bar-1.0.dist-info/METADATA",
            "Name: Foo.Bar\nVersion: 1.0\n\nbody",
        ),
        (
            "Foo_Bar-1.0.dist-info/RECORD",
            "ns/a/__init__.py,,\nns/a/__pycache__/__init__.cpython-311.pyc,,\n../../../bin/foo,,\n",
        ),
        ("other-2.dist-info/METADATA", "Name: other\nVersion: 2\n"),
        ("other-2.dist-info/RECORD", "ns/b.py,,\n"),
    ]);
    let found = installed.named("foo-BAR").unwrap();
    assert_eq!(found.label(), "foo-bar 1.0");
    assert_eq!(
        installed
            .owner(&folder.path().join("ns/a/__init__.py"))
            .unwrap()
            .name,
        "foo-bar"
    );
    assert_eq!(
        installed
            .owner(&folder.path().join("ns/b.py"))
            .unwrap()
            .name,
        "other"
    );
    assert!(installed.owner(&folder.path().join("ns/c.py")).is_none());
    assert_eq!(found.sources(), [folder.path().join("ns/a/__init__.py")]);
}

#[test]
fn owners_by_top_level_names() {
    let (folder, installed) = scan(&[
        ("yaml/__init__.py", ""),
        ("_yaml.cpython-311-x86_64-linux-gnu.so", ""),
        (
            "PyYAML-6.0.egg-info/PKG-INFO",
            "Name: PyYAML\nVersion: 6.0\n",
        ),
        ("PyYAML-6.0.egg-info/top_level.txt", "_yaml\nyaml\n"),
        ("six.py", ""),
        ("six-1.16.egg-info", "Name: six\nVersion: 1.16\n"),
    ]);
    let found = installed
        .owner(&folder.path().join("yaml/nodes.py"))
        .unwrap();
    assert_eq!(found.name, "pyyaml");
    let DistributionFiles::Roots(roots) = &found.files else {
        panic!("{found:?}")
    };
    assert_eq!(roots.len(), 2);
    assert_eq!(
        installed.owner(&folder.path().join("six.py")).unwrap().name,
        "six"
    );
}

#[test]
fn editable_projects_own_their_files() {
    let (_folder, installed) = scan(&[
        ("app-1.dist-info/METADATA", "Name: app\nVersion: 1\n"),
        ("app-1.dist-info/RECORD", "__editable__.app-1.pth,,\n"),
        (
            "app-1.dist-info/direct_url.json",
            r#"{"url": "file:///src/my%20app", "dir_info": {"editable": true}}"#,
        ),
    ]);
    assert_eq!(
        installed
            .owner(Path::new("/src/my app/src/app/x.py"))
            .unwrap()
            .name,
        "app"
    );
}

#[test]
fn names_are_normalised() {
    assert_eq!(normalise("Foo__Bar.-baz"), "foo-bar-baz");
}
