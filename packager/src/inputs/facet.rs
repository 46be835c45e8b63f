//! What was seen of a path, and whether it is to be seen again.

use super::{Stamp, walk};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{DirEntry, FileType};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(super) type Hash = [u8; 32];

/// What is at a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing that can be reached.
    Absent,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A device, a socket, a pipe.
    Other,
}

impl Kind {
    pub(super) fn at(path: &Path) -> Self {
        std::fs::metadata(path).map_or(Self::Absent, |metadata| Self::of(metadata.file_type()))
    }

    pub(super) fn of(kind: FileType) -> Self {
        match kind {
            _ if kind.is_file() => Self::File,
            _ if kind.is_dir() => Self::Folder,
            _ => Self::Other,
        }
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    /// A file's content, mode or size.
    File(Stamp, Proof),
    /// The names in a folder: the hash of them, and whether the folder's stamp stands for it.
    Folder(Stamp, Hash, bool),
    /// What there is, and nothing about what is in it.
    Kind(Kind),
    /// Where a path with links in it leads; `None` for nowhere.
    Target(Option<PathBuf>),
}

/// What shows that a file with the same stamp has the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The stamp itself: it was settled when the file was read.
    Stamp,
    /// The hash of what was read: the file was so new that it could be written again under the same stamp.
    Content(Hash),
    /// Nothing: so new, and not read as a whole.
    Nothing,
}

/// Everything that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Sorted by path.
    pub(super) seen: Vec<(PathBuf, Facet)>,
    /// What the build makes: names that are no input where they stand in a folder that is one.
    pub(super) made: BTreeSet<PathBuf>,
}

/// How what was looked at compares with what was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// All is as it was. When there are inputs, they are settled now, and cheaper to look at next time.
    Same(Option<Inputs>),
    /// This is not, or there is no telling.
    Changed(PathBuf),
}

impl Inputs {
    /// Looks at everything again.
    #[must_use]
    pub fn compare(&self) -> Comparison {
        let mut settled = Vec::new();
        for (index, (path, facet)) in self.seen.iter().enumerate() {
            match facet.look_again(path, &self.made) {
                Look::Same => {}
                Look::Settled(facet) => settled.push((index, facet)),
                Look::Changed => return Comparison::Changed(path.clone()),
            }
        }
        if settled.is_empty() {
            return Comparison::Same(None);
        }
        let mut inputs = self.clone();
        for (index, facet) in settled {
            inputs.seen[index].1 = facet;
        }
        Comparison::Same(Some(inputs))
    }

    /// What is at `path`, a file or a folder with all that is in it, taken to be settled.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let mut inputs = Self::default();
        for found in walk(path, false, |_| true) {
            let found = found.map_err(|error| error.source)?;
            let stamp = Stamp::of(&std::fs::metadata(&found.path)?);
            let facet = if found.kind.is_dir() {
                let entries: Vec<DirEntry> =
                    std::fs::read_dir(&found.path)?.collect::<Result<_, _>>()?;
                Facet::Folder(stamp, names_in(&found.path, &entries, &inputs.made), true)
            } else {
                Facet::File(stamp, Proof::Stamp)
            };
            inputs.seen.push((found.path, facet));
        }
        Ok(inputs)
    }

    /// Whether the clock had ticked between the last change of any of them and that of `other`.
    #[must_use]
    pub fn are_older_than(&self, other: &Stamp) -> bool {
        self.seen.iter().all(|(_, facet)| match facet {
            Facet::File(stamp, _) | Facet::Folder(stamp, ..) => stamp.is_older_than(other),
            Facet::Kind(_) | Facet::Target(_) => true,
        })
    }

    /// How many paths were looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

enum Look {
    Same,
    /// The same, and the stamp stands for it from now on.
    Settled(Facet),
    Changed,
}

impl Facet {
    fn look_again(&self, path: &Path, made: &BTreeSet<PathBuf>) -> Look {
        match self {
            Self::File(stamp, proof) => look_at_file(path, stamp, proof),
            Self::Folder(stamp, names, settled) => {
                look_at_folder(path, stamp, names, *settled, made)
            }
            Self::Kind(kind) => same(Kind::at(path) == *kind),
            Self::Target(target) => same(std::fs::canonicalize(path).ok() == *target),
        }
    }
}

fn same(is_same: bool) -> Look {
    if is_same { Look::Same } else { Look::Changed }
}

fn look_at_file(path: &Path, stamp: &Stamp, proof: &Proof) -> Look {
    let now = SystemTime::now();
    if stamp_of(path) != Some(*stamp) {
        return Look::Changed;
    }
    match proof {
        Proof::Stamp => Look::Same,
        Proof::Content(hash) => match std::fs::read(path) {
            Ok(content) if hash_of(&content) == *hash => {
                settled(stamp.is_settled(now), || Facet::File(*stamp, Proof::Stamp))
            }
            _ => Look::Changed,
        },
        Proof::Nothing => Look::Changed,
    }
}

/// A folder in which something came and went again has another stamp and the same names.
fn look_at_folder(
    path: &Path,
    stamp: &Stamp,
    names: &Hash,
    is_settled: bool,
    made: &BTreeSet<PathBuf>,
) -> Look {
    let now = SystemTime::now();
    let Some(new) = stamp_of(path) else {
        return Look::Changed;
    };
    if new == *stamp && is_settled {
        return Look::Same;
    }
    let entries: Option<Vec<DirEntry>> = std::fs::read_dir(path).and_then(Iterator::collect).ok();
    match entries {
        Some(entries) if names_in(path, &entries, made) == *names => {
            settled(new.is_settled(now), || Facet::Folder(new, *names, true))
        }
        _ => Look::Changed,
    }
}

fn settled(is_settled: bool, facet: impl FnOnce() -> Facet) -> Look {
    if is_settled {
        Look::Settled(facet())
    } else {
        Look::Same
    }
}

fn stamp_of(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path)
        .ok()
        .map(|metadata| Stamp::of(&metadata))
}

pub(super) fn hash_of(content: &[u8]) -> Hash {
    Sha256::digest(content).into()
}

/// The hash of the names of `entries` of `folder` and of what they are, without those in `made` and without the caches of
/// bytecode, which Python makes while the program is tried out: a build takes nothing from them that the sources do not
/// give.
pub(super) fn names_in(folder: &Path, entries: &[DirEntry], made: &BTreeSet<PathBuf>) -> Hash {
    let mut names: Vec<Vec<u8>> = entries
        .iter()
        .filter(|entry| entry.file_name() != "__pycache__" && !is_made(folder, entry, made))
        .map(described)
        .collect();
    names.sort_unstable();
    let mut hash = Sha256::new();
    for name in names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    hash.finalize().into()
}

fn is_made(folder: &Path, entry: &DirEntry, made: &BTreeSet<PathBuf>) -> bool {
    !made.is_empty() && made.contains(&folder.join(entry.file_name()))
}

/// Name and kind; of a link also where it leads.
fn described(entry: &DirEntry) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = entry.file_name().as_bytes().to_vec();
    let Ok(kind) = entry.file_type() else {
        text.extend(b"\0?");
        return text;
    };
    text.extend(match kind {
        _ if kind.is_file() => b"\0f",
        _ if kind.is_dir() => b"\0d",
        _ if kind.is_symlink() => b"\0l",
        _ => b"\0o",
    });
    if kind.is_symlink()
        && let Ok(target) = std::fs::read_link(entry.path())
    {
        text.extend(target.as_os_str().as_bytes());
    }
    text
}
