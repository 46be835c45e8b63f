//! What a program makes of its entries for its later starts, and keeps with its unpacked files: code that it compiled.
//!
//! A file counts only when it says that it was made of the very thing that is asked for, and its content has the hash that
//! was written down with it: a cut or damaged one is as good as none. Against others the private directory stands.

use crate::place::Place;
use payload::{ContentDigest, Program, Unpack};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// In the program's directory, where no entry ever lies.
const FOLDER: &str = ".pack/made";
/// The code of no source that a person wrote is larger.
const MAX: u64 = 256 << 20;

/// Tells what something is made of: a hash of all of that.
pub type Origin = [u8; 32];

/// The kept things of a program. Shared by threads and processes.
#[derive(Debug)]
pub struct Derived {
    folder: Option<PathBuf>,
    place: OnceLock<Option<Place>>,
}

impl Derived {
    /// Of `program`, in `folder`, which [`crate::ready`] made. Where later starts have another folder, and where it may
    /// be changed by others, nothing is kept. Touches no file yet.
    #[must_use]
    pub fn new(program: &Program, folder: &Path) -> Self {
        let private = program.unpack == Unpack::Reuse && program.contents_directory.is_none();
        Self {
            folder: private.then(|| folder.to_owned()),
            place: OnceLock::new(),
        }
    }

    /// What was made of `origin`, if it is there and whole.
    #[must_use]
    pub fn get(&self, origin: &Origin) -> Option<Vec<u8>> {
        let file = self.place()?.directory.open_file(&path(origin)).ok()?;
        let mut content = Vec::new();
        file.take(MAX).read_to_end(&mut content).ok()?;
        let head = content.first_chunk::<64>()?;
        let (made_of, hash) = head.split_at(32);
        let rest = content.get(64..)?;
        if made_of != origin || hash != ContentDigest::of(rest).sha256 {
            return None;
        }
        content.drain(..64);
        Some(content)
    }

    /// Keeps what was made of `origin`. That it cannot be kept costs the next start the work and is no error.
    pub fn keep(&self, origin: &Origin, content: &[u8]) {
        if let Some(place) = self.place() {
            let _ = write(place, origin, content);
        }
    }

    fn place(&self) -> Option<&Place> {
        let folder = self.folder.as_deref()?;
        self.place.get_or_init(|| Place::open(folder)).as_ref()
    }
}

fn write(place: &Place, origin: &Origin, content: &[u8]) -> io::Result<()> {
    let path = path(origin);
    place.directory.make_parents(&path)?;
    place.bring(&path, 0o600, |mut file| {
        file.write_all(origin)?;
        file.write_all(&ContentDigest::of(content).sha256)?;
        file.write_all(content)
    })
}

/// Names of modules are none of files: they may differ in case alone, and be longer.
fn path(origin: &Origin) -> String {
    use std::fmt::Write as _;
    let mut path = format!("{FOLDER}/");
    for byte in &origin[..16] {
        let _ = write!(path, "{byte:02x}");
    }
    path
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    struct Scratch {
        folder: tempfile::TempDir,
        bundle: PathBuf,
    }

    impl Scratch {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let bundle = folder.path().join("app-0");
            fs::create_dir(&bundle).unwrap();
            Self { folder, bundle }
        }

        /// A start of the program.
        fn start(&self) -> Derived {
            Derived::new(&Program::default(), &self.bundle)
        }

        fn file(&self, origin: &Origin) -> PathBuf {
            self.bundle.join(path(origin))
        }
    }

    #[test]
    fn what_was_made_is_there_for_later_starts() {
        let scratch = Scratch::new();
        assert_eq!(scratch.start().get(&[1; 32]), None);
        scratch.start().keep(&[1; 32], b"code");
        assert_eq!(scratch.start().get(&[1; 32]).unwrap(), b"code");
        assert_eq!(scratch.start().get(&[2; 32]), None);
        scratch.start().keep(&[1; 32], b"again");
        assert_eq!(scratch.start().get(&[1; 32]).unwrap(), b"again");
        assert_eq!(fs::read_dir(scratch.folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_damaged_or_made_of_something_else_is_none() {
        let scratch = Scratch::new();
        let start = scratch.start();
        start.keep(&[1; 32], b"code");
        let whole = fs::read(scratch.file(&[1; 32])).unwrap();
        for at in [0, 31, 32, 63, 64, 67] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(scratch.file(&[1; 32]), damaged).unwrap();
            assert_eq!(start.get(&[1; 32]), None, "byte {at}");
        }
        for length in 0..whole.len() {
            fs::write(scratch.file(&[1; 32]), &whole[..length]).unwrap();
            assert_eq!(start.get(&[1; 32]), None, "{length} bytes");
        }
        fs::write(scratch.file(&[1; 32]), &whole).unwrap();
        assert_eq!(start.get(&[1; 32]).unwrap(), b"code");
        // Of another thing, whose name begins alike.
        let mut other = [1; 32];
        other[31] = 2;
        assert_eq!(scratch.file(&other), scratch.file(&[1; 32]));
        assert_eq!(start.get(&other), None);
        // A link leads to what nobody has looked after.
        fs::rename(
            scratch.file(&[1; 32]),
            scratch.folder.path().join("elsewhere"),
        )
        .unwrap();
        std::os::unix::fs::symlink(
            scratch.folder.path().join("elsewhere"),
            scratch.file(&[1; 32]),
        )
        .unwrap();
        assert_eq!(start.get(&[1; 32]), None);
    }

    #[test]
    fn nothing_is_kept_where_a_start_has_a_folder_of_its_own_or_others_may_write() {
        let scratch = Scratch::new();
        let each = Program {
            unpack: Unpack::Each,
            ..Program::default()
        };
        let beside = Program {
            contents_directory: Some("_internal".into()),
            ..Program::default()
        };
        for program in [each, beside] {
            let derived = Derived::new(&program, &scratch.bundle);
            derived.keep(&[1; 32], b"code");
            assert_eq!(derived.get(&[1; 32]), None);
        }
        assert_eq!(fs::read_dir(&scratch.bundle).unwrap().count(), 0);
        scratch.start().keep(&[1; 32], b"code");
        let derived = Derived::new(&Program::default(), &scratch.folder.path().join("gone"));
        derived.keep(&[1; 32], b"code");
        assert_eq!(derived.get(&[1; 32]), None);
    }
}
