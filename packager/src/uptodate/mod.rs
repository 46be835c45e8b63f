//! Whether what a build would make is there already.
//!
//! A build that has succeeded leaves a note in the cache: what identifies it, everything that it looked at (see
//! [`inputs`]), the stamps of what it made, and what it told. When a later build is the same one and all
//! of that still holds, there is nothing to be done, and no interpreter to be asked. Whatever is not sure is built.

mod identity;
#[cfg(test)]
mod tests;

use crate::cache::{self, Key};
use crate::configure::environment::Environment;
use crate::inputs::{Comparison, Inputs, Stamp};
use crate::plan::{BuildPlan, BundleMode};
use crate::{Made, inputs};
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how long each time, the clock of the file system is waited for: it ticks every ten milliseconds or
/// more often, and less often in a virtual machine that is kept waiting itself.
const TICKS: (u32, Duration) = (150, Duration::from_millis(2));

/// The note about one output.
#[derive(Debug)]
pub struct Note {
    path: PathBuf,
    identity: Key,
    /// What the build itself makes that was not there before.
    made: BTreeSet<PathBuf>,
}

/// Why there is something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// No build is known that made this output.
    Unknown,
    /// The last one had other settings, was by another `pack`, in another environment, or before the last restart.
    Different,
    /// Something it looked at has changed, or was changed while it was looked at.
    Input(PathBuf),
    /// What it made is no longer as it was.
    Output(PathBuf),
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no earlier build of this is known"),
            Self::Different => f.write_str(
                "the last build had other settings, another environment or another pack, or the system was restarted",
            ),
            Self::Input(path) => write!(f, "`{}` has changed", path.display()),
            Self::Output(path) => {
                write!(f, "`{}` is not what the last build made", path.display())
            }
        }
    }
}

impl Note {
    /// The note about what `plan` makes; `None` when the build keeps nothing for later ones.
    #[must_use]
    pub fn about(plan: &BuildPlan, environment: &Environment) -> Option<Self> {
        let folder = plan.cache_dir.as_deref()?;
        let output = plan.output();
        let made = missing_above(&output)
            .chain(missing_above(folder))
            .chain([output.clone()])
            .collect();
        Some(Self {
            path: cache::note_path(folder, &output.to_string_lossy()),
            identity: identity::of(plan, environment)?,
            made,
        })
    }

    /// What the build makes that was not there before.
    #[must_use]
    pub fn made(&self) -> BTreeSet<PathBuf> {
        self.made.clone()
    }

    /// What the last build made and told, when all of it still holds.
    ///
    /// # Errors
    /// Why there is something to be done.
    pub fn unchanged(&self) -> Result<Made, Stale> {
        let content = cache::read_checked(&self.path).ok_or(Stale::Unknown)?;
        let (identity, rest) = content.split_first_chunk().ok_or(Stale::Unknown)?;
        if *identity != self.identity {
            return Err(Stale::Different);
        }
        let [told, seen, output] = parts(rest).ok_or(Stale::Unknown)?;
        let made: Made = serde_json::from_slice(told).map_err(|_| Stale::Unknown)?;
        // The output is little: it comes first.
        if let Comparison::Changed(path) = decode(output)?.compare() {
            return Err(Stale::Output(path));
        }
        match decode(seen)?.compare() {
            Comparison::Changed(path) => Err(Stale::Input(path)),
            Comparison::Same(settled) => {
                if let Some(settled) = settled {
                    // Only to make the next look cheaper.
                    let content = self.content(told, &settled.encode(), output);
                    let _ = cache::write_checked(&self.path, &content);
                }
                Ok(made)
            }
        }
    }

    /// Forgets what is known, before it becomes untrue.
    pub fn forget(&self) {
        // A note that stays does not fit the output that is made now.
        let _ = std::fs::remove_file(&self.path);
    }

    /// Keeps what a build has looked at, made and told. Nothing is kept when that could not be relied on.
    ///
    /// # Errors
    /// When the cache cannot be written to.
    pub fn keep(&self, plan: &BuildPlan, made: &Made, seen: &Inputs) -> io::Result<()> {
        let (Ok(told), Ok(output)) = (serde_json::to_vec(made), output_of(plan, made)) else {
            return Ok(());
        };
        if !ticks_after(&self.path, &output)? {
            return Ok(());
        }
        let content = self.content(&told, &seen.encode(), &output.encode());
        cache::write_checked(&self.path, &content)
    }

    fn content(&self, told: &[u8], seen: &[u8], output: &[u8]) -> Vec<u8> {
        let mut content = self.identity.to_vec();
        for part in [told, seen, output] {
            content.extend((part.len() as u64).to_le_bytes());
            content.extend(part);
        }
        content
    }
}

/// `path` and the folders above it, as far as they are not there.
fn missing_above(path: &Path) -> impl Iterator<Item = PathBuf> {
    let missing = path.ancestors().take_while(|path| !path.exists());
    missing.map(Path::to_owned).collect::<Vec<_>>().into_iter()
}

fn parts(mut bytes: &[u8]) -> Option<[&[u8]; 3]> {
    let mut parts = [&[][..]; 3];
    for part in &mut parts {
        let (length, rest) = bytes.split_first_chunk()?;
        (*part, bytes) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    }
    bytes.is_empty().then_some(parts)
}

fn decode(bytes: &[u8]) -> Result<Inputs, Stale> {
    Inputs::decode(bytes).ok_or(Stale::Unknown)
}

fn output_of(plan: &BuildPlan, made: &Made) -> io::Result<Inputs> {
    match (plan.mode, &made.output.folder) {
        (BundleMode::OneDir, Some(folder)) => Inputs::of(folder),
        _ => Inputs::of(&made.output.executable),
    }
}

/// Waits until a file written now is newer than all of `output`: whoever writes to the output after this build gives it
/// another stamp then. False when that takes too long, as on a file system that counts seconds.
fn ticks_after(path: &Path, output: &Inputs) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut probe = tempfile::tempfile_in(folder)?;
    for _ in 0..TICKS.0 {
        probe.rewind()?;
        probe.write_all(b"now")?;
        if output.are_older_than(&Stamp::of(&probe.metadata()?)) {
            return Ok(true);
        }
        std::thread::sleep(TICKS.1);
    }
    Ok(false)
}

/// What identifies the program that is running, noted as an input: kits may lie inside it.
pub fn note_program() {
    if let Ok(program) = std::env::current_exe() {
        inputs::note_path(&program);
    }
}
