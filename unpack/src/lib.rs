//! Files of a payload on disk: where they go, when they are written, and how they are known to be right.
//!
//! The bootloader calls [`ready`] before anything of the program is loaded. What need not be there from the start
//! ([`payload::Placement::Demand`]) the runtime asks of [`Demand`] when the program wants it.
#![forbid(unsafe_code)]

mod candidates;
mod demand;
mod derived;
mod each;
mod error;
mod folder;
mod journal;
mod leftovers;
mod place;
mod progress;
mod record;
mod restore;
mod shared;

pub use demand::{Demand, DemandError};
pub use derived::{Derived, Origin};
pub use each::leave;
pub use error::Failure;
pub use progress::Progress;

use payload::{Payload, Program, Unpack};
use platform::FileStamp;
use platform::directory::Lock;
use std::path::PathBuf;

/// The executable that a program's files come from.
#[derive(Debug)]
pub struct Executable {
    /// Absolute path.
    pub path: PathBuf,
    /// What tells one state of the file from another.
    pub stamp: FileStamp,
    /// What it carries. Its footer is known to be sound; nothing else is.
    pub payload: Payload<'static>,
}

/// A program's files, there and right.
#[derive(Debug)]
pub struct Ready {
    /// The folder that holds them: `sys._MEIPASS`.
    pub folder: PathBuf,
    /// Held while the program lives, so that nobody removes the folder; a one-folder bundle needs none.
    pub in_use: Option<Lock>,
}

/// Makes sure that the files which must be there when a program starts are there and right.
///
/// # Errors
/// When the executable is damaged, or no directory can take the files. Nothing of the program has run then.
pub fn ready(
    executable: &Executable,
    program: &Program,
    progress: &Progress,
) -> Result<Ready, Failure> {
    match (&program.contents_directory, program.unpack) {
        (Some(name), _) => folder::ready(executable, program, name, progress),
        (None, Unpack::Reuse) => shared::ready(executable, program, progress),
        (None, Unpack::Each) => each::ready(executable, program, progress),
    }
}

impl Executable {
    /// See [`key`].
    fn key(&self, id: &str) -> String {
        key(&self.payload, id)
    }

    /// Checks every byte of the file.
    fn verify(&self, progress: &Progress) -> Result<(), Failure> {
        progress.expect(self.payload.prefix_length() + self.payload.payload_length());
        let length = self.payload.payload_length();
        self.payload
            .verify_with(restore::threads_for(length), &|bytes| {
                progress.advance(bytes);
            })
            .map_err(Failure::Damaged)
    }
}

/// `<app id>-<first half of the content's hash>`: names what belongs to this payload and no other.
fn key(payload: &Payload<'_>, id: &str) -> String {
    use std::fmt::Write;
    let mut key = directory_name(id);
    key.push('-');
    for byte in &payload.content_hash()[..KEY_BYTES] {
        let _ = write!(key, "{byte:02x}");
    }
    key
}

/// Bytes of a content hash in a directory's name.
const KEY_BYTES: usize = 8;

/// `id` as a part of a directory's name.
fn directory_name(id: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    id.chars().take(64).map(safe).collect()
}

/// Tells apart what several processes make at the same time. Process numbers do not: containers may share a directory.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

/// What follows the key of any version of the app `id` in a directory's name; `None` for names of other apps.
fn after_key<'a>(name: &'a str, id: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(id)?.strip_prefix('-')?;
    let (hash, rest) = rest.split_at_checked(2 * KEY_BYTES)?;
    hash.bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(rest)
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_an_apps_directories_are_told_from_those_of_others() {
        assert_eq!(after_key("app-0123456789abcdef", "app"), Some(""));
        assert_eq!(
            after_key("app-0123456789abcdef.run-1", "app"),
            Some(".run-1")
        );
        assert_eq!(after_key("app-two-0123456789abcdef", "app"), None);
        assert_eq!(after_key("app-short", "app"), None);
    }

    #[test]
    fn any_id_makes_one_name() {
        assert_eq!(directory_name("../a b/é"), ".._a_b__");
    }
}
