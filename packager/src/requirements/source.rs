//! What is asked for: a requirements.txt, a pyproject.toml, or a lock file.

use super::tool::Tool;
use super::{RequirementsError, Target, lock};
use crate::inputs;
use std::path::{Path, PathBuf};
use toml_edit::DocumentMut;

/// Files that include each other are followed this far.
const MAX_FILES: usize = 100;

/// Requirements in the form that installers read.
#[derive(Debug)]
pub(super) struct Asked {
    /// The file that was named.
    pub(super) file: PathBuf,
    /// Lines of a requirements.txt; `None` when the file is one.
    pub(super) lines: Option<String>,
    /// Everything that is to be installed is in them, with its hashes.
    pub(super) locked: bool,
    /// What decides what is installed.
    pub(super) content: Vec<u8>,
}

impl Asked {
    /// Reads `file`, by its name.
    pub(super) fn read(
        file: &Path,
        target: &Target<'_>,
        tool: &Tool,
    ) -> Result<Self, RequirementsError> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let of_lines = |lines: String, locked| Self {
            file: file.to_owned(),
            content: lines.clone().into_bytes(),
            lines: Some(lines),
            locked,
        };
        if name == "pyproject.toml" {
            return Ok(of_lines(project(file)?, false));
        }
        if name == "uv.lock" {
            let _ = text(file)?; // noted: another lock is another build
            return Ok(of_lines(tool.export(file)?, true));
        }
        if name.starts_with("pylock") && name.ends_with(".toml") {
            return Ok(of_lines(lock::lines(file, &text(file)?, target)?, true));
        }
        Ok(Self {
            file: file.to_owned(),
            lines: None,
            locked: false,
            content: included(file)?,
        })
    }
}

pub(super) fn text(file: &Path) -> Result<String, RequirementsError> {
    inputs::read_to_string(file).map_err(|error| failed(file, error))
}

pub(super) fn failed(file: &Path, reason: impl ToString) -> RequirementsError {
    RequirementsError::Read {
        path: file.to_owned(),
        reason: reason.to_string(),
    }
}

/// `[project] dependencies`.
fn project(file: &Path) -> Result<String, RequirementsError> {
    let document: DocumentMut = text(file)?
        .parse()
        .map_err(|error: toml_edit::TomlError| failed(file, error.to_string().trim_end()))?;
    let project = document
        .get("project")
        .and_then(|item| item.as_table_like());
    let project = project.ok_or_else(|| failed(file, "it has no table [project]"))?;
    let names = |key: &str| {
        let items = project.get(key).and_then(|item| item.as_array());
        items
            .into_iter()
            .flatten()
            .map(|item| item.as_str().map(str::to_owned))
    };
    if names("dynamic").any(|name| name.as_deref() == Some("dependencies")) {
        let reason = "its dependencies are dynamic, which only its build backend could tell; write them to a requirements.txt";
        return Err(failed(file, reason));
    }
    let lines: Option<Vec<String>> = names("dependencies").collect();
    let lines = lines.ok_or_else(|| failed(file, "`dependencies` must be a list of texts"))?;
    if lines
        .iter()
        .any(|line| line.contains('\n') || line.trim_start().starts_with('-'))
    {
        return Err(failed(
            file,
            "`dependencies` must be a list of requirements (PEP 508)",
        ));
    }
    Ok(lines.join("\n") + "\n")
}

/// The content of a requirements.txt and of all that it includes.
fn included(file: &Path) -> Result<Vec<u8>, RequirementsError> {
    let mut files = vec![file.to_owned()];
    let mut content = Vec::new();
    let mut next = 0;
    while let Some(file) = files.get(next).cloned() {
        next += 1;
        let text = text(&file)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for name in text.lines().filter_map(inclusion) {
            let path = folder.join(name);
            if !name.contains("://") && !files.contains(&path) {
                files.push(path);
            }
        }
        if files.len() > MAX_FILES {
            return Err(failed(&file, "too many files include each other"));
        }
        content.extend_from_slice(text.as_bytes());
        content.push(0);
    }
    Ok(content)
}

/// `a.txt` of `-r a.txt`, and of the other spellings.
fn inclusion(line: &str) -> Option<&str> {
    let line = line.trim();
    let options = ["--requirement", "--constraint", "-r", "-c"];
    let rest = options
        .iter()
        .find_map(|option| line.strip_prefix(option))?;
    let rest = rest.trim_start_matches(['=', ' ', '\t']);
    let name = rest.split(" #").next().unwrap_or(rest).trim();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::tree;

    #[test]
    fn files_that_are_included_count() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let files = [
            (
                "a.txt",
                "-r b.txt\nflask # -r x\n--constraint=deep/c.txt # why\n",
            ),
            ("b.txt", "-ra.txt\n"),
            ("deep/c.txt", "flask==3\n"),
        ];
        tree(folder.path(), &files);
        let whole = included(&at("a.txt")).unwrap();
        let parts: Vec<&[u8]> = whole.split(|byte| *byte == 0).collect();
        assert_eq!(
            parts,
            [files[0].1.as_bytes(), b"-ra.txt\n", b"flask==3\n", b""]
        );
        tree(folder.path(), &[("b.txt", "-r missing.txt")]);
        let error = included(&at("a.txt")).unwrap_err().to_string();
        assert!(error.contains("missing.txt"), "{error}");
    }

    #[test]
    fn dependencies_of_projects() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pyproject.toml");
        let read = |text: &str| {
            fs_err::write(&file, text).unwrap();
            project(&file).map_err(|error| error.to_string())
        };
        let lines = read("[project]\nname='a'\ndependencies=['flask>=3', 'x; os_name == \"nt\"']");
        assert_eq!(lines.unwrap(), "flask>=3\nx; os_name == \"nt\"\n");
        assert_eq!(read("[project]\nname='a'").unwrap(), "\n");
        for (text, words) in [
            ("[tool.x]", "no table [project]"),
            ("[project]\ndynamic=['dependencies']", "dynamic"),
            ("[project]\ndependencies=[1]", "list of texts"),
            ("[project]\ndependencies=['--index-url x']", "PEP 508"),
            ("[project", "TOML parse error"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
