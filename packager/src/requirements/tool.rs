//! The installers: uv and pip.

use super::source::Asked;
use super::{RequirementsError, Target};
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::NamedTempFile;

/// Runs pip with the markers of another target.
const PIP: &str = include_str!("pip.py");
/// As uv calls Windows.
const UV_WINDOWS: &str = "x86_64-pc-windows-msvc";
/// Of what an installer says the end is shown.
const SHOWN_LINES: usize = 12;
/// In the shape of an installation, for pip: [`super::settle`] puts right what lies elsewhere.
pub(super) const SITE: &str = "lib/python/site-packages";

/// An installer.
#[derive(Debug)]
pub(super) enum Tool {
    Uv(PathBuf),
    /// The Python that has it.
    Pip(PathBuf),
}

impl Tool {
    /// uv on PATH, else pip of the interpreter, else that of another Python where the target is another system.
    pub(super) fn find(target: &Target<'_>) -> Result<Self, RequirementsError> {
        if let Some(uv) = on_path("uv") {
            return Ok(Self::Uv(uv));
        }
        let mut tried = vec!["uv on PATH".to_owned()];
        let own = target.facts.executable.clone();
        let others = ["python3", "python"].into_iter().filter_map(on_path);
        // Only a Python's own pip installs for it without being told everything about it.
        let others = others.filter(|_| target.windows);
        for python in std::iter::once(own).chain(others) {
            let asked = quiet(&python).args(["-m", "pip", "--version"]).output();
            if asked.is_ok_and(|output| output.status.success()) {
                return Ok(Self::Pip(python));
            }
            tried.push(format!("pip of `{}`", python.display()));
        }
        Err(RequirementsError::NoTool { tried })
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Uv(path) | Self::Pip(path) => path,
        }
    }

    /// The two resolve differently.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Uv(_) => "uv",
            Self::Pip(_) => "pip",
        }
    }

    /// What a uv.lock has, but for the project itself, as lines with hashes.
    pub(super) fn export(&self, lock: &Path) -> Result<String, RequirementsError> {
        let Self::Uv(uv) = self else {
            return Err(RequirementsError::NeedsUv {
                path: lock.to_owned(),
            });
        };
        let mut command = quiet(uv);
        command
            .args(["export", "--quiet", "--frozen", "--no-dev"])
            .args(["--format", "requirements-txt"])
            .args(["--no-header", "--no-annotate", "--no-emit-workspace"])
            .arg("--project")
            .arg(lock.parent().unwrap_or(Path::new(".")));
        let output = run(&mut command, uv)?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(self.failed(lock, &output)),
        }
    }

    /// Installs into `prefix`, in the shape of an installation or nearly so.
    pub(super) fn install(
        &self,
        asked: &Asked,
        target: &Target<'_>,
        prefix: &Path,
    ) -> Result<(), RequirementsError> {
        let written = asked.lines.as_ref().map(|lines| written(lines));
        let written = written.transpose().map_err(RequirementsError::Folder)?;
        let file = written.as_ref().map_or(&*asked.file, NamedTempFile::path);
        let mut command = match self {
            Self::Uv(uv) => for_uv(uv, target, prefix),
            Self::Pip(python) => for_pip(python, target, prefix),
        };
        if asked.locked {
            command.args(["--no-deps", "--require-hashes"]);
        }
        command.arg("-r").arg(file);
        let output = run(&mut command, self.path())?;
        if output.status.success() {
            return Ok(());
        }
        match without_wheel(&String::from_utf8_lossy(&output.stderr)) {
            Some(name) => Err(RequirementsError::NoWheel {
                name,
                target: target.describe(),
                said: said(&output),
            }),
            None => Err(self.failed(&asked.file, &output)),
        }
    }

    fn failed(&self, file: &Path, output: &Output) -> RequirementsError {
        RequirementsError::Failed {
            tool: self.path().to_owned(),
            file: file.to_owned(),
            said: said(output),
        }
    }
}

fn for_uv(uv: &Path, target: &Target<'_>, prefix: &Path) -> Command {
    let mut command = quiet(uv);
    command
        .args(["pip", "install", "--quiet", "--no-build"])
        // The files of the cache are links' targets otherwise, and read-only to nobody.
        .args(["--link-mode", "copy", "--prefix"])
        .arg(prefix);
    if target.windows {
        command.args(["--python-platform", UV_WINDOWS]);
        command.args(["--python-version", &target.version()]);
    } else {
        command.arg("--python").arg(&target.facts.executable);
    }
    command
}

fn for_pip(python: &Path, target: &Target<'_>, prefix: &Path) -> Command {
    let mut command = quiet(python);
    if target.windows {
        let markers = serde_json::json!(target.facts.markers).to_string();
        command.args(["-c", PIP, &markers]);
    } else {
        command.args(["-m", "pip"]);
    }
    command
        .args(["install", "--quiet", "--no-compile", "--no-input"])
        .args(["--disable-pip-version-check", "--only-binary=:all:"]);
    if target.windows {
        let (major, minor, _) = target.facts.version;
        command
            .args(["--platform", "win_amd64", "--implementation", "cp"])
            .args(["--python-version", &target.version()])
            .args(["--abi", &format!("cp{major}{minor}")]);
    }
    command.arg("--target").arg(prefix.join(SITE));
    command
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("NO_COLOR", "1");
    command
}

fn run(command: &mut Command, tool: &Path) -> Result<Output, RequirementsError> {
    command.output().map_err(|source| RequirementsError::Start {
        tool: tool.to_owned(),
        source,
    })
}

fn written(lines: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix("requirements-")
        .suffix(".txt")
        .tempfile()?;
    file.write_all(lines.as_bytes())?;
    file.flush()?;
    Ok(file)
}

fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let mut file = name.as_ref().to_owned();
    file.push(std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders.find_map(|folder| Some(folder.join(&file)).filter(|path| path.is_file()))
}

/// The end of what it wrote.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// The distribution that an installer found no wheel of, by its words. Where it could not look, there is none.
fn without_wheel(said: &str) -> Option<String> {
    const OF_NETWORK: [&str; 3] = ["Retrying (", "error sending request", "Failed to fetch"];
    if OF_NETWORK.iter().any(|words| said.contains(words)) {
        return None;
    }
    let after = |words: &str| said.split_once(words).map(|(_, rest)| rest);
    let rest = after("No matching distribution found for ")
        .or_else(|| after("Wheels are required for `"))
        .or_else(|| after("hint: Wheels are required for "))?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches('.');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_wheel_is_found_in_what_installers_say() {
        let check = |said: &str, name: Option<&str>| {
            assert_eq!(without_wheel(said).as_deref(), name, "{said}");
        };
        check(
            "ERROR: Could not find a version that satisfies the requirement a-b>=1 (from versions: none)\n\
             ERROR: No matching distribution found for a-b>=1\n",
            Some("a-b"),
        );
        check(
            "error: No solution found\n\nhint: Wheels are required for `uvloop` because building from source is disabled",
            Some("uvloop"),
        );
        check("ERROR: ResolutionImpossible", None);
        check(
            "WARNING: Retrying (Retry(total=4\nERROR: No matching distribution found for a",
            None,
        );
    }
}
