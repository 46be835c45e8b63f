#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::tree;

#[test]
fn folders_of_an_installation() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert_eq!(sites(root), Vec::<PathBuf>::new());
    let all = [
        "lib/python3.11/site-packages",
        "lib64/python3.11/site-packages",
    ];
    for site in all {
        tree(root, &[(&format!("{site}/a/site-packages/x"), "")]);
    }
    assert_eq!(sites(root), all.map(|site| root.join(site)));
}

#[test]
fn an_installation_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("requirements/key");
    let fails = |folder: &Path| {
        tree(folder, &[("half", "")]);
        Err(RequirementsError::NoTool { tried: Vec::new() })
    };
    install_at(&place, fails).unwrap_err();
    let left = std::fs::read_dir(place.parent().unwrap()).unwrap().count();
    assert_eq!(left, 0);
    let works = |folder: &Path| {
        tree(folder, &[("whole", "")]);
        Ok(())
    };
    install_at(&place, works).unwrap();
    install_at(&place, works).unwrap();
    let left = std::fs::read_dir(place.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1);
    assert!(place.join("whole").is_file());
}
