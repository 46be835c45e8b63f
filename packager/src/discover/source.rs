//! Python source files as text: byte order marks and PEP 263 encodings.

use std::borrow::Cow;

/// A source file's text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// The text; what could not be decoded is replaced when `exact` is false.
    pub(crate) text: Cow<'a, str>,
    /// False for an encoding that is not decoded here: imports can be read (they are ASCII in practice), but an error
    /// in it proves nothing.
    pub(crate) exact: bool,
}

/// Why a file is no Python source; the words are CPython's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotText {
    /// 1-based.
    pub(crate) line: u32,
    pub(crate) message: String,
}

/// Decodes `bytes` as CPython does: a byte order mark, else the cookie in one of the first two lines, else UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> Result<Text<'_>, NotText> {
    let (bytes, marked) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let cookie = if marked { None } else { cookie(bytes) };
    match cookie.as_deref().map(normal_name).as_deref() {
        None | Some("utf-8" | "ascii" | "us-ascii") => utf8(bytes).map(|text| Text {
            text: Cow::Borrowed(text),
            exact: true,
        }),
        Some("latin-1") => Ok(Text {
            text: Cow::Owned(bytes.iter().copied().map(char::from).collect()),
            exact: true,
        }),
        Some(_) => Ok(Text {
            text: String::from_utf8_lossy(bytes),
            exact: false,
        }),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, NotText> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        NotText {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            message: format!(
                "Non-UTF-8 code starting with '\\x{:02x}', but no encoding declared",
                bytes[at]
            ),
        }
    })
}

/// The name in `coding[=:]\s*([-\w.]+)` of a comment that is alone on one of the first two lines.
fn cookie(bytes: &[u8]) -> Option<String> {
    for (index, line) in bytes.split(|byte| *byte == b'\n').take(2).enumerate() {
        let start = line
            .iter()
            .position(|byte| !b" \t\x0c".contains(byte))
            .unwrap_or(line.len());
        let line = &line[start..];
        if line.first() == Some(&b'#') {
            if let Some(name) = cookie_in(line) {
                return Some(name);
            }
        } else if index == 0 && !matches!(line, b"" | b"\r") {
            return None;
        }
    }
    None
}

fn cookie_in(comment: &[u8]) -> Option<String> {
    const WORD: &[u8] = b"coding";
    let starts =
        (0..comment.len().saturating_sub(WORD.len())).filter(|at| comment[*at..].starts_with(WORD));
    starts.into_iter().find_map(|at| {
        let rest = &comment[at + WORD.len()..];
        let rest = rest
            .strip_prefix(b":")
            .or_else(|| rest.strip_prefix(b"="))?
            .trim_ascii_start();
        let name = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
        let name: String = name.map(|byte| char::from(*byte)).collect();
        (!name.is_empty()).then_some(name)
    })
}

/// As `get_normal_name` of CPython's tokenizer.
fn normal_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c == '_' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    let is = |stem: &str| name == stem || name.starts_with(&format!("{stem}-"));
    if is("utf-8") || name == "utf8" {
        "utf-8".to_owned()
    } else if is("latin-1") || is("iso-8859-1") || is("iso-latin-1") || name == "latin1" {
        "latin-1".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], text: &str, exact: bool) {
        assert_eq!(
            decode(bytes).unwrap(),
            Text {
                text: Cow::Borrowed(text),
                exact
            }
        );
    }

    #[test]
    fn encodings() {
        check(b"a = 1\n", "a = 1\n", true);
        check("é = 1".as_bytes(), "é = 1", true);
        check(b"\xef\xbb\xbfimport a", "import a", true);
        check(
            b"# -*- coding: latin-1 -*-\n'\xe9'",
            "# -*- coding: latin-1 -*-\n'é'",
            true,
        );
        check(
            b"#!/usr/bin/python\n# vim: set fileencoding=iso-8859-1 :\n'\xe9'",
            "#!/usr/bin/python\n# vim: set fileencoding=iso-8859-1 :\n'é'",
            true,
        );
        check(
            b"# coding: koi8-r\n'\xe9'",
            "# coding: koi8-r\n'\u{fffd}'",
            false,
        );
        check(b"\n# coding: UTF_8\n", "\n# coding: UTF_8\n", true);
    }

    #[test]
    fn a_cookie_counts_only_in_a_comment_of_the_first_two_lines() {
        assert_eq!(cookie(b"x = 1\n# coding: latin-1"), None);
        assert_eq!(cookie(b"\n\n# coding: latin-1"), None);
        assert_eq!(cookie(b"'coding: latin-1'"), None);
        let error = decode(b"import a\n\n'\xe9'").unwrap_err();
        assert_eq!((error.line, error.message.contains("\\xe9")), (3, true));
    }
}
