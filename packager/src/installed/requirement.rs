//! Requirements and their markers (PEP 508), for the target.

use crate::facts::InterpreterFacts;
use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, VerbatimUrl};
use std::str::FromStr as _;

/// The target's marker environment.
#[derive(Debug)]
pub(crate) struct Markers(Option<MarkerEnvironment>);

/// One requirement of a distribution that holds on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Normalised.
    pub(crate) name: String,
    /// Extras asked of it, normalised.
    pub(crate) extras: Vec<String>,
}

impl Markers {
    pub(crate) fn of(facts: &InterpreterFacts) -> Self {
        let marker = |name: &str| facts.markers.get(name).map_or("", String::as_str);
        let environment = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: marker("implementation_name"),
            implementation_version: marker("implementation_version"),
            os_name: marker("os_name"),
            platform_machine: marker("platform_machine"),
            platform_python_implementation: marker("platform_python_implementation"),
            platform_release: marker("platform_release"),
            platform_system: marker("platform_system"),
            platform_version: marker("platform_version"),
            python_full_version: marker("python_full_version"),
            python_version: marker("python_version"),
            sys_platform: marker("sys_platform"),
        });
        Self(environment.ok())
    }

    /// The requirement `text`, when its marker holds with `extras` asked for. A text that is no requirement, and a
    /// marker that cannot be evaluated, count as no requirement.
    pub(crate) fn active(&self, text: &str, extras: &[String]) -> Option<Requirement> {
        let requirement = pep508_rs::Requirement::<VerbatimUrl>::from_str(text).ok()?;
        let extras: Vec<ExtraName> = extras
            .iter()
            .filter_map(|name| ExtraName::from_str(name).ok())
            .collect();
        let holds = requirement.evaluate_markers(self.0.as_ref()?, &extras);
        holds.then(|| Requirement::of(&requirement))
    }

    /// Whether `marker` holds for who asks for no extra; `None` when it is no marker, or the target's are not known.
    pub(crate) fn holds(&self, marker: &str) -> Option<bool> {
        let text = format!("x; {marker}");
        let requirement = pep508_rs::Requirement::<VerbatimUrl>::from_str(&text).ok()?;
        Some(requirement.evaluate_markers(self.0.as_ref()?, &[]))
    }

    /// The requirement `text`, when its marker holds on the target for those who ask for an extra that it names.
    pub(crate) fn optional(&self, text: &str) -> Option<Requirement> {
        let (_, marker) = text.split_once(';')?;
        let extras = named_extras(marker);
        if extras.is_empty() {
            return None;
        }
        self.active(text, &extras)
    }
}

impl Requirement {
    fn of(requirement: &pep508_rs::Requirement<VerbatimUrl>) -> Self {
        let extras = requirement.extras.iter();
        Self {
            name: super::normalise(requirement.name.as_ref()),
            extras: extras
                .map(|extra| super::normalise(extra.as_ref()))
                .collect(),
        }
    }
}

/// `a` of `extra == "a"`, wherever it stands in `marker`.
fn named_extras(marker: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in marker.match_indices("extra") {
        let rest = marker[at + word.len()..].trim_start();
        let Some(rest) = rest.strip_prefix("==") else {
            continue;
        };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            continue;
        };
        if let Some((extra, _)) = rest[1..].split_once(quote) {
            found.push(extra.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing;

    #[track_caller]
    fn check(text: &str, extras: &[&str], expected: Option<(&str, &[&str])>) {
        let markers = Markers::of(&testing::facts());
        let extras: Vec<String> = extras.iter().map(|extra| (*extra).to_owned()).collect();
        let found = markers.active(text, &extras);
        let found = found.as_ref().map(|found| {
            (
                found.name.as_str(),
                found.extras.iter().map(String::as_str).collect(),
            )
        });
        assert_eq!(
            found,
            expected.map(|(name, extras)| (name, extras.to_vec())),
            "{text}"
        );
    }

    #[test]
    fn markers() {
        check("Werkzeug>=3.1", &[], Some(("werkzeug", &[])));
        check(
            "importlib-metadata>=3.6; python_version < \"3.10\"",
            &[],
            None,
        );
        check("a (>=1,<2)", &[], Some(("a", &[])));
        check(
            "uvicorn[standard,Fast_One]; sys_platform == 'linux'",
            &[],
            Some(("uvicorn", &["standard", "fast-one"])),
        );
        check("asgiref>=3.2; extra == \"async\"", &[], None);
        check(
            "asgiref>=3.2; extra == \"async\"",
            &["async"],
            Some(("asgiref", &[])),
        );
        check("a @ https://example.org/a.whl", &[], Some(("a", &[])));
        check("not a requirement !!", &[], None);
    }

    #[test]
    fn optional() {
        let markers = Markers::of(&testing::facts());
        let check = |text: &str, expected: Option<&str>| {
            let found = markers.optional(text).map(|found| found.name);
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("a; extra == 'x'", Some("a"));
        check(
            "a>=1 ; (python_version > \"3.8\") and extra == \"x-y\"",
            Some("a"),
        );
        check("a; extra == 'x' and sys_platform == 'win32'", None);
        check("a; extra == 'x' or extra == 'y'", Some("a"));
        check("a", None);
        check("a; sys_platform == 'linux'", None);
        check("a; extra == ", None);
    }
}
