//! The names a program goes by.

use super::error::ConfigError;
use super::layer::Layer;
use super::project::{Main, Project};
use super::value::Origin;
use crate::layout::is_windows;
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

/// Characters that an id may have: Windows takes no more in an AppUserModelID.
const MAX_ID: usize = 128;

/// `app.id`, or one made from the name. It names a directory, and is the AppUserModelID by which Windows groups the
/// program's windows: letters, digits, `.`, `_` and `-`, no spaces.
pub(super) fn id(settings: &Layer, name: &str, target: &str) -> Result<String, ConfigError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let for_windows = |id: &str| {
        let path = payload::ArchivePath::new(id).ok();
        !is_windows(target) || path.is_some_and(|path| path.check_windows().is_ok())
    };
    if let Some((text, origin)) = settings.text("app.id") {
        let right = text.chars().all(allowed) && text.len() <= MAX_ID;
        let wrong = |expected: String| ConfigError::Invalid {
            origin: origin.clone(),
            got: format!("`{text}`"),
            expected,
        };
        if !right || text.starts_with(['.', '-']) {
            return Err(wrong(format!(
                "letters, digits, `.`, `_` and `-`, at most {MAX_ID}, such as com.example.guestbook"
            )));
        }
        if !for_windows(text) {
            return Err(wrong(
                "one that Windows can name a folder by: no device such as `con`, no dot at its end"
                    .into(),
            ));
        }
        return Ok(text.to_owned());
    }
    let id: String = name
        .chars()
        .take(MAX_ID)
        .map(|c| {
            if allowed(c) {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let id = id.trim_start_matches(['.', '-']).trim_end_matches('.');
    Ok(if id.is_empty() || !for_windows(id) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::configure::settings;

    fn layer(text: &str) -> Layer {
        let setting = settings::find("app.id").unwrap();
        let mut layer = Layer::default();
        let value = setting.kind.read(text).unwrap();
        layer.set(setting, value, Origin::Flag("--app-id".into()));
        layer
    }

    #[test]
    fn ids_are_what_windows_takes() {
        let check = |text: &str, linux: bool, windows: bool| {
            let taken = |target| id(&layer(text), "app", target).is_ok();
            let found = (
                taken("x86_64-unknown-linux-gnu"),
                taken("x86_64-pc-windows-gnu"),
            );
            assert_eq!(found, (linux, windows), "{text}");
        };
        check("Example.Guestbook", true, true);
        check(&"a".repeat(128), true, true);
        check(&"a".repeat(129), false, false);
        check("with space", false, false);
        check("bäcker", false, false);
        check("con", true, false);
        check("nul.example", true, false);
        check("example.", true, false);
        let made = |name: &str| id(&Layer::default(), name, "x86_64-pc-windows-gnu").unwrap();
        assert_eq!(made("My Guestbook."), "my-guestbook");
        assert_eq!(made("aux"), "app");
    }
}
