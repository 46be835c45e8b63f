//! `[wsgi.static]`: folders served without the application.

use super::error::ConfigError;
use super::layer::Layer;
use super::rules;
use super::value::{Given, Origin};
use crate::plan::DataRule;
use std::path::Path;

/// Folders that are served.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// URL prefixes and folders, as the server takes them.
    pub served: Vec<(String, String)>,
    /// What has to be packed for them.
    pub data: Vec<DataRule>,
}

/// Reads the setting. A folder of the command line is one of this machine; one of a file has its place in the bundle.
///
/// # Errors
/// When a prefix is none, a folder is not there, or it lies outside of the project.
pub(super) fn folders(settings: &Layer, current: &Path) -> Result<Folders, ConfigError> {
    let mut folders = Folders::default();
    for (prefix, given) in settings.table("wsgi.static") {
        let Given { value, origin } = given;
        check(prefix, origin)?;
        let source = super::absolute(&origin.base(current).join(value));
        if !source.is_dir() {
            return Err(ConfigError::Missing {
                origin: origin.clone(),
                path: source,
            });
        }
        let wrong = |expected: &str| ConfigError::Invalid {
            origin: origin.clone(),
            got: format!("`{value}`"),
            expected: expected.into(),
        };
        if let Origin::Flag(_) = origin {
            let source = source.to_str().ok_or_else(|| wrong("a path in UTF-8"))?;
            folders.served.push((prefix.clone(), source.to_owned()));
            continue;
        }
        let dest = rules::destination(value)
            .filter(|dest| dest != ".")
            .ok_or_else(|| wrong("a folder below that of the settings, such as `static`"))?;
        folders.served.push((prefix.clone(), dest.clone()));
        folders.data.push(DataRule { source, dest });
    }
    Ok(folders)
}

fn check(prefix: &str, origin: &Origin) -> Result<(), ConfigError> {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || "?#%\\".contains(c);
    let inner = prefix.trim_end_matches('/').split('/').skip(1);
    let right = prefix.starts_with('/')
        && !prefix.contains(is_odd)
        && inner.clone().all(|part| !["", ".", ".."].contains(&part));
    if right {
        return Ok(());
    }
    Err(ConfigError::Invalid {
        origin: origin.clone(),
        got: format!("for `{prefix}`"),
        expected: "for a URL prefix, such as `/static`".into(),
    })
}
