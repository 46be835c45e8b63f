//! `--requirements`: the distributions that a file asks for, resolved for the target and installed into a folder of the cache.
//!
//! An installer of the user's does the work: `uv` where it is on PATH, else pip. Both are told what the target is, take
//! wheels alone, and get to see requirements whose markers they evaluate for the target: a program for Windows gets what
//! is for Windows only, and is not held up by what is not. What they install lies in the shape of an installation, so that
//! RECORD is true of it.

mod error;
mod lock;
mod settle;
mod source;
mod tool;

pub use error::RequirementsError;

use crate::cache;
use crate::facts::InterpreterFacts;
use crate::plan::BuildPlan;
use crate::report::Printer;
use source::Asked;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tool::Tool;

/// Changes when what is installed does.
const VERSION: &[u8] = b"requirements 1";
/// Variables by which installers are configured begin so.
const OF_INSTALLERS: [&str; 2] = ["PIP_", "UV_"];

/// Where distributions were installed.
#[derive(Debug)]
pub struct Staged {
    /// Their site-packages folders.
    pub sites: Vec<PathBuf>,
    /// They are for this build alone, and go when it ends.
    pub own: Option<Arc<TempDir>>,
}

/// Installs what `file` asks for, for the interpreter of `facts`, unless an earlier build has done so.
///
/// # Errors
/// When the file cannot be read, there is no installer, or a distribution cannot be had for the target.
pub fn stage(
    file: &Path,
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    report: &Printer,
) -> Result<Staged, RequirementsError> {
    let target = Target::of(plan, facts);
    let tool = Tool::find(&target)?;
    let asked = Asked::read(file, &target, &tool)?;
    let Some(cache) = &plan.cache_dir else {
        let own = tempfile::tempdir().map_err(RequirementsError::Folder)?;
        install(&tool, &asked, &target, own.path(), report)?;
        return Ok(Staged {
            sites: sites(own.path()),
            own: Some(Arc::new(own)),
        });
    };
    let place = cache
        .join("requirements")
        .join(name(&asked, &target, &tool));
    if plan.clean && place.exists() {
        fs_err::remove_dir_all(&place).map_err(RequirementsError::Folder)?;
    }
    if !place.is_dir() {
        install_at(&place, |folder| {
            install(&tool, &asked, &target, folder, report)
        })?;
    }
    Ok(Staged {
        sites: sites(&place),
        own: None,
    })
}

/// Has `fill` make what is to lie at `place`: whole or not at all.
fn install_at(
    place: &Path,
    fill: impl FnOnce(&Path) -> Result<(), RequirementsError>,
) -> Result<(), RequirementsError> {
    let folder = place.parent().unwrap_or(place);
    fs_err::create_dir_all(folder).map_err(RequirementsError::Folder)?;
    let fresh = tempfile::Builder::new()
        .prefix(".installing-")
        .tempdir_in(folder)
        .map_err(RequirementsError::Folder)?;
    fill(fresh.path())?;
    match fs_err::rename(fresh.path(), place) {
        Ok(()) => {
            let _ = fresh.keep(); // it is not there any more
            Ok(())
        }
        // Another build was as quick.
        Err(_) if place.is_dir() => Ok(()),
        Err(error) => Err(RequirementsError::Folder(error)),
    }
}

fn install(
    tool: &Tool,
    asked: &Asked,
    target: &Target<'_>,
    folder: &Path,
    report: &Printer,
) -> Result<(), RequirementsError> {
    report.detail(&format!(
        "installing `{}` for {} with {}",
        asked.file.display(),
        target.describe(),
        tool.path().display()
    ));
    tool.install(asked, target, folder)?;
    settle::settle(folder).map_err(RequirementsError::Folder)
}

/// By everything that decides what is installed, but what is published meanwhile.
fn name(asked: &Asked, target: &Target<'_>, tool: &Tool) -> String {
    let set: Vec<String> = std::env::vars()
        .filter(|(name, _)| OF_INSTALLERS.iter().any(|start| name.starts_with(start)))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let key = cache::key(&[
        VERSION,
        &asked.content,
        target.describe().as_bytes(),
        tool.name().as_bytes(),
        set.join("\0").as_bytes(),
    ]);
    key.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The site-packages folders below an installation's prefix, in order.
fn sites(prefix: &Path) -> Vec<PathBuf> {
    let below = walkdir::WalkDir::new(prefix)
        .max_depth(4)
        .sort_by_file_name();
    let is_site = |path: &Path| path.ends_with("site-packages") || path.ends_with("dist-packages");
    let folders = below.into_iter().filter_map(Result::ok);
    folders
        .map(walkdir::DirEntry::into_path)
        .filter(|path| is_site(path))
        .collect()
}

/// What is installed for.
#[derive(Debug)]
struct Target<'a> {
    facts: &'a InterpreterFacts,
    windows: bool,
}

impl<'a> Target<'a> {
    fn of(plan: &BuildPlan, facts: &'a InterpreterFacts) -> Self {
        Self {
            facts,
            windows: crate::layout::is_windows(&plan.target),
        }
    }

    /// `3.13`
    fn version(&self) -> String {
        format!("{}.{}", self.facts.version.0, self.facts.version.1)
    }

    /// `Windows (x86-64), CPython 3.13`; of this system with the interpreter itself.
    fn describe(&self) -> String {
        match self.windows {
            true => format!("Windows (x86-64), CPython {}", self.version()),
            false => format!(
                "CPython {} of `{}`",
                self.version(),
                self.facts.executable.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
