//! The scripts of `tests/libraries`, and what each says about itself in its header (PEP 723).

use crate::setup;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// A script that does real work with a library.
#[derive(Debug, Clone)]
pub(super) struct Library {
    /// As pip knows it, without extras.
    pub(super) name: String,
    pub(super) script: PathBuf,
    /// The name of the environment that it is installed in, together with others.
    pub(super) environment: String,
    /// The library first.
    pub(super) requirements: Vec<String>,
    /// Packages of the system that it needs where it runs.
    pub(super) system: Vec<String>,
}

impl Library {
    /// Reads the header of `script`; `None` for a module that scripts share.
    fn read(script: &Path) -> Result<Option<Self>> {
        let text = std::fs::read_to_string(script)
            .with_context(|| format!("could not read {}", script.display()))?;
        if !text.starts_with("# /// script\n") {
            return Ok(None);
        }
        let optional = |key: &str| {
            let start = format!("# {key} = ");
            text.lines()
                .take_while(|line| *line != "# ///")
                .find_map(|line| line.strip_prefix(start.as_str()).map(str::to_owned))
        };
        let value = |key: &str| {
            optional(key)
                .with_context(|| format!("the header of {} has no `{key}`", script.display()))
        };
        let requirements: Vec<String> = serde_json::from_str(&value("dependencies")?)
            .with_context(|| format!("the dependencies of {}", script.display()))?;
        ensure!(
            !requirements.is_empty(),
            "{} requires nothing",
            script.display()
        );
        let stem = script.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Some(Self {
            name: stem.trim_start_matches("use_").to_owned(),
            script: script.to_owned(),
            environment: serde_json::from_str(&value("environment")?)?,
            requirements,
            system: optional("system")
                .map_or(Ok(Vec::new()), |text| serde_json::from_str(&text))?,
        }))
    }

    /// Whether a command line means it: `python-docx` is `use_python_docx.py`.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name.to_lowercase().replace(['-', '.'], "_")
    }
}

/// All of them, by name.
pub(super) fn all() -> Result<Vec<Library>> {
    let folder = setup::root().join("tests/libraries");
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("could not read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "py") {
            found.extend(Library::read(&path)?);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
