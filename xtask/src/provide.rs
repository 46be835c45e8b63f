//! `cargo xtask provide`: what the later steps of a whole run need and takes long to make.
//!
//! Tests mostly wait, for clocks and for each other, so a whole run makes these things beside them, in a process that gets a
//! processor only where nobody else wants it. A step that finds its things made does not make them again; one that does
//! not, because this failed, makes them itself and tells why it cannot.

use crate::setup::{self, step};
use crate::{dist, fuzz, kits, test};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ends the process, and all that it started, when its input does: with who started it, however that ends.
const BESIDE: &str = "--beside";

/// Gives the processes of a group the priority that others have; those that they start have it, too.
const AS_OTHERS: &str =
    r#"for id in $(pgrep -g "$0"); do chrt --all-tasks --other --pid 0 "$id"; done"#;

/// What it is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// `cargo xtask test`: a free-threaded CPython, the kits, Wine, `target/dist/pack`.
    Tests,
    /// `cargo xtask fuzz`: its targets.
    Fuzzing,
}

impl For {
    const fn word(self) -> &'static str {
        match self {
            Self::Tests => "test",
            Self::Fuzzing => "fuzz",
        }
    }

    /// In the order in which it is needed. What fails leaves the rest unmade, and is tried again by who needs it.
    fn make(self) -> Result<()> {
        if self == Self::Fuzzing {
            return fuzz::build_all();
        }
        setup::judges();
        test::free_threaded_python(&[])?;
        kits::build(&kits::Options::of(kits::HOST))?;
        if test::has_wine(&[])? {
            kits::build(&kits::Options::of(kits::WINDOWS))?;
        }
        dist::build().map(drop)
    }
}

/// Reads `test` or `fuzz` and makes what is missing for that.
///
/// # Errors
/// On any other word, or when something cannot be made.
pub(crate) fn command(words: &[&str]) -> Result<()> {
    let (beside, words) = match words {
        [BESIDE, words @ ..] => (true, words),
        _ => (false, words),
    };
    let all = [For::Tests, For::Fuzzing];
    let [word] = words else {
        bail!("`cargo xtask provide` needs one word: test or fuzz");
    };
    let Some(what) = all.into_iter().find(|what| what.word() == *word) else {
        bail!("`cargo xtask provide` knows test and fuzz, not {word}");
    };
    if beside {
        std::thread::spawn(end_with_input);
    }
    what.make()
}

fn end_with_input() {
    // Nothing is written to it; an error is an end, too.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TERM);
}

/// The process that makes it. Ends when this is dropped.
pub(crate) struct Provider {
    what: For,
    child: Child,
    log: PathBuf,
}

/// Begins to make what is missing. None where that cannot be done: it is made when it is needed then.
pub(crate) fn begin(what: For) -> Option<Provider> {
    let log = setup::target().join("provide.log");
    match start(what, &log) {
        Ok(child) => Some(Provider { what, child, log }),
        Err(error) => {
            println!("    nothing is made ahead of time: {error:#}");
            None
        }
    }
}

fn start(what: For, log: &Path) -> Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let file = File::create(log).with_context(|| format!("could not write {}", log.display()))?;
    Command::new("chrt")
        .args(["--idle", "0"])
        .arg(std::env::current_exe()?)
        .args(["provide", BESIDE, what.word()])
        // The signals of a terminal come to who started it.
        .process_group(0)
        .stdin(Stdio::piped())
        .stderr(file.try_clone()?)
        .stdout(file)
        .spawn()
        .context("could not start `chrt` (util-linux)")
}

impl Provider {
    /// Waits until all is made, or cannot be, and shows what was said meanwhile.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) fn wait(mut self) -> Result<()> {
        step(match self.what {
            For::Tests => "what was made meanwhile: CPython without a GIL, kits, Wine, pack",
            For::Fuzzing => "what was made meanwhile: fuzz targets",
        });
        // Nobody is to be left time for any more, and another program may take all there is.
        let _ = Command::new("sh")
            .args(["-c", AS_OTHERS])
            .arg(self.child.id().to_string())
            .stderr(Stdio::null())
            .status();
        // `Child::wait` would close its input.
        while self.child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(200));
        }
        print!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        Ok(())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
