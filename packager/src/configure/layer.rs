//! One source's settings, and how several become one.

use super::settings::{self, Setting};
use super::value::{Given, Kind, Origin, Value};
use std::collections::BTreeMap;

/// The settings that one source gives, by key. Permissive: what is not given is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layer(BTreeMap<&'static str, Given<Value>>);

impl Layer {
    /// Sets `setting`; elements of a list are added to those already there.
    pub fn set(&mut self, setting: &'static Setting, value: Value, origin: Origin) {
        if setting.kind.is_list() && !matches!(value, Value::List(_)) {
            let Value::Text(text) = value else { return };
            return self.set(
                setting,
                Value::List(elements(setting.kind, &text, &origin)),
                origin,
            );
        }
        match (
            self.0.get_mut(setting.key).map(|given| &mut given.value),
            value,
        ) {
            (Some(Value::List(there)), Value::List(more)) => there.extend(more),
            (_, value) => {
                self.0.insert(setting.key, Given { value, origin });
            }
        }
    }

    /// The settings of `self`, and those of `weaker` that it does not give. Lists that add up hold `weaker`'s elements
    /// first: what a file includes comes before what one command line adds.
    #[must_use]
    pub fn over(mut self, weaker: Self) -> Self {
        for (key, given) in weaker.0 {
            match (self.0.get_mut(key), given.value) {
                (None, value) => {
                    self.0.insert(
                        key,
                        Given {
                            value,
                            origin: given.origin,
                        },
                    );
                }
                (
                    Some(Given {
                        value: Value::List(own),
                        ..
                    }),
                    Value::List(mut first),
                ) if adds_up(key) => {
                    first.append(own);
                    *own = first;
                }
                _ => {}
            }
        }
        self
    }

    /// Is nothing given?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Given<Value>> {
        debug_assert!(settings::find(key).is_some(), "no setting {key}");
        self.0.get(key)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<(&str, &Origin)> {
        match self.get(key)? {
            Given {
                value: Value::Text(text),
                origin,
            } => Some((text, origin)),
            _ => None,
        }
    }

    /// A truth.
    #[must_use]
    pub fn truth(&self, key: &str) -> Option<bool> {
        match self.get(key)?.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// A whole number, within the bounds of its setting.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.get(key)?.value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The elements of a list; none when it is not given.
    #[must_use]
    pub fn list(&self, key: &str) -> &[Given<String>] {
        match self.get(key).map(|given| &given.value) {
            Some(Value::List(elements)) => elements,
            _ => &[],
        }
    }

    /// The rows of a table; none when it is not given.
    #[must_use]
    pub fn table(&self, key: &str) -> &[(String, Given<String>)] {
        match self.get(key).map(|given| &given.value) {
            Some(Value::Table(rows)) => rows,
            _ => &[],
        }
    }
}

fn adds_up(key: &str) -> bool {
    settings::find(key).is_some_and(|setting| setting.kind.adds_up())
}

/// The elements that one text of the command line or a variable holds.
fn elements(kind: Kind, text: &str, origin: &Origin) -> Vec<Given<String>> {
    let variable = matches!(origin, Origin::Variable(_));
    let separators: &[char] = match kind {
        // As PyInstaller reads `--paths`, but `;` and `:` alike; a drive's colon is no separator.
        Kind::Paths if !variable && !origin.is_paths() => &[],
        Kind::Paths if cfg!(windows) => &[';', '\n'],
        Kind::Paths => &[':', ';', '\n'],
        Kind::Names => &[',', '\n'],
        // Commas have a meaning of their own in these.
        Kind::Icons | Kind::Resources if variable => &['\n'],
        // Commas are rare in file names, and there is no other way to give a variable several values.
        _ if variable => &[',', '\n'],
        _ => &[],
    };
    let given = |value: &str| Given {
        value: value.to_owned(),
        origin: origin.clone(),
    };
    if separators.is_empty() {
        return vec![given(text)];
    }
    text.split(separators)
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .map(given)
        .collect()
}

impl Origin {
    /// Is it `--paths`, whose value may hold several folders?
    fn is_paths(&self) -> bool {
        matches!(self, Self::Flag(flag) if flag == "--paths")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn layer(flag: bool, settings: &[(&str, &str)]) -> Layer {
        let mut layer = Layer::default();
        for (key, text) in settings {
            let setting = settings::find(key).unwrap();
            let origin = if flag {
                Origin::Flag("--x".into())
            } else {
                Origin::Variable("PACK_X".into())
            };
            layer.set(setting, setting.kind.read(text).unwrap(), origin);
        }
        layer
    }

    fn values(layer: &Layer, key: &str) -> Vec<String> {
        layer
            .list(key)
            .iter()
            .map(|given| given.value.clone())
            .collect()
    }

    #[test]
    fn stronger_values_win() {
        let strong = layer(true, &[("app.name", "strong"), ("wsgi.bind", "a:1")]);
        let weak = layer(
            false,
            &[
                ("app.name", "weak"),
                ("app.id", "weak"),
                ("wsgi.bind", "b:1,c:1"),
            ],
        );
        let both = strong.over(weak);
        assert_eq!(both.text("app.name").unwrap().0, "strong");
        assert_eq!(both.text("app.id").unwrap().0, "weak");
        assert_eq!(values(&both, "wsgi.bind"), ["a:1"]);
    }

    #[test]
    fn lists_add_up() {
        let strong = layer(
            true,
            &[("include.modules", "a"), ("include.modules", "b,c")],
        );
        let weak = layer(false, &[("include.modules", "d")]);
        assert_eq!(
            values(&strong.over(weak), "include.modules"),
            ["d", "a", "b", "c"]
        );
    }

    #[test]
    fn variables_hold_several_values() {
        let given = layer(
            false,
            &[
                ("include.data", "a:b, c:d\ne:f"),
                ("include.paths", "/x:/y"),
            ],
        );
        assert_eq!(values(&given, "include.data"), ["a:b", "c:d", "e:f"]);
        assert_eq!(values(&given, "include.paths"), ["/x", "/y"]);
        let given = layer(true, &[("include.data", "with, comma:b")]);
        assert_eq!(values(&given, "include.data"), ["with, comma:b"]);
    }
}
