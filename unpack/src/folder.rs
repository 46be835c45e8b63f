//! One-folder bundles: the files lie beside the executable and are checked there, those that a start needs before anything
//! of the program is loaded, the others when it asks for them (see `demand`).

use crate::progress::Progress;
use crate::record::Record;
use crate::{Executable, Failure, Ready, candidates, restore};
use payload::{Entry, Placement, Program};
use platform::{Directory, FileStamp};
use std::io;
use std::path::{Path, PathBuf};

/// Makes sure that the files which a start needs are what was packed, and returns the folder. What was found is remembered
/// in a private directory, so that later starts need not hash what has not changed since.
pub(crate) fn ready(
    own: &Executable,
    program: &Program,
    name: &str,
    progress: &Progress,
) -> Result<Ready, Failure> {
    let path = own.path.parent().unwrap_or(Path::new("/")).join(name);
    let damaged = |file: &Path, reason: String| Failure::DamagedFile {
        file: file.to_owned(),
        reason,
    };
    let folder = Directory::open(&path).map_err(|error| {
        // Its name may be what is damaged.
        match own.payload.verify_index() {
            Err(error) => Failure::Damaged(error),
            Ok(()) => damaged(&path, error.to_string()),
        }
    })?;
    let private = candidates::any(program);
    let record_name = format!("{}.record", name_in(&folder, &own.key(&program.id)));
    let known = private
        .as_ref()
        .and_then(|private| Record::read(private, &record_name));
    let known = known.filter(|record| record.knows(&own.stamp));
    if known
        .as_ref()
        .is_some_and(|known| known.holds(&folder, &own.payload))
    {
        return Ok(there(path));
    }
    if known.is_none() {
        own.verify(progress)?;
    }
    let mut record = Record::new();
    record.add(own.stamp);
    let mut entries = Vec::new();
    for entry in own.payload.entries() {
        let entry = entry.map_err(Failure::Damaged)?;
        match entry.placement {
            Placement::File => entries.push(entry),
            Placement::Demand => is_there(&folder, &entry)
                .map_err(|error| damaged(&path.join(entry.path), error.to_string()))?,
            Placement::Memory => {}
        }
    }
    let mut files = restore::in_parallel(&entries, |entry| {
        let before = known.as_ref().and_then(|known| known.file(entry.index));
        check(&folder, entry, before)
            .map_err(|error| damaged(&path.join(entry.path), error.to_string()))
    })?;
    files.sort_by_key(|(index, _)| *index);
    record.complete(files);
    if let Some(private) = private {
        // Without a record the next start checks everything again; that is slower, and no reason not to start.
        let _ = record.write(&private, &record_name);
    }
    Ok(there(path))
}

fn there(path: PathBuf) -> Ready {
    Ready {
        folder: path,
        in_use: None,
    }
}

/// What belongs to the payload `key` in this place: a copy elsewhere has files of its own.
pub(crate) fn name_in(folder: &Directory, key: &str) -> String {
    let (device, number) = folder
        .stamp(".")
        .map(|stamp| stamp.file)
        .unwrap_or_default();
    format!("{key}.{device:x}-{number:x}")
}

/// A copy of the folder that is not complete is noticed at once: a file that is missing or has another length.
fn is_there(folder: &Directory, entry: &Entry<'_>) -> io::Result<()> {
    let stamp = folder.stamp(entry.path)?;
    if stamp.is_file() && stamp.size == entry.size {
        return Ok(());
    }
    Err(changed())
}

fn changed() -> io::Error {
    let reason = "it is not the file that was packed";
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Checks one file, unless its stamp is the one it had when it was checked before.
///
/// # Errors
/// When it is missing, cannot be read, or is not what was packed.
pub(crate) fn check(
    folder: &Directory,
    entry: &Entry<'_>,
    before: Option<&FileStamp>,
) -> io::Result<FileStamp> {
    let stamp = folder.stamp(entry.path)?;
    if before == Some(&stamp) {
        return Ok(stamp);
    }
    let mut file = folder.open_file(entry.path)?;
    let stamp = FileStamp::of(&file)?;
    if stamp.is_file() && stamp.size == entry.size && entry.matches(&mut file)? {
        Ok(stamp)
    } else {
        Err(changed())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{beside, own};
    use crate::{Demand, DemandError, Executable};
    use std::fs;
    use tempfile::TempDir;

    struct Bundle {
        scratch: TempDir,
        own: Executable,
        program: Program,
    }

    impl Bundle {
        fn new() -> Self {
            let scratch = tempfile::tempdir().unwrap();
            fs::create_dir(scratch.path().join("tmp")).unwrap();
            let program = Program {
                id: "app".into(),
                contents_directory: Some("files".into()),
                runtime_tmpdir: Some(scratch.path().join("tmp").to_str().unwrap().into()),
                ..Program::default()
            };
            let own = own(&beside(scratch.path(), &program));
            Self {
                scratch,
                own,
                program,
            }
        }

        fn start(&self) -> Result<Ready, Failure> {
            ready(&self.own, &self.program, "files", &Progress::new(None))
        }

        fn file(&self, name: &str) -> PathBuf {
            self.scratch.path().join("files").join(name)
        }

        /// What a run that asks for `name` gets.
        fn ask(&self, name: &str) -> Result<(), DemandError> {
            Demand::new(self.own.payload, &self.program, &self.file("")).file(name)
        }
    }

    #[test]
    fn what_a_start_needs_is_checked_before_and_the_rest_when_it_is_asked_for() {
        let bundle = Bundle::new();
        assert_eq!(bundle.start().unwrap().folder, bundle.file(""));
        bundle.ask("pkg/later.py").unwrap();
        // Of the same size, before any note of it and after.
        fs::write(bundle.file("pkg/later.py"), b"LATER").unwrap();
        bundle.start().unwrap();
        let error = bundle.ask("pkg/later.py").unwrap_err().to_string();
        assert!(error.contains("pkg/later.py` is damaged"), "{error}");
        fs::write(bundle.file("lib/a.so"), b"LIBRARY").unwrap();
        assert!(matches!(
            bundle.start(),
            Err(Failure::DamagedFile { file, .. }) if file == bundle.file("lib/a.so")
        ));
    }

    #[test]
    fn nothing_is_written_beside_the_executable() {
        let bundle = Bundle::new();
        bundle.start().unwrap();
        fs::remove_file(bundle.file("pkg/later.py")).unwrap();
        bundle.start().unwrap();
        assert!(bundle.ask("pkg/later.py").is_err());
        assert!(!bundle.file("pkg/later.py").exists());
        fs::write(bundle.file("pkg/later.py"), b"later").unwrap();
        fs::remove_file(bundle.file("lib/a.so")).unwrap();
        assert!(bundle.start().is_err());
        assert!(!bundle.file("lib/a.so").exists());
    }

    #[test]
    fn a_copy_that_is_not_complete_is_noticed_at_the_first_start() {
        let bundle = Bundle::new();
        fs::write(bundle.file("pkg/later.py"), b"late").unwrap();
        assert!(matches!(bundle.start(), Err(Failure::DamagedFile { .. })));
        fs::remove_file(bundle.file("pkg/later.py")).unwrap();
        assert!(matches!(bundle.start(), Err(Failure::DamagedFile { .. })));
    }

    #[test]
    fn a_copy_elsewhere_has_notes_of_its_own() {
        let bundle = Bundle::new();
        let key = bundle.own.key("app");
        let name = |folder: &Path| name_in(&Directory::open(folder).unwrap(), &key);
        let here = name(&bundle.file(""));
        assert!(here.starts_with(&key));
        assert_ne!(here, name(bundle.scratch.path()));
    }
}
