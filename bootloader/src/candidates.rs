//! Directories that may hold a program's unpacked files, the preferred one first.

use platform::directory::Unfit;
use platform::{Directory, process};
use std::path::PathBuf;

/// A place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The existing directory to start from.
    pub(crate) base: PathBuf,
    /// The private directory below it.
    pub(crate) name: String,
}

impl Candidate {
    /// Opens the private directory, made when it is missing.
    pub(crate) fn open(&self) -> Result<Directory, Unfit> {
        let base = Directory::open(&self.base).map_err(Unfit::Io)?;
        base.private(&self.name, process::user_id())
    }

    /// Where it would be.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.join(&self.name)
    }
}

/// All places, in order. A privileged process believes nothing its caller's environment says.
pub(crate) fn all(runtime_tmpdir: Option<&str>) -> Vec<Candidate> {
    let variable = |name: &str| {
        if process::is_privileged() {
            None
        } else {
            std::env::var_os(name).filter(|value| !value.is_empty())
        }
    };
    let home = variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from).or(home);
    let temporary = [
        variable("PACK_TMPDIR").map(PathBuf::from),
        runtime_tmpdir.map(PathBuf::from),
        variable("TMPDIR").map(PathBuf::from),
        Some(PathBuf::from("/tmp")),
        Some(PathBuf::from("/var/tmp")),
    ];
    let shared = format!("pack-{}", process::user_id());
    let mut places: Vec<Candidate> = Vec::new();
    for base in temporary.into_iter().flatten() {
        places.push(Candidate {
            base,
            name: shared.clone(),
        });
    }
    if let Some(base) = cache {
        // A new user's home has no .cache yet; it is made with the mode the XDG base directory specification asks for.
        use std::os::unix::fs::DirBuilderExt;
        let _ = std::fs::DirBuilder::new().mode(0o700).create(&base);
        places.push(Candidate {
            base,
            name: "pack".into(),
        });
    }
    places.retain(|place| place.base.is_absolute());
    let mut seen = Vec::new();
    places.retain(|place| {
        !seen.contains(place) && {
            seen.push(place.clone());
            true
        }
    });
    places
}
