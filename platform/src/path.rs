//! Paths as texts: no file is looked at.

use std::path::{Component, Path, PathBuf};

/// `path` without `.` and `..`, links not followed.
#[must_use]
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// `path` as the system writes it: on Windows with `\` alone between its parts.
#[must_use]
pub fn native(path: &Path) -> PathBuf {
    if cfg!(windows) {
        path.components().collect()
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_taken_back() {
        assert_eq!(normal(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(normal(Path::new("/../a")), Path::new("/a"));
    }
}
