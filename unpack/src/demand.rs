//! Files that are written when the program asks for them.
//!
//! Extension modules and the sources of libraries make up most of many programs, and a run uses few of them. They wait in
//! the executable, which was verified whole before anything started, until something needs them as files. In a one-folder
//! bundle they lie beside it and are checked then.

use crate::error::Restore;
use crate::place::Place;
use crate::{candidates, folder, journal, key, restore};
use payload::{Entry, FormatError, Payload, Placement, Program, Unpack};
use platform::{Directory, FileStamp};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What makes a package of a folder.
const PACKAGE: &str = "__init__.py";

/// A program's files that are written on demand. Shared by threads.
#[derive(Debug)]
pub struct Demand {
    payload: Payload<'static>,
    folder: PathBuf,
    kind: Kind,
    open: OnceLock<Option<Open>>,
}

/// How the files got on disk.
#[derive(Debug)]
enum Kind {
    /// They are unpacked, for this run alone or also for later ones.
    Unpacked { reused: bool },
    /// They lie beside the executable. Where notes of them go is looked for when there is one.
    Beside(Box<Program>),
}

/// What is needed once something is asked for.
#[derive(Debug)]
struct Open {
    files: Files,
    /// The journal's name, where files are used again by later runs.
    journal: Option<String>,
    state: Mutex<State>,
}

/// Where files are, and where the journal of them is.
#[derive(Debug)]
enum Files {
    Unpacked(Place),
    Beside {
        directory: Directory,
        private: Option<Directory>,
    },
}

#[derive(Debug)]
struct State {
    /// Of files that an earlier run wrote.
    known: HashMap<u32, FileStamp>,
    /// Entries that this process has made sure of.
    done: HashSet<u32>,
}

/// Why a file could not be had.
#[derive(Debug)]
pub enum DemandError {
    /// The executable contradicts itself.
    Damaged(FormatError),
    /// The file could not be written.
    Write {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The file lies beside the executable and is missing or not what was packed.
    Beside {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
}

impl fmt::Display for DemandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(error) => error.fmt(f),
            Self::Write { file, error } => {
                write!(f, "cannot unpack `{}`: {error}", file.display())
            }
            Self::Beside { file, error } => {
                write!(f, "`{}` is damaged: {error}", file.display())
            }
        }
    }
}

impl std::error::Error for DemandError {}

impl From<FormatError> for DemandError {
    fn from(error: FormatError) -> Self {
        Self::Damaged(error)
    }
}

impl Demand {
    /// Files of `payload` in `folder`, which [`crate::ready`] made. Touches no file yet.
    #[must_use]
    pub fn new(payload: Payload<'static>, program: &Program, folder: &Path) -> Self {
        Self {
            payload,
            folder: folder.to_owned(),
            kind: match program.contents_directory {
                Some(_) => Kind::Beside(Box::new(program.clone())),
                None => Kind::Unpacked {
                    reused: program.unpack == Unpack::Reuse,
                },
            },
            open: OnceLock::new(),
        }
    }

    /// Makes sure that the files at `paths` in the bundle are on disk and right, those of them that wait to be asked for.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn files<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Result<(), DemandError> {
        let mut entries = Vec::new();
        for path in paths {
            entries.extend(self.payload.find(path)?);
        }
        self.ensure(entries)
    }

    /// As [`Demand::files`], for one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, path: &str) -> Result<(), DemandError> {
        self.files(std::iter::once(path))
    }

    /// Makes the folder of a package and those in it, as far as files wait there: programs look whether there is one, of
    /// plug-ins say, before they list it.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn folder(&self, folder: &str) -> Result<(), DemandError> {
        if matches!(self.kind, Kind::Beside(_)) {
            return Ok(());
        }
        let prefix = format!("{folder}/");
        let mut folders = BTreeSet::new();
        let mut from = prefix.clone();
        // What lies deeper is passed over: it comes when it is imported.
        'below: loop {
            for entry in self.payload.entries_from(&from)? {
                let entry = entry?;
                let Some(name) = entry.path.strip_prefix(&prefix) else {
                    break 'below;
                };
                let below = name.split_once('/').map(|(below, _)| below);
                if entry.placement == Placement::Demand {
                    let below = below.map_or(String::new(), |below| format!("{below}/"));
                    folders.insert(format!("{prefix}{below}"));
                }
                if let Some(below) = below {
                    // The first name behind all that begin with `below/`.
                    from = format!("{prefix}{below}0");
                    continue 'below;
                }
            }
            break;
        }
        if folders.is_empty() {
            return Ok(());
        }
        if let Some(open) = self.open() {
            // Mostly an earlier start has made them. A link, which a slash at the end would follow, is no folder.
            let stamp = |folder: &str| open.files.directory().stamp(folder.trim_end_matches('/'));
            folders.retain(|folder| !stamp(folder).is_ok_and(|stamp| stamp.is_folder()));
        }
        self.make(&folders)
    }

    fn make(&self, folders: &BTreeSet<String>) -> Result<(), DemandError> {
        let Some(open) = self.open() else {
            return Ok(());
        };
        for folder in folders {
            let made = open.files.directory().make_parents(folder);
            made.map_err(|error| self.failed(folder, error))?;
        }
        Ok(())
    }

    /// Makes sure of all files and folders directly in `folder` of the bundle (the root when it is empty), for programs
    /// that list it, and of what makes packages of the folders in it.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn files_in(&self, folder: &str) -> Result<(), DemandError> {
        if matches!(self.kind, Kind::Beside(_)) {
            // They are there, and checked when one is opened.
            return Ok(());
        }
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let (mut files, mut folders) = (Vec::new(), BTreeSet::new());
        for entry in self.payload.entries_from(&prefix)? {
            let entry = entry?;
            let Some(name) = entry.path.strip_prefix(&prefix) else {
                break;
            };
            match name.split_once('/') {
                None => files.push(entry),
                Some((below, name)) if entry.placement == Placement::Demand => {
                    folders.insert(format!("{prefix}{below}/"));
                    if name == PACKAGE {
                        files.push(entry);
                    }
                }
                Some(_) => {}
            }
        }
        self.make(&folders)?;
        self.ensure(files)
    }

    /// As [`Demand::file`] for a distribution's RECORD, and all files that it lists: programs look whether they are there.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn listed_in(&self, record: &str) -> Result<(), DemandError> {
        if matches!(self.kind, Kind::Beside(_)) {
            return self.file(record);
        }
        let Some(entry) = self.payload.find(record)? else {
            return Ok(());
        };
        let content = entry.content()?;
        let text = String::from_utf8_lossy(&content);
        // A path with a comma is quoted; it is written when it is opened.
        let paths = text.lines().filter_map(|line| line.split(',').next());
        self.files(paths.chain([record]))
    }

    fn ensure(&self, mut entries: Vec<Entry<'_>>) -> Result<(), DemandError> {
        entries.retain(|entry| entry.placement == Placement::Demand);
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let path = first.path;
        let open = self.open();
        let open = open.ok_or_else(|| self.failed(path, io::ErrorKind::NotFound.into()))?;
        open.ensure(entries).map_err(|(path, error)| match error {
            Restore::Damaged(error) => DemandError::Damaged(error),
            Restore::Directory(error) => self.failed(&path, error),
        })
    }

    fn open(&self) -> Option<&Open> {
        self.open
            .get_or_init(|| Open::new(&self.folder, &self.kind, &self.payload))
            .as_ref()
    }

    fn failed(&self, path: &str, error: io::Error) -> DemandError {
        let file = self.folder.join(path);
        match self.kind {
            Kind::Unpacked { .. } => DemandError::Write { file, error },
            Kind::Beside(_) => DemandError::Beside { file, error },
        }
    }
}

impl Files {
    fn directory(&self) -> &Directory {
        match self {
            Self::Unpacked(place) => &place.directory,
            Self::Beside { directory, .. } => directory,
        }
    }

    fn base(&self) -> Option<&Directory> {
        match self {
            Self::Unpacked(place) => Some(&place.base),
            Self::Beside { private, .. } => private.as_ref(),
        }
    }
}

impl Open {
    fn new(folder: &Path, kind: &Kind, payload: &Payload<'_>) -> Option<Self> {
        let (files, journal) = match kind {
            Kind::Unpacked { reused } => {
                let place = Place::open(folder)?;
                let journal = reused.then(|| journal::name(&place.key));
                (Files::Unpacked(place), journal)
            }
            Kind::Beside(program) => {
                let directory = Directory::open(folder).ok()?;
                let name = folder::name_in(&directory, &key(payload, &program.id));
                let private = candidates::any(program);
                (
                    Files::Beside { directory, private },
                    Some(journal::name(&name)),
                )
            }
        };
        let known = files
            .base()
            .zip(journal.as_ref())
            .map(|(base, name)| journal::read(base, name))
            .unwrap_or_default();
        let state = State {
            known,
            done: HashSet::new(),
        };
        Some(Self {
            files,
            journal,
            state: Mutex::new(state),
        })
    }

    /// Errors come with the path of the file.
    fn ensure(&self, mut entries: Vec<Entry<'_>>) -> Result<(), (String, Restore)> {
        // Held while files are written: another thread that wants them has to wait for them anyway.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| {
            let stamp = state.known.get(&entry.index);
            !state.done.contains(&entry.index)
                && (stamp.is_none()
                    || self.files.directory().stamp(entry.path).ok().as_ref() != stamp)
        });
        let failed = Mutex::new(String::new());
        let written = restore::in_parallel(&entries, |entry| {
            self.bring(entry).inspect_err(|_| {
                entry
                    .path
                    .clone_into(&mut failed.lock().unwrap_or_else(PoisonError::into_inner));
            })
        });
        let stamps = written.map_err(|error| {
            let path = failed.lock().unwrap_or_else(PoisonError::into_inner);
            (path.clone(), error)
        })?;
        state.done.extend(stamps.iter().map(|(index, _)| *index));
        self.note(&stamps);
        Ok(())
    }

    /// Brings a file of unknown state to what the payload says.
    fn bring(&self, entry: &Entry<'_>) -> Result<FileStamp, Restore> {
        match &self.files {
            Files::Unpacked(place) => place.bring_entry(entry),
            Files::Beside { directory, .. } => Ok(folder::check(directory, entry, None)?),
        }
    }

    /// Without a note the next run hashes the file; that is slower, and no reason to fail.
    fn note(&self, stamps: &[(u32, FileStamp)]) {
        if let Some((base, name)) = self.files.base().zip(self.journal.as_ref())
            && !stamps.is_empty()
        {
            let _ = journal::add(base, name, stamps);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{own, program};
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    struct Scratch {
        _folder: tempfile::TempDir,
        bundle: PathBuf,
        payload: Payload<'static>,
    }

    impl Scratch {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let own = own(&program(folder.path(), "app", b"library"));
            let bundle = folder.path().join("base/app-0");
            fs::create_dir_all(bundle.join("pkg")).unwrap();
            Self {
                _folder: folder,
                bundle,
                payload: own.payload,
            }
        }

        /// A run of the program.
        fn run(&self) -> Demand {
            Demand::new(self.payload, &Program::default(), &self.bundle)
        }

        fn later(&self) -> PathBuf {
            self.bundle.join("pkg/later.py")
        }
    }

    #[test]
    fn a_file_is_written_once_for_all_runs() {
        let scratch = Scratch::new();
        scratch.run().file("pkg/later.py").unwrap();
        assert_eq!(fs::read(scratch.later()).unwrap(), b"later");
        let before = fs::metadata(scratch.later()).unwrap().ino();
        scratch.run().file("pkg/later.py").unwrap();
        assert_eq!(fs::metadata(scratch.later()).unwrap().ino(), before);
    }

    #[test]
    fn listing_a_folder_asks_for_what_lies_in_it() {
        let scratch = Scratch::new();
        fs::remove_dir(scratch.bundle.join("pkg")).unwrap();
        scratch.run().files_in("").unwrap();
        assert!(scratch.bundle.join("pkg").is_dir());
        assert!(!scratch.later().exists());
        scratch.run().files_in("pkg").unwrap();
        assert!(scratch.later().exists());
    }

    #[test]
    fn what_others_put_in_its_place_is_never_taken() {
        let scratch = Scratch::new();
        fs::write(scratch.later(), b"LATER").unwrap();
        scratch.run().file("pkg/later.py").unwrap();
        assert_eq!(fs::read(scratch.later()).unwrap(), b"later");
        // Changed after it was noted: its stamp tells.
        fs::write(scratch.later(), b"LATER").unwrap();
        scratch.run().file("pkg/later.py").unwrap();
        assert_eq!(fs::read(scratch.later()).unwrap(), b"later");
    }

    #[test]
    fn nothing_is_left_beside_the_files() {
        let scratch = Scratch::new();
        fs::create_dir(scratch.later()).unwrap();
        scratch.run().file("pkg/later.py").unwrap();
        assert_eq!(fs::read(scratch.later()).unwrap(), b"later");
        let base = scratch.bundle.parent().unwrap();
        let mut names: Vec<_> = fs::read_dir(base)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["app-0", "app-0.journal"]);
    }

    #[test]
    fn a_folder_that_was_cleaned_away_is_made_again() {
        let scratch = Scratch::new();
        fs::remove_dir(scratch.bundle.join("pkg")).unwrap();
        scratch.run().file("pkg/later.py").unwrap();
        assert!(scratch.later().exists());
    }

    #[test]
    fn other_files_are_none_of_its_business() {
        let scratch = Scratch::new();
        let run = scratch.run();
        for path in ["memory.py", "b.txt", "no/such"] {
            run.file(path).unwrap();
        }
        assert_eq!(fs::read_dir(&scratch.bundle).unwrap().count(), 1);
    }

    #[test]
    fn a_bundle_that_is_gone_is_an_error_that_names_the_file() {
        let scratch = Scratch::new();
        fs::remove_dir_all(&scratch.bundle).unwrap();
        let error = scratch.run().file("pkg/later.py").unwrap_err().to_string();
        assert!(error.contains("pkg/later.py"), "{error}");
    }
}
