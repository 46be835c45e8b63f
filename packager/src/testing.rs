//! What the tests of several stages need: interpreters of this machine, small trees, plans.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// The newest CPython of each minor version from 3.9 on under `~/.pyenv/versions`, oldest first.
pub(crate) fn pythons() -> Vec<((u8, u8), PathBuf)> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let root = std::env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from);
    let mut found = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(root.join("versions"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut numbers = name.split('.').map_while(|part| part.parse::<u8>().ok());
        if let (Some(3), Some(minor), Some(micro)) =
            (numbers.next(), numbers.next(), numbers.next())
        {
            let python = entry.path().join("bin/python3");
            if minor >= 9
                && python.exists()
                && found.get(&minor).is_none_or(|(old, _)| *old < micro)
            {
                found.insert(minor, (micro, python));
            }
        }
    }
    found
        .into_iter()
        .map(|(minor, (_, python))| ((3, minor), python))
        .collect()
}

/// Writes `files` (path, content) under `root`.
pub(crate) fn tree(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// Facts of an interpreter that does not exist: CPython 3.11 on x86-64 Linux.
pub(crate) fn facts() -> crate::facts::InterpreterFacts {
    let markers = [
        ("implementation_name", "cpython"),
        ("implementation_version", "3.11.2"),
        ("os_name", "posix"),
        ("platform_machine", "x86_64"),
        ("platform_python_implementation", "CPython"),
        ("platform_release", "6.1"),
        ("platform_system", "Linux"),
        ("platform_version", "#1"),
        ("python_full_version", "3.11.2"),
        ("python_version", "3.11"),
        ("sys_platform", "linux"),
    ];
    crate::facts::InterpreterFacts {
        executable: "/none/bin/python".into(),
        base_executable: "/none/bin/python3.11".into(),
        implementation: "cpython".into(),
        version: (3, 11, 2),
        version_text: "3.11.2".into(),
        cache_tag: "cpython-311".into(),
        soabi: "cpython-311-x86_64-linux-gnu".into(),
        extension_suffixes: vec![
            ".cpython-311-x86_64-linux-gnu.so".into(),
            ".abi3.so".into(),
            ".so".into(),
        ],
        magic_number: "a70d0d0a".into(),
        free_threaded: false,
        libpython: None,
        stdlib: "/none/lib/python3.11".into(),
        dynload: None,
        prefix: "/none".into(),
        base_prefix: "/none".into(),
        sys_path: Vec::new(),
        site_packages: Vec::new(),
        builtin_modules: vec!["sys".into(), "time".into()],
        stdlib_modules: vec!["sys".into(), "time".into(), "os".into(), "json".into()],
        markers: markers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        multiarch: "x86_64-linux-gnu".into(),
        editable: std::collections::BTreeMap::new(),
        uncompiled: false,
        archives: Vec::new(),
        unpacked: Vec::new(),
    }
}

/// A plan that packs `entry` with the interpreter `python`; everything else as it is by default.
pub(crate) fn plan(
    root: &Path,
    entry: crate::plan::Entry,
    python: &Path,
) -> crate::plan::BuildPlan {
    crate::plan::BuildPlan {
        name: "app".into(),
        version: None,
        id: "app".into(),
        root: root.to_owned(),
        entry,
        commands: Vec::new(),
        python: python.to_owned(),
        python_reason: String::new(),
        paths: Vec::new(),
        include: crate::plan::Include::default(),
        exclude: crate::plan::Exclude::default(),
        runtime_hooks: Vec::new(),
        mode: crate::plan::BundleMode::OneFile,
        unpack: crate::plan::UnpackPolicy::Reuse,
        runtime_tmpdir: None,
        optimize: 0,
        compression: 3,
        max_glibc: None,
        windowed: false,
        windowed_traceback: true,
        brand: Default::default(),
        signing: None,
        dist_dir: root.join("dist"),
        contents_directory: "_internal".into(),
        target: "x86_64-unknown-linux-gnu".into(),
        site_packages: Vec::new(),
        requirements: None,
        cache_dir: None,
        clean: false,
        noconfirm: false,
    }
}

/// The interpreter of a virtual environment of `python` with `packages` installed, kept in the target folder; `None`
/// when they cannot be had (no network).
pub(crate) fn venv(python: &Path, name: &str, packages: &[&str]) -> Option<PathBuf> {
    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = LOCK.lock();
    let version = python.parent()?.parent()?.file_name()?.to_str()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../target/test-venvs/{name}-{version}"));
    let own = folder.join("bin/python");
    if !folder.join("complete").exists() {
        let run = |program: &Path, arguments: &[&str]| {
            let status = std::process::Command::new(program).args(arguments).status();
            status.is_ok_and(|status| status.success()).then_some(())
        };
        run(python, &["-m", "venv", "--clear", folder.to_str()?])?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        run(&own, &[&install[..], packages].concat())?;
        std::fs::write(folder.join("complete"), "").ok()?;
    }
    folder
        .canonicalize()
        .ok()
        .map(|folder| folder.join("bin/python"))
}
