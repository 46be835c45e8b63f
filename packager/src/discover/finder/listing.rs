//! The names in a folder, read once.

use crate::inputs;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: HashSet<String>,
    pub(super) folders: BTreeSet<String>,
}

impl Listing {
    /// `None` when there is no such folder.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let mut listing = Self::default();
        for entry in inputs::entries(folder).ok()? {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let Ok(mut kind) = entry.file_type() else {
                continue;
            };
            if kind.is_symlink() {
                let Ok(target) = inputs::metadata(&entry.path()) else {
                    continue;
                };
                kind = target.file_type();
            }
            if kind.is_dir() {
                listing.folders.insert(name);
            } else {
                listing.files.insert(name);
            }
        }
        Some(listing)
    }
}
