//! Interpreters for other systems in pack's cache: `pack python`, and `--python 3.13` with `--target`.
//!
//! Each lies in a folder of its own whose name says what it is, `cpython-3.13.2-x86_64-pc-windows-gnu`, and is put there
//! whole or not at all.

use crate::configure::environment::Environment;
use crate::report::path as show;
use crate::windows::{self, WindowsError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The one target whose interpreters are kept.
pub const TARGET: &str = "x86_64-pc-windows-gnu";
/// As uv calls CPython for it.
const UV_SUFFIX: &str = "-windows-x86_64-none";
/// No archive of a Python has more in it, unpacked.
const MAX_UNPACKED: u64 = 2 << 30;

/// An interpreter in the cache.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Kept {
    /// Major, minor, micro.
    pub version: (u8, u8, u8),
    /// Target triple.
    pub target: String,
    /// Its folder.
    pub path: PathBuf,
}

/// Why no interpreter was added.
#[derive(Debug, thiserror::Error)]
pub enum PythonsError {
    /// Nothing says where a cache could be.
    #[error("there is no cache directory: neither HOME nor XDG_CACHE_HOME is set")]
    NoCache,
    /// It is none that can be packed.
    #[error(transparent)]
    Windows(#[from] WindowsError),
    /// It is neither a file, a folder nor a version.
    #[error("there is no file or folder `{0}`, and no version is written so")]
    Unknown(String),
    /// The file is no archive that is known.
    #[error("`{}` is no .zip and no .tar.gz", show(.0))]
    NoArchive(PathBuf),
    /// Something cannot be read or written.
    #[error("cannot take `{}` into `{}`: {source}", show(from), show(to))]
    Copy {
        /// The source.
        from: PathBuf,
        /// The cache's folder.
        to: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// uv is not there.
    #[error("CPython {0} is fetched by `uv`, which was not found on PATH")]
    NoUv(String),
    /// uv does not do it.
    #[error("`uv` does not fetch CPython {version}:\n{said}")]
    Uv {
        /// What was asked for.
        version: String,
        /// What it says.
        said: String,
    },
}

impl PythonsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Windows(error) => error.hint(),
            Self::NoUv(_) | Self::Uv { .. } | Self::Unknown(_) | Self::NoArchive(_) => Some(
                "`pack python add FILE` takes an embeddable package of python.org (python-3.X.Y-embed-amd64.zip), a \
                 python-build-standalone archive (install_only.tar.gz) or a folder; with uv installed, a version"
                    .into(),
            ),
            Self::NoCache | Self::Copy { .. } => None,
        }
    }
}

/// The folder of all of them.
#[must_use]
pub fn home(environment: &Environment) -> Option<PathBuf> {
    let absolute = |name| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("pack/pythons"))
}

/// What is in `home`, oldest version first.
#[must_use]
pub fn list(home: &Path) -> Vec<Kept> {
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    let kept = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        let (version, target) = name.to_str()?.strip_prefix("cpython-")?.split_once('-')?;
        let numbers: Vec<u8> = version
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        let [major, minor, micro] = numbers[..] else {
            return None;
        };
        Some(Kept {
            version: (major, minor, micro),
            target: target.to_owned(),
            path: entry.path(),
        })
    };
    let mut found: Vec<Kept> = entries.filter_map(kept).collect();
    found.sort();
    found
}

/// The latest in `home` of `version` (`3.13` or `3.13.2`) for `target`; of any version where none is named.
#[must_use]
pub fn find(home: &Path, version: Option<&str>, target: &str) -> Option<Kept> {
    let fits = |kept: &Kept| {
        let (major, minor, micro) = kept.version;
        let of_version = version.is_none_or(|version| {
            version == format!("{major}.{minor}") || version == format!("{major}.{minor}.{micro}")
        });
        of_version && kept.target == target
    };
    list(home).into_iter().rfind(fits)
}

/// Whether `text` is a version, such as `3.13` or `3.13.2`.
#[must_use]
pub fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.parse::<u8>().is_ok();
    (2..=3).contains(&parts.len()) && parts.iter().all(is_number)
}

/// Takes in what `source` names: an archive, a folder, or a version that uv fetches. Returns it, and whether it is new.
///
/// # Errors
/// When it is no interpreter for the target, or cannot be copied or fetched.
pub fn add(home: &Path, source: &str) -> Result<(Kept, bool), PythonsError> {
    let path = Path::new(source);
    let failed = |source| PythonsError::Copy {
        from: path.to_owned(),
        to: home.to_owned(),
        source,
    };
    std::fs::create_dir_all(home).map_err(failed)?;
    let fresh = tempfile::Builder::new()
        .prefix(".adding-")
        .tempdir_in(home)
        .map_err(failed)?;
    let inner = fresh.path().join("python");
    if path.is_dir() {
        copy(path, &inner).map_err(failed)?;
    } else if path.is_file() {
        unpack(path, &inner, failed)?;
    } else if is_version(source) {
        fetch(source, &inner)?;
    } else {
        return Err(PythonsError::Unknown(source.to_owned()));
    }
    // python-build-standalone's archives have one folder at their top.
    let below = inner.join("python");
    let folder = if below.is_dir() { below } else { inner };
    let version = windows::identify(&folder)?;
    let name = format!("cpython-{}.{}.{}-{TARGET}", version.0, version.1, version.2);
    let kept = Kept {
        version,
        target: TARGET.to_owned(),
        path: home.join(name),
    };
    match std::fs::rename(&folder, &kept.path) {
        Ok(()) => Ok((kept, true)),
        Err(_) if kept.path.is_dir() => Ok((kept, false)),
        Err(error) => Err(failed(error)),
    }
}

/// Files and folders; what a link leads to is not followed.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let path = to.join(entry.path().strip_prefix(from).map_err(io::Error::other)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(path)?;
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), path)?;
        }
    }
    Ok(())
}

fn unpack(
    file: &Path,
    folder: &Path,
    failed: impl Fn(io::Error) -> PythonsError,
) -> Result<(), PythonsError> {
    let mut start = [0; 2];
    let read = std::fs::File::open(file).and_then(|mut opened| opened.read(&mut start));
    read.map_err(&failed)?;
    std::fs::create_dir_all(folder).map_err(&failed)?;
    match &start {
        b"PK" => {
            let opened = std::fs::File::open(file).map_err(&failed)?;
            crate::archives::extract(opened, folder, None).map_err(&failed)
        }
        [0x1f, 0x8b] => unpack_tar(file, folder).map_err(&failed),
        _ => Err(PythonsError::NoArchive(file.to_owned())),
    }
}

/// Files alone: a Python for Windows has no links, and no entry gets out of `folder`.
fn unpack_tar(file: &Path, folder: &Path) -> io::Result<()> {
    let opened = io::BufReader::new(std::fs::File::open(file)?);
    let mut left = MAX_UNPACKED;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(opened));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        left = left
            .checked_sub(entry.size())
            .ok_or_else(|| io::Error::other("it is too large for a Python"))?;
        let name = entry.path()?.to_string_lossy().replace('\\', "/");
        let name = payload::ArchivePath::new(name).map_err(io::Error::other)?;
        let path = folder.join(name.as_str());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut std::fs::File::create(path)?)?;
    }
    Ok(())
}

/// Has uv install `version` and takes it to `folder`.
fn fetch(version: &str, folder: &Path) -> Result<(), PythonsError> {
    let uv_failed = |said: String| PythonsError::Uv {
        version: version.to_owned(),
        said,
    };
    let downloads = folder.with_file_name("uv");
    let mut command = Command::new("uv");
    command
        .args(["python", "install", "--no-bin", "--install-dir"])
        .arg(&downloads)
        .arg(format!("cpython-{version}{UV_SUFFIX}"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PythonsError::NoUv(version.to_owned()),
        _ => uv_failed(error.to_string()),
    })?;
    if !output.status.success() {
        return Err(uv_failed(
            String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        ));
    }
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && !path.is_symlink() && name.starts_with("cpython-")
    };
    let mut entries = std::fs::read_dir(&downloads)
        .into_iter()
        .flatten()
        .flatten();
    let found = entries.find_map(|entry| Some(entry.path()).filter(is_it));
    let found = found.ok_or_else(|| uv_failed("it has installed nothing".into()))?;
    std::fs::rename(found, folder).map_err(|error| uv_failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_latest_that_fits_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "cpython-3.13.2-x86_64-pc-windows-gnu",
            "cpython-3.13.10-x86_64-pc-windows-gnu",
            "cpython-3.9.1-x86_64-pc-windows-gnu",
            ".adding-x",
            "cpython-3.x-y",
        ] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let check = |version: Option<&str>, expected: Option<(u8, u8, u8)>| {
            let found = find(folder.path(), version, TARGET).map(|kept| kept.version);
            assert_eq!(found, expected, "{version:?}");
        };
        check(None, Some((3, 13, 10)));
        check(Some("3.13"), Some((3, 13, 10)));
        check(Some("3.13.2"), Some((3, 13, 2)));
        check(Some("3.9"), Some((3, 9, 1)));
        check(Some("3.1"), None);
        assert!(is_version("3.13") && is_version("3.13.2"));
        assert!(
            !is_version("3") && !is_version("3.x") && !is_version("a/3.1") && !is_version("3.13.")
        );
    }

    #[test]
    fn what_is_no_python_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("pythons");
        let file = folder.path().join("file");
        std::fs::write(&file, "neither").unwrap();
        let error = add(&home, file.to_str().unwrap()).unwrap_err();
        assert!(matches!(error, PythonsError::NoArchive(_)), "{error}");
        assert!(matches!(
            add(&home, "no/such"),
            Err(PythonsError::Unknown(_))
        ));
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        assert!(matches!(
            add(&home, empty.to_str().unwrap()),
            Err(PythonsError::Windows(_))
        ));
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0);
    }
}
