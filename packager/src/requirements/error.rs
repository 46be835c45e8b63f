//! Why requirements cannot be installed.

use crate::report::path as show;
use std::io;
use std::path::PathBuf;

/// Why there are no distributions for a program.
#[derive(Debug, thiserror::Error)]
pub enum RequirementsError {
    /// The file, or one that it includes, cannot be read.
    #[error("cannot read the requirements in `{}`: {reason}", show(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file needs `uv`, which is not there.
    #[error("`{}` is read by `uv`, which was not found on PATH", show(path))]
    NeedsUv {
        /// The file.
        path: PathBuf,
    },
    /// Neither installer is there.
    #[error("requirements are installed by `uv` or pip, and neither was found (looked for: {})", tried.join(", "))]
    NoTool {
        /// Where.
        tried: Vec<String>,
    },
    /// There is nothing for the target.
    #[error("`{name}` cannot be had for {target}: it has no wheel for it\n{said}")]
    NoWheel {
        /// The distribution.
        name: String,
        /// What for.
        target: String,
        /// What the installer says.
        said: String,
    },
    /// The installer does not do it.
    #[error(
        "`{}` does not install the requirements of `{}`:\n{said}",
        show(tool),
        show(file)
    )]
    Failed {
        /// The installer.
        tool: PathBuf,
        /// The requirements.
        file: PathBuf,
        /// What it says.
        said: String,
    },
    /// The installer does not start.
    #[error("`{}` cannot be started: {source}", show(tool))]
    Start {
        /// The installer.
        tool: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no room, or no right to write.
    #[error("requirements cannot be installed: {0}")]
    Folder(#[source] io::Error),
}

impl RequirementsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NeedsUv { .. } => Some(
                "install it (`pip install uv`), or give a pylock.toml (`uv export --format pylock.toml`) or a requirements.txt"
                    .into(),
            ),
            Self::NoTool { .. } => Some(
                "install uv (`pip install uv`), or a Python with pip; `--site-packages DIR` names a folder that is filled already"
                    .into(),
            ),
            Self::NoWheel { name, .. } => Some(format!(
                "leave `{name}` out there with a marker (`{name}; sys_platform != \"win32\"`), ask for another version of it, or build \
                 a wheel for the target and name its folder (`--find-links DIR` in the requirements)"
            )),
            Self::Read { .. } | Self::Failed { .. } | Self::Start { .. } | Self::Folder(_) => None,
        }
    }
}
