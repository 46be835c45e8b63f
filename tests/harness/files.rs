//! Folders for tests, and trees of files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `target/e2e`: what may be kept between runs.
pub(crate) fn kept_folder() -> PathBuf {
    // The `pack` of this build lies in target/<profile>.
    let target = Path::new(env!("CARGO_BIN_EXE_pack"))
        .ancestors()
        .nth(2)
        .unwrap();
    target.join("e2e")
}

/// The folder of this run of the tests; those of earlier runs are removed.
pub(crate) fn runs_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let runs = kept_folder().join("runs");
        fs::create_dir_all(&runs).unwrap();
        remove_stale(&runs);
        let folder = runs.join(std::process::id().to_string());
        fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// A folder for what programs unpack. Its path is short, as that of a user's TMPDIR: `multiprocessing` makes sockets
/// there, whose paths have at most 107 bytes.
pub(crate) fn temporary_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let run = std::env::temp_dir()
        .join("pack-e2e")
        .join(std::process::id().to_string());
    if COUNT.load(Ordering::Relaxed) == 0 {
        remove_stale(run.parent().unwrap());
    }
    let folder = run.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Removes what runs that are over have left; each has a folder by the number of its process.
fn remove_stale(runs: &Path) {
    for old in fs::read_dir(runs).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(old.file_name()).exists() {
            fs::remove_dir_all(old.path()).ok();
        }
    }
}

/// A folder of one test, removed at its end unless the test fails.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder whose name tells the test.
    pub(crate) fn new() -> Self {
        let test = std::thread::current()
            .name()
            .unwrap_or("test")
            .replace("::", ".");
        let folder = runs_folder().join("scratch");
        fs::create_dir_all(&folder).unwrap();
        let prefix = format!("{test}-");
        Self(
            tempfile::Builder::new()
                .prefix(&prefix)
                .tempdir_in(folder)
                .unwrap()
                .keep(),
        )
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A path in it.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.0).ok();
        }
    }
}

/// Every file below `folder`, relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .flatten();
    entries
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| entry.path().strip_prefix(folder).unwrap().to_path_buf())
        .collect()
}

/// The first hundred names below `folder`, for a failure's report.
pub(crate) fn listing(folder: &Path) -> String {
    let files = files_below(folder);
    let mut text: String = files
        .iter()
        .take(100)
        .map(|file| format!("    {}\n", file.display()))
        .collect();
    if files.len() > 100 {
        text.push_str(&format!("    … and {} more\n", files.len() - 100));
    }
    text
}

/// Copies a folder with its permissions; links stay links.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let copy = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&copy).unwrap();
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), &copy).unwrap();
        } else {
            fs::copy(entry.path(), &copy).unwrap();
        }
    }
}
