#![allow(clippy::unwrap_used)]
use super::*;
use std::os::unix::fs::PermissionsExt;

fn program(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("python");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn every_interpreter_of_this_machine_answers() {
    for (version, python) in crate::testing::pythons() {
        let facts = InterpreterFacts::ask(&python).unwrap();
        assert_eq!(
            (facts.version.0, facts.version.1),
            version,
            "{}",
            python.display()
        );
        assert!(facts.stdlib.join("os.py").is_file());
        assert!(facts.stdlib_modules.iter().any(|name| name == "json"));
        assert!(facts.extension_suffixes.contains(&".abi3.so".to_owned()));
        assert_eq!(
            facts.markers["python_version"],
            format!("{}.{}", version.0, version.1)
        );
        assert!(
            facts
                .site_packages
                .iter()
                .all(|folder| facts.sys_path.contains(folder))
        );
        let library = facts.libpython.unwrap();
        assert!(
            library
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("libpython3."),
            "{}",
            library.display()
        );
    }
}

#[test]
fn a_venv_leads_to_its_base() {
    let Some((_, python)) = crate::testing::pythons().pop() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let venv = folder.path().join("v");
    let status = Command::new(&python)
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .status()
        .unwrap();
    assert!(status.success());
    let facts = InterpreterFacts::ask(&venv.join("bin/python")).unwrap();
    let base = InterpreterFacts::ask(&python).unwrap();
    assert_eq!(facts.executable, venv.join("bin/python"));
    assert_eq!(facts.base_executable, base.base_executable);
    assert_eq!(facts.libpython, base.libpython);
    assert_eq!(facts.prefix, venv);
    assert!(facts.site_packages[0].starts_with(&venv));
}

#[test]
fn what_is_no_interpreter_is_named_with_its_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let missing = InterpreterFacts::ask(&folder.path().join("none")).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("cannot start the Python interpreter"),
        "{missing}"
    );
    let wrong = program(folder.path(), "#!/bin/sh\necho what is this >&2\nexit 3\n");
    let message = InterpreterFacts::ask(&wrong).unwrap_err().to_string();
    assert!(
        message.contains("does not answer like a Python") && message.ends_with("what is this"),
        "{message}"
    );
    let silent = program(folder.path(), "#!/bin/sh\nexec sleep 30\n");
    let message = InterpreterFacts::ask_within(&silent, Duration::from_millis(100))
        .unwrap_err()
        .to_string();
    assert!(message.contains("did not answer"), "{message}");
    let old = program(
        folder.path(),
        "#!/bin/sh\necho '@pack-facts@{\"version\": [2, 7, 18]}'\n",
    );
    let message = InterpreterFacts::ask(&old).unwrap_err().to_string();
    assert!(
        message.contains("is Python 2.7, and the oldest that can be packed is 3.9"),
        "{message}"
    );
}

#[test]
fn lines_printed_by_pth_files_do_not_disturb() {
    let Some((_, python)) = crate::testing::pythons().pop() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let venv = folder.path().join("v");
    let status = Command::new(&python)
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .status()
        .unwrap();
    assert!(status.success());
    let facts = InterpreterFacts::ask(&venv.join("bin/python")).unwrap();
    std::fs::write(
        facts.site_packages[0].join("noise.pth"),
        "import sys; print('noise {')\n/usr/share\n",
    )
    .unwrap();
    let facts = InterpreterFacts::ask(&venv.join("bin/python")).unwrap();
    assert!(facts.sys_path.contains(&PathBuf::from("/usr/share")));
}
