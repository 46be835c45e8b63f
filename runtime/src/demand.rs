//! Files of the program that are written when it asks for them: at the import of an extension module, and when Python code
//! opens a file of the program or lists one of its folders.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use platform::path::normal;
use unpack::{Demand, DemandError};

use crate::embed::audit::{self, Watch};
use crate::embed::{Attached, Owned, PyResult, Raised};

thread_local! {
    static HUSHED: Cell<bool> = const { Cell::new(false) };
}

/// With `on`, what this thread does asks for nothing.
pub(crate) fn hush(on: bool) {
    HUSHED.set(on);
}

struct Watcher {
    demand: Arc<Demand>,
    meipass: PathBuf,
}

/// From now on, files are there when Python code looks for them.
pub(crate) fn watch(py: Attached<'_>, demand: &Arc<Demand>, meipass: &Path) {
    // Without it, files that are opened by their path are missing; nothing that is imported is.
    let _ = audit::watch(
        py,
        Watcher {
            demand: demand.clone(),
            meipass: meipass.to_owned(),
        },
    );
}

impl Watch for Watcher {
    const EVENTS: &'static [(&'static [u8], usize)] = &[
        (b"open", 0),
        (b"os.listdir", 0),
        (b"os.scandir", 0),
        (b"ctypes.dlopen", 0),
        // The file of an extension module that somebody else's loader loads; none for an `import` statement.
        (b"import", 1),
    ];

    fn event<'py>(
        &self,
        py: Attached<'py>,
        name: &[u8],
        argument: &Owned<'py>,
    ) -> PyResult<'py, ()> {
        if HUSHED.get() {
            return Ok(());
        }
        let lists = name.starts_with(b"os.");
        if argument.is_none() && !lists {
            return Ok(());
        }
        let path = match text(argument)? {
            // `os.fwalk` lists what it has opened.
            path if path.is_empty() && lists => opened(argument),
            path => path,
        };
        let Some(path) = self.in_bundle(&path) else {
            return Ok(());
        };
        let wanted = if lists {
            self.demand.files_in(&path)
        } else if is_record(&path) {
            self.demand.listed_in(&path)
        } else {
            self.demand.file(&path)
        };
        wanted.map_err(|error| raised(py, &error))
    }
}

impl Watcher {
    /// `path` relative to the bundle, `.` and `..` resolved; `None` outside of it.
    fn in_bundle(&self, path: &str) -> Option<String> {
        let is_plain = path.starts_with('/') && !path.contains("/../");
        // A path that is taken as it stands leads to the same file.
        #[cfg(windows)]
        let path = path.strip_prefix(r"\\?\").unwrap_or(path);
        let path = Path::new(path);
        // Nearly all that a program opens lies elsewhere.
        if path.as_os_str().is_empty() || (is_plain && !path.starts_with(&self.meipass)) {
            return None;
        }
        let relative;
        let path = if path.is_absolute() {
            path
        } else {
            // A program may have made its bundle the current folder.
            relative = std::env::current_dir().ok()?.join(path);
            &relative
        };
        let normal = normal(path);
        let below = normal.strip_prefix(&self.meipass).ok()?;
        let below = below.to_str()?;
        Some(if cfg!(windows) {
            below.replace('\\', "/")
        } else {
            below.to_owned()
        })
    }
}

/// Whether a file lists those of a distribution. `importlib.metadata` leaves out files that it does not find (3.12 and later).
fn is_record(path: &str) -> bool {
    let parent = path.strip_suffix("/RECORD");
    parent.is_some_and(|parent| parent.ends_with(".dist-info"))
}

/// The folder behind a descriptor; empty for what is none.
fn opened(argument: &Owned<'_>) -> String {
    let descriptor = argument.to_i64().ok();
    let path =
        descriptor.and_then(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).ok());
    path.and_then(|path| path.into_os_string().into_string().ok())
        .unwrap_or_default()
}

/// A path as text; empty for a descriptor, for what is no path and for a name that is not UTF-8, as no file of a bundle
/// has such a name.
fn text<'py>(argument: &Owned<'py>) -> PyResult<'py, String> {
    if argument.is_text() {
        return Ok(argument.to_text().unwrap_or_default());
    }
    if let Some(bytes) = argument.as_bytes() {
        return Ok(String::from_utf8(bytes.to_vec()).unwrap_or_default());
    }
    match argument.attr_opt(c"__fspath__")? {
        Some(path) => text(&path.call(&[])?),
        // `os.listdir()` lists the current folder.
        None if argument.is_none() => Ok(".".to_owned()),
        None => Ok(String::new()),
    }
}

/// `OSError`, as of any file that cannot be had.
pub(crate) fn raised<'py>(py: Attached<'py>, error: &DemandError) -> Raised<'py> {
    match error {
        DemandError::Damaged(_) => Raised::import_error(py, &error.to_string()),
        DemandError::Write { .. } | DemandError::Beside { .. } => {
            Raised::os_error(py, &error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use payload::{Payload, Program, Writer};

    fn watcher() -> Watcher {
        let writer = Writer::new(Vec::new(), b"").unwrap();
        let (bytes, _) = writer.finish(&Program::default()).unwrap();
        let payload = Payload::locate(bytes.leak()).unwrap();
        let meipass = PathBuf::from("/tmp/pack-0/app");
        Watcher {
            demand: Arc::new(Demand::new(payload, &Program::default(), &meipass)),
            meipass,
        }
    }

    #[test]
    fn paths_of_the_bundle_are_told_from_others() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(watcher().in_bundle(path).as_deref(), expected, "{path}");
        };
        check("/tmp/pack-0/app/pkg/a.py", Some("pkg/a.py"));
        check("/tmp/pack-0/app/pkg/../b.py", Some("b.py"));
        check("/tmp/pack-0/app/./", Some(""));
        check("/tmp/pack-0/app/../other", None);
        check("/tmp/pack-0/other/../app/pkg/a.py", Some("pkg/a.py"));
        check("/tmp/pack-0/application", None);
        check("/etc/passwd", None);
        check("relative", None);
    }
}
