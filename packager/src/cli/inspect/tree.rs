//! Files with their sizes, as a tree.

use crate::report::size;
use payload::Entry;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Levels that are shown unless everything is asked for.
const LEVELS: usize = 1;
/// Names on one level that are shown unless everything is asked for; the rest is summed up.
const NAMES: usize = 40;

/// A folder, or a file when it has no children.
#[derive(Debug, Default)]
struct Node<'a> {
    children: BTreeMap<&'a str, Node<'a>>,
    files: usize,
    bytes: u64,
}

/// The tree of `entries`; its first level unless `all`.
pub(super) fn render<'a>(entries: impl Iterator<Item = &'a Entry<'a>>, all: bool) -> String {
    let mut root = Node::default();
    for entry in entries {
        root.add(entry.path, entry.size);
    }
    let mut text = String::new();
    root.print(&mut text, 1, all);
    let _ = writeln!(text, "  {:>9}  in {} files", size(root.bytes), root.files);
    text
}

impl<'a> Node<'a> {
    fn add(&mut self, path: &'a str, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
        if let Some((folder, rest)) = path.split_once('/') {
            self.children.entry(folder).or_default().add(rest, bytes);
        } else {
            let file = self.children.entry(path).or_default();
            (file.files, file.bytes) = (1, bytes);
        }
    }

    fn print(&self, text: &mut String, level: usize, all: bool) {
        let mut children: Vec<_> = self.children.iter().collect();
        let mut rest = Vec::new();
        if !all && children.len() > NAMES {
            // The largest say most about a program's size.
            children.sort_by_key(|(_, node)| std::cmp::Reverse(node.bytes));
            rest = children.split_off(NAMES);
            children.sort_by_key(|(name, _)| **name);
        }
        let indent = "  ".repeat(level);
        for (name, node) in children {
            let bytes = size(node.bytes);
            if node.children.is_empty() {
                let _ = writeln!(text, "{indent}{bytes:>9}  {name}");
            } else {
                let _ = writeln!(text, "{indent}{bytes:>9}  {name}/ ({})", files(node.files));
                if all || level < LEVELS {
                    node.print(text, level + 1, all);
                }
            }
        }
        if !rest.is_empty() {
            let bytes = size(rest.iter().map(|(_, node)| node.bytes).sum());
            let _ = writeln!(text, "{indent}{bytes:>9}  in {} more", rest.len());
        }
    }
}

fn files(count: usize) -> String {
    format!("{count} file{}", if count == 1 { "" } else { "s" })
}
