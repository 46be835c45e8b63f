//! What can be wrong with what a Windows executable is to be given.

use crate::icon::IconError;
use crate::pe::PeError;
use crate::report::path as show;
use std::io;
use std::path::PathBuf;

/// Why an executable cannot be given its icon, version, manifest or resources.
#[derive(Debug, thiserror::Error)]
pub enum BrandError {
    /// A file cannot be read.
    #[error("cannot read `{}` for {what}", show(path))]
    Read {
        /// What it is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is larger than what it is for may be.
    #[error("`{}` has {size} bytes, and {what} has at most {most}", show(path))]
    TooLarge {
        /// What it is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Bytes.
        size: u64,
        /// Bytes that it may have.
        most: u64,
    },
    /// An icon is none.
    #[error("`{}` cannot be the icon", show(path))]
    Icon {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IconError,
    },
    /// A version file is none.
    #[error("`{}` is no version file: {}{why}", show(path), if *line > 0 { format!("line {line}: ") } else { String::new() })]
    VersionFile {
        /// The file.
        path: PathBuf,
        /// 1 for the first; 0 where there are no lines.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// Version information has no room for that.
    #[error("the version information has no room for {0}")]
    Version(String),
    /// A manifest is none.
    #[error("the manifest {}is wrong: {why}", path.as_ref().map(|path| format!("`{}` ", show(path))).unwrap_or_default())]
    Manifest {
        /// The file; none where it was given as such.
        path: Option<PathBuf>,
        /// What is wrong with it.
        why: String,
    },
    /// Resources cannot be taken.
    #[error("`{given}` brings no resource: {why}")]
    Resource {
        /// As given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The executable itself.
    #[error("the executable cannot be changed")]
    Executable(#[source] PeError),
}

impl BrandError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Icon { source, .. } => source.hint().map(str::to_owned),
            Self::VersionFile { .. } => Some(
                "a version file is one `VSVersionInfo(ffi=FixedFileInfo(…), kids=[…])`, as PyInstaller's \
                 pyi-grab_version writes it"
                    .into(),
            ),
            Self::Resource { .. } => {
                Some("FILE[,TYPE[,NAME[,LANGUAGE]]]: a data file with TYPE and NAME, or an .exe or .dll".into())
            }
            _ => None,
        }
    }
}
