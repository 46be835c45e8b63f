//! Paths with `*`, `?` and `[…]` in their components; `**` stands for any number of folders.

use crate::inputs::{self, Found};
use std::path::{Component, Path, PathBuf};

/// Whether `path` has anything to expand.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// What exists and matches `pattern`, sorted. A hidden name matches only a pattern that begins with a dot.
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        found = match component {
            Component::Normal(name) if name == "**" => found
                .iter()
                .flat_map(|folder| folders_below(folder))
                .collect(),
            Component::Normal(name) if is_pattern(Path::new(name)) => {
                let name = name.to_string_lossy();
                found
                    .iter()
                    .flat_map(|folder| matching(folder, &name))
                    .collect()
            }
            other => found.iter().map(|folder| folder.join(other)).collect(),
        };
    }
    found.retain(|path| inputs::exists(path));
    found.sort();
    found.dedup();
    found
}

fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    // Which folders have one is noted nowhere else.
    let _ = inputs::exists(&folder.join("__pycache__"));
    let entries = inputs::entries(folder).into_iter().flatten();
    let pattern: Vec<char> = pattern.chars().collect();
    let matches = |entry: &std::fs::DirEntry| {
        let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
        (pattern.first() == Some(&'.') || name.first() != Some(&'.')) && fits(&pattern, &name)
    };
    entries.filter(matches).map(|entry| entry.path()).collect()
}

fn folders_below(folder: &Path) -> Vec<PathBuf> {
    let hidden = |found: &Found| found.depth > 0 && found.name().to_string_lossy().starts_with('.');
    inputs::walk(folder, false, |found| !hidden(found))
        .into_iter()
        .flatten()
        .filter(|found| found.kind.is_dir())
        .map(|found| found.path)
        .collect()
}

/// As Python's `fnmatch`; after a mismatch the last `*` takes one character more.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(&pattern[p..], name[n]),
            Some(c) if *c == name[n] => Some(1),
            _ => None,
        };
        match (step, star) {
            (Some(step), _) => (p, n) = (p + step, n + 1),
            (None, Some((after, from))) => {
                (p, n) = (after, from + 1);
                star = Some((after, from + 1));
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The length of the `[…]` that `pattern` begins with, when `c` is in it.
fn class(pattern: &[char], c: char) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let first = if negated { 2 } else { 1 };
    // A `]` that comes first stands for itself; a `[` without an end does too.
    let Some(end) = pattern
        .iter()
        .skip(first + 1)
        .position(|c| *c == ']')
        .map(|at| at + first + 1)
    else {
        return (c == '[').then_some(1);
    };
    let mut at = first;
    let mut inside = false;
    while at < end {
        if pattern.get(at + 1) == Some(&'-') && at + 2 < end {
            inside |= (pattern[at]..=pattern[at + 2]).contains(&c);
            at += 3;
        } else {
            inside |= pattern[at] == c;
            at += 1;
        }
    }
    (inside != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let (p, n): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), name.chars().collect());
            assert_eq!(fits(&p, &n), expected, "{pattern} {name}");
        };
        check("*.txt", "a.txt", true);
        check("*.txt", "a.txt.gz", false);
        check("a*b*c", "aXbXbc", true);
        check("?.py", "é.py", true);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[]]", "]", true);
        check("[", "[", true);
        check("*", "", true);
    }

    #[test]
    fn folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        crate::testing::tree(
            root,
            &[
                ("a/x.txt", ""),
                ("b/y.txt", ""),
                ("b/c/z.txt", ""),
                (".h/w.txt", ""),
            ],
        );
        let names = |pattern: &str| -> Vec<String> {
            let found = expand(&root.join(pattern));
            found
                .iter()
                .map(|path| path.strip_prefix(root).unwrap().display().to_string())
                .collect()
        };
        assert_eq!(names("*/*.txt"), ["a/x.txt", "b/y.txt"]);
        assert_eq!(names("**/*.txt"), ["a/x.txt", "b/c/z.txt", "b/y.txt"]);
        assert_eq!(names("[bc]"), ["b"]);
        assert!(names("none/*").is_empty());
    }
}
