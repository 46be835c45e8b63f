//! What a program runs: a script, a module, a function, a WSGI application.

use super::error::ConfigError;
use super::value::{Given, Origin};
use crate::plan::Entry;
use std::path::Path;

const ENTRY: &str =
    "a script (`app.py`), a module (`package.module`) or a function (`package.module:function`)";

/// Reads `app.entry` or a value of `[commands]`. Scripts are relative to where the value is given.
///
/// # Errors
/// When it is none of the three, or the script does not exist.
pub fn entry(given: &Given<String>, current: &Path) -> Result<Entry, ConfigError> {
    let Given {
        value: text,
        origin,
    } = given;
    let path = super::absolute(&origin.base(current).join(text));
    if is_script(text) || path.is_file() {
        return match path.is_file() {
            true => Ok(Entry::Script(path)),
            false => Err(ConfigError::Missing {
                origin: origin.clone(),
                path,
            }),
        };
    }
    match text.split_once(':') {
        Some((module, function)) if is_dotted(module) && is_dotted(function) => {
            Ok(Entry::Function {
                module: module.into(),
                function: function.into(),
            })
        }
        None if is_dotted(text) => Ok(Entry::Module(text.clone())),
        _ => Err(invalid(origin, text, ENTRY)),
    }
}

/// Reads `MODULE:CALLABLE`.
///
/// # Errors
/// When it is none.
pub fn wsgi(text: &str, origin: &Origin) -> Result<(String, String), ConfigError> {
    let expected = "MODULE:CALLABLE, such as `guestbook.wsgi:application` or `app:create_app()`";
    let (module, callable) = text
        .split_once(':')
        .ok_or_else(|| invalid(origin, text, expected))?;
    let name = callable.strip_suffix("()").unwrap_or(callable);
    if !is_dotted(module) || !is_dotted(name) {
        return Err(invalid(origin, text, expected));
    }
    Ok((module.to_owned(), callable.to_owned()))
}

/// Reads `HOST:PORT` or `unix:PATH`.
///
/// # Errors
/// When it is none.
pub fn address(given: &Given<String>) -> Result<String, ConfigError> {
    let Given {
        value: text,
        origin,
    } = given;
    let right = match text.strip_prefix("unix:") {
        Some(path) => !path.is_empty(),
        None => text
            .rsplit_once(':')
            .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok()),
    };
    match right {
        true => Ok(text.clone()),
        false => Err(invalid(
            origin,
            text,
            "HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000, or unix:PATH",
        )),
    }
}

fn is_host(host: &str) -> bool {
    match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    }
}

fn is_script(text: &str) -> bool {
    text.contains(['/', '\\']) || [".py", ".pyw"].iter().any(|suffix| text.ends_with(suffix))
}

/// Is it a dotted Python name?
#[must_use]
pub fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut letters = part.chars();
        let first = letters
            .next()
            .is_some_and(|c| c.is_alphabetic() || c == '_');
        first && letters.all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Can it be imported by this name? `importlib` takes what no `import` statement can say: CPython itself has a
/// `_sysconfigdata__linux_x86_64-linux-gnu`.
#[must_use]
pub fn is_importable(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/\\:;,*?\"'()[]{}".contains(c);
    text.split('.').all(|part| !part.is_empty()) && !text.starts_with('-') && !text.contains(odd)
}

fn invalid(origin: &Origin, text: &str, expected: &str) -> ConfigError {
    ConfigError::Invalid {
        origin: origin.clone(),
        got: format!("`{text}`"),
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn given(text: &str) -> Given<String> {
        Given {
            value: text.into(),
            origin: Origin::Flag("--x".into()),
        }
    }

    #[test]
    fn tells_entries_apart() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("app.py"), "").unwrap();
        fs_err::write(folder.path().join("start"), "").unwrap();
        let check = |text: &str, expect: Option<Entry>| {
            assert_eq!(entry(&given(text), folder.path()).ok(), expect, "{text}");
        };
        check("app.py", Some(Entry::Script(folder.path().join("app.py"))));
        check(
            "./app.py",
            Some(Entry::Script(folder.path().join("app.py"))),
        );
        check("start", Some(Entry::Script(folder.path().join("start"))));
        check("absent.py", None);
        check("package", Some(Entry::Module("package".into())));
        check("a.b", Some(Entry::Module("a.b".into())));
        check(
            "a.b:main",
            Some(Entry::Function {
                module: "a.b".into(),
                function: "main".into(),
            }),
        );
        check(
            "a.b:Class.run",
            Some(Entry::Function {
                module: "a.b".into(),
                function: "Class.run".into(),
            }),
        );
        check("a-b", None);
        check("a..b", None);
        check("a:b:c", None);
        check("3d", None);
    }

    #[test]
    fn reads_wsgi_applications() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let read = wsgi(text, &Origin::Flag("--wsgi".into())).ok();
            assert_eq!(
                read,
                expect.map(|(m, c)| (m.to_owned(), c.to_owned())),
                "{text}"
            );
        };
        check("site.wsgi:application", Some(("site.wsgi", "application")));
        check("app:create_app()", Some(("app", "create_app()")));
        check("app:factory.app", Some(("app", "factory.app")));
        check("app", None);
        check("app:", None);
        check(":app", None);
        check("app.py:app", Some(("app.py", "app")));
        check("app:create_app('x')", None);
    }

    #[test]
    fn reads_addresses() {
        let check =
            |text: &str, right: bool| assert_eq!(address(&given(text)).is_ok(), right, "{text}");
        check("127.0.0.1:8000", true);
        check("localhost:0", true);
        check("[::1]:8000", true);
        check("::1:8000", false);
        check(":8000", false);
        check("8000", false);
        check("host:70000", false);
        check("unix:/run/x.sock", true);
        check("unix:", false);
    }
}
