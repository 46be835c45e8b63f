//! `PACK_*` variables.

use super::error::ConfigError;
use super::layer::Layer;
use super::settings::SETTINGS;
use super::suggest::nearest;
use super::value::Origin;
use std::collections::BTreeMap;

/// Environment variables by name, as they were when `pack` started.
pub type Environment = BTreeMap<String, String>;

/// `PACK_*` variables that are no settings: read by other parts of `pack`, and by packed programs.
const OTHERS: &[&str] = &[
    "PACK_KITS",
    "PACK_TMPDIR",
    crate::unpacked::VARIABLE,
    crate::sign::PASSWORD,
];

/// The variables of this process. What is no Unicode is shown with replacement characters, not passed over.
#[must_use]
pub fn of_process() -> Environment {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// The settings among `variables`. Empty variables count as not set.
///
/// # Errors
/// When a value does not fit its setting.
pub fn settings(variables: &Environment) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for setting in SETTINGS.iter().filter(|setting| setting.in_environment()) {
        let name = setting.variable();
        let Some(text) = variables.get(&name).filter(|text| !text.is_empty()) else {
            continue;
        };
        let origin = Origin::Variable(name);
        let value = setting.kind.read(text).map_err(|_| ConfigError::Invalid {
            origin: origin.clone(),
            got: format!("`{text}`"),
            expected: setting.kind.expected(),
        })?;
        layer.set(setting, value, origin);
    }
    Ok(layer)
}

/// One line for each variable that looks like a setting with a spelling mistake. What merely begins with `PACK_` may
/// belong to another program.
#[must_use]
pub fn misspelt(variables: &Environment) -> Vec<String> {
    let known: Vec<String> = SETTINGS
        .iter()
        .filter(|s| s.in_environment())
        .map(super::settings::Setting::variable)
        .collect();
    let is_known = |name: &str| known.iter().any(|k| k == name) || OTHERS.contains(&name);
    variables
        .keys()
        .filter(|name| name.starts_with("PACK_") && !is_known(name))
        .filter_map(|name| {
            let meant = nearest(&name[5..], known.iter().map(|known| &known[5..]))?;
            Some(format!(
                "the variable `{name}` is no setting; did you mean `PACK_{meant}`?"
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Environment {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn reads_settings() {
        let layer = settings(&variables(&[
            ("PACK_NAME", "a"),
            ("PACK_WSGI_THREADS", "3"),
            ("PACK_ID", ""),
        ]))
        .unwrap();
        assert_eq!(layer.text("app.name").unwrap().0, "a");
        assert_eq!(layer.integer("wsgi.threads"), Some(3));
        assert!(layer.text("app.id").is_none());
    }

    #[test]
    fn names_the_variable() {
        let error = settings(&variables(&[("PACK_WSGI_THREADS", "many")])).unwrap_err();
        insta::assert_snapshot!(error, @"`PACK_WSGI_THREADS` is `many`, but must be a whole number from 1 to 1024");
    }

    #[test]
    fn suggests_a_spelling() {
        let lines = misspelt(&variables(&[
            ("PACK_NAEM", "a"),
            ("PACK_KITS", "x"),
            ("PACK_OF_WOLVES", "y"),
            ("PATH", ""),
        ]));
        assert_eq!(
            lines,
            ["the variable `PACK_NAEM` is no setting; did you mean `PACK_NAME`?"]
        );
    }
}
