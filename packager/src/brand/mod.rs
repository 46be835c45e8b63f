//! What makes a Windows executable the application's own: icons, version, manifest, further resources, subsystem.
//!
//! It is put on the bare bootloader, before the payload follows. Plain Rust: any host brands for Windows.

mod error;
pub mod manifest;
mod read;
pub mod resource;
pub mod version;
mod version_file;
mod version_number;

pub use error::BrandError;
pub use read::read;
pub use version_file::parse as parse_version_file;

use crate::icon::{Icon, put_groups};
use crate::layout::is_windows;
use crate::pe::{CONSOLE, Edited, Id, Resources, WINDOWED, kind, with_resources};
use crate::plan::BuildPlan;
use resource::Change;
use version::VersionInfo;

/// Everything that is put on a bootloader.
#[derive(Debug, Clone, Default)]
pub struct Branding {
    /// In place of the icons that are there; Explorer shows the first.
    pub icons: Vec<Icon>,
    /// Version, name, company.
    pub version: Option<VersionInfo>,
    /// The manifest, UTF-8, in place of the one that is there.
    pub manifest: Option<Vec<u8>>,
    /// Further resources, in this order.
    pub resources: Vec<Change>,
    /// No console.
    pub windowed: bool,
}

/// `exe` with `branding`: what else is in it stays, and its checksum is right.
///
/// # Errors
/// When `exe` is no Windows executable, or what is to go in does not fit.
pub fn brand(exe: &[u8], branding: &Branding) -> Result<Edited, BrandError> {
    let mut resources = Resources::parse(exe).map_err(BrandError::Executable)?;
    let mut given = Resources::default();
    for change in &branding.resources {
        change.apply(&mut resources, &mut given);
    }
    // Icons that an option brings are meant to be there; others go where the application has its own.
    put_groups(&mut resources, &branding.icons, |name| {
        given.of_kind(kind::GROUP_ICON).any(|(of, _, _)| of == name)
    });
    // What an option brings as a whole is meant to stand as it is.
    let is_given = |of| given.of_kind(of).next().is_some();
    if let Some(version) = branding
        .version
        .as_ref()
        .filter(|_| !is_given(kind::VERSION))
    {
        resources.remove(kind::VERSION, |_| true);
        resources.insert(kind::VERSION, Id::Number(1), 0, version.encode()?);
    }
    if let Some(manifest) = branding
        .manifest
        .as_ref()
        .filter(|_| !is_given(kind::MANIFEST))
    {
        resources.remove(kind::MANIFEST, |_| true);
        resources.insert(kind::MANIFEST, Id::Number(1), 0, manifest.clone());
    }
    let subsystem = if branding.windowed { WINDOWED } else { CONSOLE };
    with_resources(exe, &resources, Some(subsystem)).map_err(BrandError::Executable)
}

/// The bootloader of `plan`'s program, and lines for the reader. For a target other than Windows it is `bare` as it is.
///
/// # Errors
/// As [`read`] and [`brand`].
pub fn bootloader(plan: &BuildPlan, bare: Vec<u8>) -> Result<(Vec<u8>, Vec<String>), BrandError> {
    if !is_windows(&plan.target) {
        return Ok((bare, Vec::new()));
    }
    let (branding, notes) = read(plan)?;
    Ok((brand(&bare, &branding)?.file, notes))
}

#[cfg(test)]
mod tests;
