//! The names a program goes by.

use super::error::ConfigError;
use super::layer::Layer;
use super::project::{Main, Project};
use super::value::Origin;
use crate::plan::Entry;

/// The executable's name: the setting, else that of `[project]`, else one made from the entry point.
pub(super) fn name(project: &Project) -> Result<String, ConfigError> {
    if let Some((text, origin)) = project.settings.text("app.name") {
        if is_file_name(text) {
            return Ok(text.to_owned());
        }
        return Err(not_a_file_name(text, origin));
    }
    let from_entry = || match &project.main {
        Main::Entry(Entry::Script(path)) => match path.file_stem()?.to_str()? {
            // `python FOLDER` runs this file: the folder has the name.
            "__main__" => Some(path.parent()?.file_name()?.to_str()?.to_owned()),
            stem => Some(stem.to_owned()),
        },
        Main::Entry(Entry::Module(module) | Entry::Function { module, .. })
        | Main::Wsgi { module, .. } => Some(module.split('.').next()?.to_owned()),
        Main::Entry(Entry::Wsgi(_)) => None,
    };
    let stated = project.name.clone().filter(|name| is_file_name(name));
    Ok(stated
        .or_else(from_entry)
        .filter(|name| is_file_name(name))
        .unwrap_or_else(|| "app".into()))
}

fn not_a_file_name(text: &str, origin: &Origin) -> ConfigError {
    let expected =
        "a file's name: no `/`, `\\`, `:` or control characters, at most 200 bytes".to_owned();
    ConfigError::Invalid {
        origin: origin.clone(),
        got: format!("`{}`", text.escape_debug()),
        expected,
    }
}

fn is_file_name(text: &str) -> bool {
    let right = payload::ArchivePath::new(text).is_ok() && !text.contains('/');
    right && text.len() <= 200 && text.trim() == text && !text.starts_with('-')
}

/// `app.id`, or one made from the name. It names a directory: letters, digits, `.`, `_` and `-`.
pub(super) fn id(settings: &Layer, name: &str) -> Result<String, ConfigError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if let Some((text, origin)) = settings.text("app.id") {
        if text.chars().all(allowed) && text.len() <= 100 && !text.starts_with(['.', '-']) {
            return Ok(text.to_owned());
        }
        let expected =
            "letters, digits, `.`, `_` and `-`, at most 100, such as com.example.guestbook"
                .to_owned();
        return Err(ConfigError::Invalid {
            origin: origin.clone(),
            got: format!("`{text}`"),
            expected,
        });
    }
    let id: String = name
        .chars()
        .take(100)
        .map(|c| {
            if allowed(c) {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let id = id.trim_start_matches(['.', '-']);
    Ok(if id.is_empty() {
        "app".into()
    } else {
        id.to_owned()
    })
}

/// The folder beside a one-folder executable.
pub(super) fn contents_directory(settings: &Layer) -> Result<String, ConfigError> {
    match settings.text("bundle.contents-directory") {
        None => Ok("_internal".into()),
        // PyInstaller's way to say: beside the executable, without a folder.
        Some((".", origin)) => Err(ConfigError::Unsupported {
            origin: origin.clone(),
            what: "a one-folder program without a folder for its files".into(),
            instead: "leave it out, or give the folder a name",
        }),
        Some((text, _)) if is_file_name(text) => Ok(text.to_owned()),
        Some((text, origin)) => Err(not_a_file_name(text, origin)),
    }
}
