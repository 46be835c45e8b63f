//! From a plan to what is put on the bootloader: reads the files that it names.

use super::manifest::{self, Rights};
use super::version::{Facts, VersionInfo};
use super::version_file;
use super::{BrandError, Branding};
use crate::icon::{Icon, IconError, MAX_FILE, Source};
use crate::inputs;
use crate::pe::{Resources, is_pe, kind};
use crate::plan::{BuildPlan, IconFile, ManifestSource};
use crate::report::path as show;
use std::path::Path;

/// Bytes that a version file may have; the information that it makes has at most 64 KiB.
const MAX_VERSION_FILE: u64 = 1 << 20;
/// Bytes that a manifest may have.
const MAX_MANIFEST: u64 = 1 << 20;
/// Bytes that a file of resources may have: it is held in memory.
const MAX_RESOURCES: u64 = 256 << 20;

/// What the executable of `plan` is given, and lines for the reader.
///
/// # Errors
/// When a file cannot be read, or is not what it should be.
pub fn read(plan: &BuildPlan) -> Result<(Branding, Vec<String>), BrandError> {
    let mut notes = Vec::new();
    let icons = plan.brand.icons.iter();
    let icons = icons
        .map(|file| icon(file, &mut notes))
        .collect::<Result<_, _>>()?;
    let mut resources = Vec::new();
    for (rule, path) in &plan.brand.resources {
        let content = content(path, "a resource", MAX_RESOURCES)?;
        let change = rule.read(&content).map_err(|why| BrandError::Resource {
            given: rule.file.clone(),
            why,
        })?;
        resources.push(change);
    }
    let branding = Branding {
        icons,
        version: Some(version(plan)?),
        manifest: Some(manifest(plan)?),
        resources,
        windowed: plan.windowed,
    };
    Ok((branding, notes))
}

/// A file's content, unless it is too large for what it is.
fn content(path: &Path, what: &'static str, most: u64) -> Result<Vec<u8>, BrandError> {
    let failed = |source| BrandError::Read {
        what,
        path: path.to_owned(),
        source,
    };
    let size = inputs::metadata(path).map_err(failed)?.len();
    if size > most {
        let path = path.to_owned();
        return Err(BrandError::TooLarge {
            what,
            path,
            size,
            most,
        });
    }
    inputs::read(path).map_err(failed)
}

fn icon(file: &IconFile, notes: &mut Vec<String>) -> Result<Icon, BrandError> {
    let wrong = |source: IconError| BrandError::Icon {
        path: file.path.clone(),
        source,
    };
    // An executable may be larger than any icon.
    let content = content(&file.path, "an icon", MAX_FILE.max(MAX_RESOURCES))?;
    let source = Source::parse(&content).map_err(wrong)?;
    let done = source.complete(file.choice).map_err(wrong)?;
    let about = |note| format!("the icon `{}`: {note}", show(&file.path));
    notes.extend(done.notes().into_iter().map(about));
    Ok(done.icon)
}

fn version(plan: &BuildPlan) -> Result<VersionInfo, BrandError> {
    let brand = &plan.brand;
    let Some(path) = &brand.version_file else {
        return Ok(VersionInfo::of(&Facts {
            name: &plan.name,
            version: plan.version.as_deref(),
            title: brand.title.as_deref(),
            description: brand.description.as_deref(),
            company: brand.company.as_deref(),
            copyright: brand.copyright.as_deref(),
        }));
    };
    let wrong = |(line, why)| BrandError::VersionFile {
        path: path.clone(),
        line,
        why,
    };
    let what = "the version information";
    let is_executable = inputs::open(path).is_ok_and(|mut file| {
        let mut start = [0; 2];
        std::io::Read::read_exact(&mut file, &mut start).is_ok() && is_pe(&start)
    });
    if is_executable {
        let content = content(path, what, MAX_RESOURCES)?;
        let resources =
            Resources::parse(&content).map_err(|error| wrong((0, error.to_string())))?;
        let found = resources.of_kind(kind::VERSION).next();
        let found = found.and_then(|(_, _, resource)| VersionInfo::decode(&resource.data));
        return found.ok_or_else(|| wrong((0, "the executable has no version information".into())));
    }
    let content = content(path, what, MAX_VERSION_FILE)?;
    let text = String::from_utf8(content).map_err(|_| wrong((1, "it is no UTF-8".into())))?;
    version_file::parse(&text).map_err(wrong)
}

fn manifest(plan: &BuildPlan) -> Result<Vec<u8>, BrandError> {
    let rights = Rights {
        admin: plan.brand.uac_admin,
        ui_access: plan.brand.uac_uiaccess,
    };
    match &plan.brand.manifest {
        None => Ok(manifest::default(rights)),
        Some(ManifestSource::Text(text)) => manifest::adapt(text.as_bytes(), None, rights),
        Some(ManifestSource::File(path)) => {
            let content = content(path, "the manifest", MAX_MANIFEST)?;
            manifest::adapt(&content, Some(path), rights)
        }
    }
}
