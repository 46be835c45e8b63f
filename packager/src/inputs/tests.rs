#![allow(clippy::unwrap_used)]
use super::facet::Comparison;
use super::*;
use crate::testing::tree;
use std::fs;
use std::time::{Duration, SystemTime};

/// A folder whose files are old enough for their stamps to be settled.
fn old(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), files);
    std::thread::sleep(Duration::from_millis(25));
    folder
}

fn inputs(look: impl FnOnce() + Send) -> Inputs {
    record([].into(), look).inputs.unwrap()
}

fn changed(inputs: &Inputs) -> Option<PathBuf> {
    match inputs.compare() {
        Comparison::Same(_) => None,
        Comparison::Changed(path) => Some(path),
    }
}

#[test]
fn a_file_written_to_is_seen_though_size_and_time_are_set_back() {
    let folder = old(&[("a.py", "x = 1"), ("b.py", "y = 1")]);
    let path = folder.path().join("a.py");
    let inputs = inputs(|| {
        read(&path).unwrap();
        read(&folder.path().join("b.py")).unwrap();
    });
    assert_eq!(changed(&inputs), None);
    let before = fs::metadata(&path).unwrap();
    fs::write(&path, "x = 2").unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!(
        (before.len(), before.modified().unwrap()),
        (after.len(), after.modified().unwrap())
    );
    assert_eq!(changed(&inputs), Some(path));
}

#[test]
fn a_file_newer_than_a_tick_is_known_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.py");
    // Of the future: never settled.
    let later = SystemTime::now() + Duration::from_secs(3600);
    let write = |text: &str| {
        fs::write(&path, text).unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(later)
            .unwrap();
    };
    write("x = 1");
    let read_whole = inputs(|| drop(read(&path).unwrap()));
    assert!(matches!(
        read_whole.seen[0].1,
        Facet::File(_, Proof::Content(_))
    ));
    assert_eq!(changed(&read_whole), None);
    // As if it had been written again within the tick: the same stamp.
    let mut other = read_whole.clone();
    if let Facet::File(_, Proof::Content(hash)) = &mut other.seen[0].1 {
        hash[0] ^= 1;
    }
    assert_eq!(changed(&other), Some(path.clone()));
    let read_in_parts = inputs(|| drop(open(&path).unwrap()));
    assert_eq!(changed(&read_in_parts), Some(path.clone()));
    let proven = inputs(|| {
        metadata(&path).unwrap();
        prove(&path);
    });
    assert_eq!(changed(&proven), None);
    write("x = 2");
    assert_eq!(changed(&proven), Some(path));
}

#[test]
fn what_was_too_new_settles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.py");
    fs::write(&path, "x = 1").unwrap();
    let inputs = inputs(|| {
        read(&path).unwrap();
        entries(folder.path()).unwrap();
    });
    assert!(!inputs.seen.iter().any(|(_, facet)| is_settled(facet)));
    std::thread::sleep(Duration::from_millis(25));
    let Comparison::Same(Some(settled)) = inputs.compare() else {
        panic!("it has not settled")
    };
    assert!(settled.seen.iter().all(|(_, facet)| is_settled(facet)));
    assert_eq!(settled.compare(), Comparison::Same(None));
}

fn is_settled(facet: &Facet) -> bool {
    matches!(
        facet,
        Facet::File(_, Proof::Stamp) | Facet::Folder(_, _, true)
    )
}

#[test]
fn names_that_come_and_go_are_seen_and_those_that_are_made_are_not() {
    let folder = old(&[("app.py", "")]);
    let root = folder.path();
    let made = [root.join("dist"), root.join("app")].into();
    let inputs = record(made, || drop(entries(root).unwrap()))
        .inputs
        .unwrap();
    tree(
        root,
        &[
            ("dist/app", ""),
            ("app", ""),
            ("__pycache__/app.cpython-311.pyc", ""),
        ],
    );
    assert_eq!(changed(&inputs), None);
    fs::write(root.join("json.py"), "").unwrap();
    assert_eq!(changed(&inputs), Some(root.to_owned()));
    fs::remove_file(root.join("json.py")).unwrap();
    assert_eq!(changed(&inputs), None);
    fs::remove_file(root.join("app.py")).unwrap();
    fs::create_dir(root.join("app.py")).unwrap();
    assert_eq!(changed(&inputs), Some(root.to_owned()));
}

#[test]
fn what_is_not_there_is_seen_when_it_comes() {
    let folder = old(&[("a", "")]);
    let root = folder.path();
    std::os::unix::fs::symlink("b", root.join("link")).unwrap();
    let inputs = inputs(|| {
        assert!(!exists(&root.join("none/b")));
        assert!(read(&root.join("link")).is_err());
        assert!(canonicalize(&root.join("link")).is_err());
    });
    assert_eq!(changed(&inputs), None);
    fs::write(root.join("b"), "").unwrap();
    assert_eq!(changed(&inputs), Some(root.join("link")));
    fs::remove_file(root.join("b")).unwrap();
    tree(root, &[("none/b", "")]);
    assert_eq!(changed(&inputs), Some(root.join("none/b")));
}

#[test]
fn links_that_lead_elsewhere_are_seen() {
    let folder = old(&[("a/x", "1"), ("b/x", "1")]);
    let root = folder.path();
    let link = root.join("link");
    std::os::unix::fs::symlink("a", &link).unwrap();
    let look = || {
        let read = inputs(|| drop(read(&link.join("x")).unwrap()));
        let resolved = inputs(|| drop(canonicalize(&link).unwrap()));
        let walked = inputs(|| drop(walk(root, true, |_| true)));
        [read, resolved, walked]
    };
    let before = look();
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("b", &link).unwrap();
    for inputs in before {
        assert!(changed(&inputs).is_some(), "{inputs:?}");
    }
}

#[test]
fn a_mode_is_seen() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = old(&[("tool", "")]);
    let path = folder.path().join("tool");
    let inputs = inputs(|| assert!(metadata(&path).is_ok()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(changed(&inputs), Some(path));
}

#[test]
fn what_cannot_be_told_again_is_no_input_to_rely_on() {
    let folder = tempfile::tempdir().unwrap();
    // Reading a folder as a file fails with something else than its absence.
    let fine = record([].into(), || drop(read(folder.path())));
    assert!(fine.inputs.is_some_and(|inputs| inputs.len() == 1));
    let path = folder.path().join("loop");
    std::os::unix::fs::symlink("loop", &path).unwrap();
    let lost = record([].into(), || drop(read(&path)));
    assert!(lost.inputs.is_none());
}

#[test]
fn other_threads_note_when_they_are_told_to_and_nobody_else() {
    let folder = old(&[("a", ""), ("b", ""), ("c", "")]);
    let path = |name: &str| folder.path().join(name);
    let noted = inputs(|| {
        let start = carry();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start(0);
                read(&path("a")).unwrap();
            });
            scope.spawn(|| drop(read(&path("b")).unwrap()));
        });
    });
    read(&path("c")).unwrap();
    let paths: Vec<_> = noted.seen.into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [path("a")]);
}
