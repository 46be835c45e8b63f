//! Notes what the threads of a build look at.

use super::facet::{Facet, Hash, Inputs, Kind, Proof, hash_of, names_in};
use super::stamp::Stamp;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The work would have the main thread's stack otherwise, which has this size on Linux.
const STACK: usize = 8 << 20;

thread_local! {
    /// Who notes what this thread looks at.
    static CURRENT: RefCell<Option<Arc<Recorder>>> = const { RefCell::new(None) };
}

/// What came of [`record`].
#[derive(Debug)]
pub struct Recording<T> {
    /// The result of the work.
    pub result: T,
    /// What it looked at; `None` when something of that cannot be told again.
    pub inputs: Option<Inputs>,
}

/// Runs `work` on threads of its own and notes what it looks at. It makes what is in `made`, which is no input.
pub fn record<T: Send>(made: BTreeSet<PathBuf>, work: impl FnOnce() -> T + Send) -> Recording<T> {
    let recorder = Arc::new(Recorder {
        since: SystemTime::now(),
        made,
        notes: Mutex::default(),
    });
    let own = Arc::clone(&recorder);
    let pool = rayon::ThreadPoolBuilder::new()
        .stack_size(STACK)
        .start_handler(move |_| set(Some(&own)))
        .build();
    match pool {
        Ok(pool) => Recording {
            result: pool.install(work),
            inputs: recorder.inputs(),
        },
        // No threads to be had: it can still be done on this one.
        Err(_) => Recording {
            result: work(),
            inputs: None,
        },
    }
}

/// Makes other threads note for whom this one does: the `start_handler` of a thread pool.
pub fn carry() -> impl Fn(usize) + Send + Sync + 'static {
    let current = CURRENT.with_borrow(Clone::clone);
    move |_| set(current.as_ref())
}

fn set(recorder: Option<&Arc<Recorder>>) {
    CURRENT.with_borrow_mut(|current| *current = recorder.cloned());
}

pub(super) fn note(look: impl FnOnce(&Recorder)) {
    // Not borrowed while `look` runs, which may look at more.
    if let Some(recorder) = CURRENT.with_borrow(Clone::clone) {
        look(&recorder);
    }
}

pub(super) struct Recorder {
    /// A stamp that was settled then stands for the content that was read later.
    since: SystemTime,
    made: BTreeSet<PathBuf>,
    notes: Mutex<Notes>,
}

/// Of each path what was seen first: had it changed until the second look, the next build would see that.
#[derive(Default)]
struct Notes {
    files: HashMap<PathBuf, (Stamp, Proof)>,
    folders: HashMap<PathBuf, (Stamp, Hash)>,
    kinds: HashMap<PathBuf, Kind>,
    targets: HashMap<PathBuf, Option<PathBuf>>,
    lost: bool,
}

impl Recorder {
    pub(super) fn file(&self, path: &Path, stamp: Stamp, content: Option<&[u8]>) {
        let proof = match content {
            _ if stamp.is_settled(self.since) => Proof::Stamp,
            Some(content) => Proof::Content(hash_of(content)),
            None => Proof::Nothing,
        };
        let mut notes = self.notes();
        match notes.files.get_mut(path) {
            None => {
                notes.files.insert(path.to_owned(), (stamp, proof));
            }
            // Looked at, and read now.
            Some(known) if *known == (stamp, Proof::Nothing) => known.1 = proof,
            Some((known, Proof::Content(hash))) if *known == stamp => {
                // Read twice within a tick, and not the same.
                if matches!(proof, Proof::Content(other) if other != *hash) {
                    notes.lost = true;
                }
            }
            Some(_) => {}
        }
    }

    /// Whether a file was looked at that may change without a trace.
    pub(super) fn lacks_proof(&self, path: &Path) -> bool {
        let notes = self.notes();
        let known = notes.files.get(path);
        known.is_some_and(|(_, proof)| *proof == Proof::Nothing)
    }

    pub(super) fn folder(&self, path: &Path, stamp: Stamp, entries: &[DirEntry]) {
        for entry in entries {
            // A link may lead to something else without a change in this folder.
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                let path = entry.path();
                self.kind(&path, Kind::at(&path));
            }
        }
        let names = names_in(path, entries, &self.made);
        let mut notes = self.notes();
        match notes.folders.get(path) {
            None => {
                notes.folders.insert(path.to_owned(), (stamp, names));
            }
            Some((_, known)) if *known != names => notes.lost = true,
            Some(_) => {}
        }
    }

    pub(super) fn kind(&self, path: &Path, kind: Kind) {
        let mut notes = self.notes();
        if !notes.kinds.contains_key(path) && !self.made.contains(path) {
            notes.kinds.insert(path.to_owned(), kind);
        }
    }

    pub(super) fn target(&self, path: &Path, target: Option<&Path>) {
        let mut notes = self.notes();
        if !notes.targets.contains_key(path) {
            notes
                .targets
                .insert(path.to_owned(), target.map(Path::to_owned));
        }
    }

    /// Something was there and could not be read.
    pub(super) fn lose(&self, _path: &Path) {
        self.notes().lost = true;
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inputs(&self) -> Option<Inputs> {
        let notes = std::mem::take(&mut *self.notes());
        if notes.lost {
            return None;
        }
        let mut seen: Vec<(PathBuf, Facet)> = Vec::with_capacity(notes.files.len());
        // A file or folder that is looked at as one is seen to be one.
        let implied = |path: &PathBuf, kind: Kind| match kind {
            Kind::File => notes.files.contains_key(path),
            Kind::Folder => notes.folders.contains_key(path),
            Kind::Absent | Kind::Other => false,
        };
        let kinds = notes.kinds.iter();
        seen.extend(
            kinds
                .filter(|(path, kind)| !implied(path, **kind))
                .map(|(path, kind)| (path.clone(), Facet::Kind(*kind))),
        );
        seen.extend(
            notes
                .files
                .into_iter()
                .map(|(path, (stamp, proof))| (path, Facet::File(stamp, proof))),
        );
        let since = self.since;
        seen.extend(notes.folders.into_iter().map(|(path, (stamp, names))| {
            (path, Facet::Folder(stamp, names, stamp.is_settled(since)))
        }));
        seen.extend(
            notes
                .targets
                .into_iter()
                .map(|(path, target)| (path, Facet::Target(target))),
        );
        seen.sort_by(|one, other| one.0.cmp(&other.0));
        Some(Inputs {
            seen,
            made: self.made.clone(),
        })
    }
}
