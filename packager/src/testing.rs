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
