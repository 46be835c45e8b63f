//! Directories that may hold a program's unpacked files, the preferred one first.

use crate::Failure;
use crate::error::Restore;
use payload::Program;
use platform::directory::Unfit;
use platform::{Directory, process};
use std::path::PathBuf;

/// A place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// The directory to start from.
    base: PathBuf,
    /// The private directory below it.
    name: String,
    /// A cache directory: made when it is missing, as a new user has none yet.
    make_base: bool,
}

/// Hands `work` the private directory of one place after the other until one serves.
///
/// # Errors
/// `Damaged` when `work` says so, which no other place can mend; else `NoDirectory` with what each place lacks.
pub(crate) fn first_fit<T>(
    program: &Program,
    work: impl Fn(&Directory) -> Result<T, Restore>,
) -> Result<T, Failure> {
    let mut tried = Vec::new();
    for place in all(program.runtime_tmpdir.as_deref()) {
        let reason = match place.open() {
            Ok(base) => match work(&base) {
                Ok(done) => return Ok(done),
                Err(Restore::Damaged(error)) => return Err(Failure::Damaged(error)),
                Err(Restore::Directory(error)) => Unfit::Io(error),
            },
            Err(reason) => reason,
        };
        tried.push((place.base.join(&place.name), reason));
    }
    Err(Failure::NoDirectory(tried))
}

/// The first private directory that can be opened: for what can be done without.
pub(crate) fn any(program: &Program) -> Option<Directory> {
    all(program.runtime_tmpdir.as_deref())
        .iter()
        .find_map(|place| place.open().ok())
}

impl Candidate {
    /// Opens the private directory, made when it is missing.
    fn open(&self) -> Result<Directory, Unfit> {
        let user = process::user_id();
        #[cfg(unix)]
        if self.make_base {
            // With the mode that the XDG base directory specification asks for.
            use std::os::unix::fs::DirBuilderExt;
            let _ = std::fs::DirBuilder::new().mode(0o700).create(&self.base);
        }
        let base = Directory::open(&self.base).map_err(Unfit::Io)?;
        base.sheltered(user)?.private(&self.name, user)
    }
}

/// A variable that names a place. A privileged process believes nothing its caller's environment says.
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value
        .filter(|_| !process::is_privileged())
        .map(PathBuf::from)
}

/// All places, in order.
fn all(runtime_tmpdir: Option<&str>) -> Vec<Candidate> {
    let mut places: Vec<Candidate> = Vec::new();
    for place in wanted(runtime_tmpdir) {
        if place.base.is_absolute() && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(unix)]
fn wanted(runtime_tmpdir: Option<&str>) -> Vec<Candidate> {
    let temporary = [
        variable("PACK_TMPDIR"),
        runtime_tmpdir.map(PathBuf::from),
        variable("TMPDIR"),
        Some(PathBuf::from("/tmp")),
        Some(PathBuf::from("/var/tmp")),
    ];
    let shared = format!("pack-{}", process::user_id());
    let temporary = temporary.into_iter().flatten().map(|base| Candidate {
        base,
        name: shared.clone(),
        make_base: false,
    });
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let cache = cache.map(|base| Candidate {
        base,
        name: "pack".into(),
        make_base: true,
    });
    temporary.chain(cache).collect()
}

/// Temporary folders belong to a user there, as the folder for the user's data does, which no cleaner empties.
#[cfg(windows)]
fn wanted(runtime_tmpdir: Option<&str>) -> Vec<Candidate> {
    let places = [
        variable("PACK_TMPDIR"),
        runtime_tmpdir.map(PathBuf::from),
        process::local_data(),
        variable("TEMP"),
    ];
    let candidate = |base| Candidate {
        base,
        name: "pack".into(),
        make_base: false,
    };
    places.into_iter().flatten().map(candidate).collect()
}
