//! What was compiled and compressed before, by content.
//!
//! A key is the SHA-256 of everything that decides a result, so nothing in the cache is ever out of date; of a file that
//! is its content, or a stamp that stands for it (see [`inputs`](crate::inputs)). Results are
//! kept in two ways: large ones in a file each, and small ones (thousands of them) together in one file per *shelf*,
//! because creating a file costs as much as compressing what is small. Everything read is checked against a hash; what
//! is damaged is made again. A cache that cannot be used makes a build slower and never fails it.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Changes when the meaning of cached results does.
const VERSION: &str = "v1";
/// A result of this many bytes has a file of its own.
const LARGE: usize = 256 << 10;
/// A shelf that would be larger keeps only what this build used.
const SHELF_LIMIT: usize = 64 << 20;

/// Identifies a result.
pub type Key = [u8; 32];

/// The key of a result that `parts` decide, each of them with a length so that they cannot run into each other.
#[must_use]
pub fn key(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Which results are likely to be used together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Those of the interpreter and its standard library: the same for every application.
    Interpreter,
    /// Those of the application and its distributions.
    App,
}

/// The cache of one build. Shared by threads.
#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    opened: SystemTime,
    interpreter: Mutex<ShelfState>,
    app: Mutex<ShelfState>,
    trouble: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct ShelfState {
    path: PathBuf,
    results: HashMap<Key, (Vec<u8>, bool)>,
    changed: bool,
}

impl Cache {
    /// Opens the cache in `folder`; `None` for none at all. `interpreter` and `app` identify the shelves. With `clean`,
    /// what is there is thrown away first.
    #[must_use]
    pub fn open(folder: Option<&Path>, interpreter: &str, app: &str, clean: bool) -> Self {
        let folder = folder.map(|folder| folder.join(VERSION));
        let mut trouble = None;
        if let Some(folder) = folder.as_ref().filter(|folder| clean && folder.exists())
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            trouble = Some(format!(
                "could not clear the cache `{}`: {error}",
                folder.display()
            ));
        }
        let shelf = |name: &str| {
            let folder = folder.as_ref()?;
            let name = hex(&key(&[name.as_bytes()]));
            Some(ShelfState::load(
                folder.join(format!("{}.shelf", &name[..16])),
            ))
        };
        Self {
            interpreter: Mutex::new(
                shelf(&format!("interpreter {interpreter}")).unwrap_or_default(),
            ),
            app: Mutex::new(shelf(&format!("app {app}")).unwrap_or_default()),
            folder,
            opened: SystemTime::now(),
            trouble: Mutex::new(trouble),
        }
    }

    /// No cache.
    #[must_use]
    pub fn none() -> Self {
        Self::open(None, "", "", false)
    }

    /// When it was opened.
    #[must_use]
    pub fn opened(&self) -> SystemTime {
        self.opened
    }

    /// The result for `key`, if it is there and intact.
    #[must_use]
    pub fn get(&self, shelf: Shelf, key: &Key) -> Option<Vec<u8>> {
        let folder = self.folder.as_ref()?;
        if let Some((result, used)) = self.shelf(shelf).results.get_mut(key) {
            *used = true;
            return Some(result.clone());
        }
        read_checked(&large_path(folder, key))
    }

    /// Keeps `result` for `key`.
    pub fn put(&self, shelf: Shelf, key: &Key, result: &[u8]) {
        let Some(folder) = &self.folder else { return };
        if result.len() < LARGE {
            let mut shelf = self.shelf(shelf);
            shelf.changed = true;
            shelf.results.insert(*key, (result.to_vec(), true));
        } else if let Err(error) = write_checked(&large_path(folder, key), result) {
            self.complain(folder, &error);
        }
    }

    /// Writes what is kept together. Returns what went wrong with the cache, if anything did: worth one warning.
    #[must_use]
    pub fn finish(&self) -> Option<String> {
        if let Some(folder) = &self.folder {
            for shelf in [Shelf::Interpreter, Shelf::App] {
                if let Err(error) = self.shelf(shelf).save() {
                    self.complain(folder, &error);
                }
            }
        }
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn shelf(&self, shelf: Shelf) -> MutexGuard<'_, ShelfState> {
        match shelf {
            Shelf::Interpreter => &self.interpreter,
            Shelf::App => &self.app,
        }
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, folder: &Path, error: &std::io::Error) {
        let text = format!(
            "nothing is kept for the next build: could not write to `{}`: {error}",
            folder.display()
        );
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(text);
    }
}

impl ShelfState {
    fn load(path: PathBuf) -> Self {
        let results = read_checked(&path)
            .and_then(|bytes| decode(&bytes))
            .unwrap_or_default();
        Self {
            path,
            results,
            changed: false,
        }
    }

    fn save(&mut self) -> std::io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let total: usize = self.results.values().map(|(result, _)| result.len()).sum();
        if total > SHELF_LIMIT {
            self.results.retain(|_, (_, used)| *used);
        }
        self.changed = false;
        write_checked(&self.path, &encode(&self.results))
    }
}

/// Key, length, result; sorted, so that the same results make the same file.
fn encode(results: &HashMap<Key, (Vec<u8>, bool)>) -> Vec<u8> {
    let mut sorted: Vec<_> = results.iter().collect();
    sorted.sort_by_key(|(key, _)| **key);
    let mut out = Vec::with_capacity(
        sorted
            .iter()
            .map(|(_, (result, _))| result.len() + 36)
            .sum(),
    );
    for (key, (result, _)) in sorted {
        out.extend(key);
        out.extend((result.len() as u32).to_le_bytes());
        out.extend(result);
    }
    out
}

fn decode(mut bytes: &[u8]) -> Option<HashMap<Key, (Vec<u8>, bool)>> {
    let mut results = HashMap::new();
    while !bytes.is_empty() {
        let (key, rest) = bytes.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (result, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        results.insert(*key, (result.to_vec(), false));
        bytes = rest;
    }
    Some(results)
}

/// Where a build of `output` leaves its note.
pub(crate) fn note_path(folder: &Path, output: &str) -> PathBuf {
    let name = hex(&key(&[b"note", output.as_bytes()]));
    folder.join(VERSION).join(format!("{}.note", &name[..16]))
}

fn large_path(folder: &Path, key: &Key) -> PathBuf {
    let name = hex(key);
    folder.join(&name[..2]).join(&name[2..])
}

/// What follows the hash, when the hash is right.
fn checked(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (hash, content) = bytes.split_first_chunk::<32>()?;
    if *hash != <[u8; 32]>::from(Sha256::digest(content)) {
        return None;
    }
    bytes.drain(..32);
    Some(bytes)
}

/// What [`write_checked`] has written to `path`, when it is there and intact.
pub(crate) fn read_checked(path: &Path) -> Option<Vec<u8>> {
    checked(std::fs::read(path).ok()?)
}

/// Writes hash and content beside `path` and renames: another build at the same time sees all or nothing.
pub(crate) fn write_checked(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&Sha256::digest(content))?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn open(folder: &Path) -> Cache {
        Cache::open(Some(folder), "3.11", "app", false)
    }

    #[test]
    fn results_are_found_again_and_damaged_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let large = vec![7; LARGE + 1];
        let (one, two) = (key(&[b"one"]), key(&[b"two"]));
        let cache = open(folder.path());
        assert_eq!(cache.get(Shelf::App, &one), None);
        cache.put(Shelf::App, &one, b"small");
        cache.put(Shelf::App, &two, &large);
        assert_eq!(cache.finish(), None);

        let again = open(folder.path());
        assert_eq!(again.get(Shelf::App, &one).unwrap(), b"small");
        assert_eq!(again.get(Shelf::Interpreter, &one), None);
        assert_eq!(again.get(Shelf::App, &two).unwrap(), large);

        for file in walkdir::WalkDir::new(folder.path())
            .into_iter()
            .map(Result::unwrap)
        {
            if file.file_type().is_file() {
                let mut bytes = std::fs::read(file.path()).unwrap();
                *bytes.last_mut().unwrap() ^= 1;
                std::fs::write(file.path(), bytes).unwrap();
            }
        }
        let damaged = open(folder.path());
        assert_eq!(damaged.get(Shelf::App, &one), None);
        assert_eq!(damaged.get(Shelf::App, &two), None);
    }

    #[test]
    fn an_unusable_folder_is_one_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "in the way").unwrap();
        let cache = open(&file);
        cache.put(Shelf::App, &key(&[b"x"]), b"small");
        cache.put(Shelf::App, &key(&[b"y"]), &vec![0; LARGE]);
        let warning = cache.finish().unwrap();
        assert!(warning.contains("could not write"), "{warning}");
        assert_eq!(cache.finish(), None);
    }

    #[test]
    fn clean_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(folder.path());
        cache.put(Shelf::App, &key(&[b"x"]), b"small");
        assert_eq!(cache.finish(), None);
        let cleaned = Cache::open(Some(folder.path()), "3.11", "app", true);
        assert_eq!(cleaned.get(Shelf::App, &key(&[b"x"])), None);
    }

    #[test]
    fn parts_of_a_key_do_not_run_into_each_other() {
        assert_ne!(key(&[b"ab", b"c"]), key(&[b"a", b"bc"]));
    }
}
