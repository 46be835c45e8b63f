//! Where temporary files are written.

use crate::report::Printer;
use std::path::{Path, PathBuf};

/// Python's `tempfile` falls back to these, too.
const OTHERS: [&str; 2] = ["/tmp", "/var/tmp"];

/// Has temporary files written elsewhere when the folder that TMPDIR names cannot be used, and says so: no failure further
/// on would name that folder.
pub(super) fn settle(printer: &Printer) {
    let given = tempfile::env::temp_dir();
    let others = OTHERS.map(Path::new);
    let Some((folder, warning)) = other_folder(&given, &others) else {
        return;
    };
    if let Some(folder) = folder {
        // It fails where a folder was settled before, which is as good.
        let _ = tempfile::env::override_temp_dir(&folder);
    }
    printer.warning(&warning);
}

/// The first of `others` that can be used, if `given` cannot, and what to say of it.
fn other_folder(given: &Path, others: &[&Path]) -> Option<(Option<PathBuf>, String)> {
    let error = tempfile::tempfile_in(given).err()?;
    let trouble = format!(
        "`{}`, where TMPDIR has temporary files written, cannot be used ({error})",
        given.display()
    );
    let other = others
        .iter()
        .find(|other| tempfile::tempfile_in(other).is_ok());
    Some(match other {
        Some(other) => (
            Some(other.to_path_buf()),
            format!("{trouble}; `{}` is used instead", other.display()),
        ),
        None => (None, format!("{trouble}, and no other folder either")),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_that_is_none_is_named_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad) = (folder.path(), folder.path().join("none"));
        assert_eq!(other_folder(good, &[]), None);
        let (other, warning) = other_folder(&bad, &[&bad, good]).unwrap();
        assert_eq!(other.as_deref(), Some(good));
        assert!(
            warning.contains(&format!("`{}`", bad.display())),
            "{warning}"
        );
        let (other, warning) = other_folder(&bad, &[]).unwrap();
        assert_eq!(other, None);
        assert!(warning.ends_with("and no other folder either"), "{warning}");
    }
}
