//! Values of settings, and where each was given.

use std::fmt;
use std::path::{Path, PathBuf};

/// What a value of a setting looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// A path, relative to where the setting is given.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number, bounds included.
    Integer {
        /// Lowest.
        min: i64,
        /// Highest.
        max: i64,
    },
    /// A number of bytes, such as `64K`, bounds included.
    Size {
        /// Lowest.
        min: u64,
        /// Highest.
        max: u64,
    },
    /// Seconds, or `auto`.
    Interval,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Texts; those of all sources add up.
    Texts,
    /// Dotted Python names; those of all sources add up. Separated by `,` in one value.
    Names,
    /// Paths; those of all sources add up. Separated as in `PATH` in one value.
    Paths,
    /// `SRC:DEST` rules; those of all sources add up.
    Rules,
    /// Texts of which a source that comes first replaces the others'.
    Addresses,
    /// Files of which a source that comes first replaces the others'; each may be followed by `,` and more.
    Icons,
    /// As [`Kind::Icons`]; those of all sources add up.
    Resources,
    /// Names and texts; only in a file.
    Table,
}

impl Kind {
    /// The kind of a setting of the server.
    #[must_use]
    pub fn of_server(kind: payload::wsgi::Kind) -> Self {
        use payload::wsgi::Kind as Server;
        let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
        match kind {
            Server::Whole(min, max) => Self::Integer {
                min: signed(min),
                max: signed(max),
            },
            Server::Size(min, max) => Self::Size { min, max },
            Server::Truth => Self::Bool,
            Server::OneOf(words) => Self::OneOf(words),
            Server::Interval => Self::Interval,
            // Written in octal digits, which are a text to TOML: as a number it would be read as a decimal one.
            Server::Text | Server::Mode | Server::Networks => Self::Text,
        }
    }

    /// Does it hold several values?
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::Texts
                | Self::Names
                | Self::Paths
                | Self::Rules
                | Self::Addresses
                | Self::Icons
                | Self::Resources
        )
    }

    /// May one element stand for a list of it?
    #[must_use]
    pub fn is_one_or_more(self) -> bool {
        matches!(self, Self::Addresses | Self::Icons)
    }

    /// Do values of all sources add up?
    #[must_use]
    pub fn adds_up(self) -> bool {
        self.is_list() && !self.is_one_or_more()
    }

    /// What is right, to complete "must be …".
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text that is not empty".into(),
            Self::Path => "a path".into(),
            Self::Bool => "true or false".into(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Size { min, max } => payload::wsgi::Kind::Size(min, max).expected(),
            Self::Interval => "a number of seconds above 0 and at most 3600, or \"auto\"".into(),
            Self::OneOf(words) => one_of(words),
            Self::Texts => "a list of texts".into(),
            Self::Names => "a list of dotted module names".into(),
            Self::Paths => "a list of paths".into(),
            Self::Rules => "a list of \"SRC:DEST\" rules".into(),
            Self::Addresses => "\"HOST:PORT\" or \"unix:PATH\", or a list of such".into(),
            Self::Icons => "a path, or a list of paths".into(),
            Self::Resources => "a list of \"FILE,TYPE,NAME,LANGUAGE\"".into(),
            Self::Table => "a table of names and texts".into(),
        }
    }

    /// Reads one value as the command line and the environment give it; an element, for a list.
    ///
    /// # Errors
    /// When it is none; [`Kind::expected`] says what would have been.
    pub fn read(self, text: &str) -> Result<Value, NotOfKind> {
        match self {
            Self::Text | Self::Path if text.is_empty() => Err(NotOfKind),
            Self::Text | Self::Path => Ok(Value::Text(text.to_owned())),
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(Value::Bool(true)),
                "false" | "no" | "off" | "0" => Ok(Value::Bool(false)),
                _ => Err(NotOfKind),
            },
            Self::Integer { .. } => self.integer(text.parse().map_err(|_| NotOfKind)?),
            Self::Size { min, max } => payload::wsgi::Kind::Size(min, max)
                .number(text)
                .and_then(|number| i64::try_from(number).ok())
                .map(Value::Integer)
                .ok_or(NotOfKind),
            Self::Interval if text == "auto" => Ok(Value::Auto),
            Self::Interval => self.seconds(text.parse().map_err(|_| NotOfKind)?),
            Self::OneOf(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            kind if kind.is_list() && !text.is_empty() => Ok(Value::Text(text.to_owned())),
            _ => Err(NotOfKind),
        }
    }

    /// Checks a number's bounds.
    ///
    /// # Errors
    /// As [`Kind::read`].
    pub fn integer(self, number: i64) -> Result<Value, NotOfKind> {
        match self {
            Self::Integer { min, max } if (min..=max).contains(&number) => {
                Ok(Value::Integer(number))
            }
            _ => Err(NotOfKind),
        }
    }

    /// Checks a number of seconds.
    ///
    /// # Errors
    /// As [`Kind::read`].
    pub fn seconds(self, number: f64) -> Result<Value, NotOfKind> {
        // A microsecond is the smallest step CPython knows.
        let fits = (0.000_001..=3600.0).contains(&number);
        if self == Self::Interval && fits {
            Ok(Value::Seconds(number))
        } else {
            Err(NotOfKind)
        }
    }
}

/// `a, b or c`, each in quotes.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// A value that does not fit its setting's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOfKind;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, path, word.
    Text(String),
    /// Truth.
    Bool(bool),
    /// Whole number.
    Integer(i64),
    /// Seconds.
    Seconds(f64),
    /// `auto`.
    Auto,
    /// Elements, each with its own origin.
    List(Vec<Given<String>>),
    /// Names with their values.
    Table(Vec<(String, Given<String>)>),
}

impl fmt::Display for Value {
    /// As the command line takes it; for a list or a table, which it takes piece by piece, nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(truth) => truth.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Auto => f.write_str("auto"),
            Self::List(_) | Self::Table(_) => Ok(()),
        }
    }
}

/// A value and the place that gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it was given.
    pub origin: Origin,
}

/// Where a value was given; shown in errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line, with its dashes.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A key of a file.
    File(Place),
}

/// A place in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, absolute.
    pub file: PathBuf,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// Dotted key.
    pub key: String,
}

impl Origin {
    /// The folder that relative paths are taken from: the file's, or for options and variables the current one.
    #[must_use]
    pub fn base<'a>(&'a self, current: &'a Path) -> &'a Path {
        match self {
            Self::File(place) => place.file.parent().unwrap_or(current),
            Self::Flag(_) | Self::Variable(_) => current,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => write!(f, "`{name}`"),
            Self::File(place) => write!(f, "{place}: `{}`", place.key),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = crate::report::path(&self.file);
        write!(f, "{file}:{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_by_kind() {
        let check = |kind: Kind, text: &str, expect: Option<Value>| {
            assert_eq!(kind.read(text).ok(), expect, "{kind:?} {text}");
        };
        let threads = Kind::Integer { min: 1, max: 8 };
        check(threads, "1", Some(Value::Integer(1)));
        check(threads, "8", Some(Value::Integer(8)));
        check(threads, "0", None);
        check(threads, "9", None);
        check(threads, "two", None);
        check(Kind::Bool, "Yes", Some(Value::Bool(true)));
        check(Kind::Bool, "0", Some(Value::Bool(false)));
        check(Kind::Bool, "maybe", None);
        check(Kind::Interval, "0.005", Some(Value::Seconds(0.005)));
        check(Kind::Interval, "auto", Some(Value::Auto));
        check(Kind::Interval, "0", None);
        check(Kind::Interval, "-1", None);
        check(Kind::Interval, "nan", None);
        check(Kind::OneOf(&["a", "b"]), "b", Some(Value::Text("b".into())));
        check(Kind::OneOf(&["a", "b"]), "c", None);
        check(Kind::Text, "", None);
    }

    #[test]
    fn says_what_is_expected() {
        assert_eq!(
            Kind::OneOf(&["a", "b", "c"]).expected(),
            r#""a", "b" or "c""#
        );
        assert_eq!(
            Kind::Integer { min: 0, max: 2 }.expected(),
            "a whole number from 0 to 2"
        );
    }
}
