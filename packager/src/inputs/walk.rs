//! All that lies below a folder.

use super::{entries, metadata};
use std::ffi::OsStr;
use std::fs::FileType;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Something found on the way.
#[derive(Debug)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// What it is: where links are followed, what they lead to.
    pub kind: FileType,
    /// How many folders below the first one; 0 for that itself.
    pub depth: usize,
}

impl Found {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }
}

/// Something on the way that cannot be looked at.
#[derive(Debug)]
pub struct WalkError {
    /// Where it is.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// `root` and everything below it, each folder in the order of its names and before what it holds. What is not `wanted`
/// is left out, with all that is below it. Links, but for `root`, are followed when `follow` is true.
pub fn walk(
    root: &Path,
    follow: bool,
    wanted: impl Fn(&Found) -> bool,
) -> Vec<Result<Found, WalkError>> {
    let mut walk = Walk {
        follow,
        wanted: &wanted,
        above: Vec::new(),
        found: Vec::new(),
    };
    match metadata(root) {
        Ok(metadata) => walk.visit(Found {
            path: root.to_owned(),
            kind: metadata.file_type(),
            depth: 0,
        }),
        Err(source) => walk.fail(root.to_owned(), source),
    }
    walk.found
}

struct Walk<'a> {
    follow: bool,
    wanted: &'a dyn Fn(&Found) -> bool,
    /// Device and inode of the folders on the way to where the walk is: a link may lead back to one of them.
    above: Vec<(u64, u64)>,
    found: Vec<Result<Found, WalkError>>,
}

impl Walk<'_> {
    fn visit(&mut self, found: Found) {
        if !(self.wanted)(&found) {
            return;
        }
        let (path, kind, depth) = (found.path.clone(), found.kind, found.depth);
        if !kind.is_dir() {
            self.found.push(Ok(found));
            return;
        }
        match self.identity(&path) {
            Ok(identity) => {
                self.found.push(Ok(found));
                self.above.extend(identity);
                self.descend(&path, depth + 1);
                if identity.is_some() {
                    self.above.pop();
                }
            }
            Err(source) => self.fail(path, source),
        }
    }

    /// What a folder is known by, where that matters.
    fn identity(&self, folder: &Path) -> io::Result<Option<(u64, u64)>> {
        if !self.follow {
            return Ok(None);
        }
        let metadata = metadata(folder)?;
        let identity = (metadata.dev(), metadata.ino());
        if self.above.contains(&identity) {
            return Err(io::Error::other(
                "a link in it leads back to a folder above it",
            ));
        }
        Ok(Some(identity))
    }

    fn descend(&mut self, folder: &Path, depth: usize) {
        let mut entries = match entries(folder) {
            Ok(entries) => entries,
            Err(source) => return self.fail(folder.to_owned(), source),
        };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = match entry.file_type() {
                Ok(kind) if self.follow && kind.is_symlink() => {
                    metadata(&path).map(|metadata| metadata.file_type())
                }
                kind => kind,
            };
            match kind {
                Ok(kind) => self.visit(Found { path, kind, depth }),
                Err(source) => self.fail(path, source),
            }
        }
    }

    fn fail(&mut self, path: PathBuf, source: io::Error) {
        self.found.push(Err(WalkError { path, source }));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::tree;
    use std::os::unix::fs::symlink;

    fn names(root: &Path, follow: bool, wanted: impl Fn(&Found) -> bool) -> Vec<String> {
        let shown = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
        walk(root, follow, wanted)
            .iter()
            .map(|found| match found {
                Ok(found) => shown(&found.path),
                Err(error) => format!("{}!", shown(&error.path)),
            })
            .collect()
    }

    #[test]
    fn folders_come_before_what_they_hold_and_names_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        tree(root, &[("b/2", ""), ("b/1", ""), ("a", ""), ("c/3", "")]);
        assert_eq!(
            names(root, false, |_| true),
            ["", "a", "b", "b/1", "b/2", "c", "c/3"]
        );
        assert_eq!(
            names(root, false, |found| found.name() != "b"),
            ["", "a", "c", "c/3"]
        );
        assert_eq!(
            names(&root.join("a"), false, |found| found.depth == 0),
            [""]
        );
        assert_eq!(names(&root.join("none"), false, |_| true), ["!"]);
    }

    #[test]
    fn links_are_followed_when_they_are_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        tree(root, &[("a/1", "")]);
        symlink(root.join("a"), root.join("b")).unwrap();
        symlink("nowhere", root.join("c")).unwrap();
        symlink("..", root.join("a/up")).unwrap();
        assert_eq!(
            names(root, false, |_| true),
            ["", "a", "a/1", "a/up", "b", "c"]
        );
        assert_eq!(
            names(root, true, |_| true),
            ["", "a", "a/1", "a/up!", "b", "b/1", "b/up!", "c!"]
        );
    }
}
