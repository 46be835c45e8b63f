//! `.pth` files, where no interpreter can be asked what they do.

use crate::inputs;
use std::path::{Path, PathBuf};

/// Folders that the `.pth` files in `site` add to the path. Statements in them are not run.
pub(crate) fn named_by_pth(site: &Path) -> Vec<PathBuf> {
    let entries = inputs::entries(site).unwrap_or_default();
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "pth"));
    files.sort();
    let texts = files
        .iter()
        .filter_map(|path| inputs::read_to_string(path).ok());
    let mut folders = Vec::new();
    for text in texts {
        for line in text.lines().map(str::trim_end) {
            let is_path = !line.is_empty() && !line.starts_with(['#', '\\', '/']);
            if is_path && !line.starts_with("import ") && !line.contains(':') {
                folders.push(site.join(line.replace('\\', "/")));
            }
        }
    }
    folders.retain(|folder| inputs::is_folder(folder));
    folders
}
