//! Python source files as text: byte order marks and PEP 263 encodings.

use std::borrow::Cow;

/// A source file's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// The text; what could not be decoded is replaced when `exact` is false.
    pub(crate) text: Cow<'a, str>,
    /// False for an encoding that is not decoded here: imports can be read (they are ASCII in practice), but an error
    /// in it proves nothing.
    pub(crate) exact: bool,
    /// Bytes that are no UTF-8 though no other encoding is declared, each replaced in the text: CPython overlooks them in
    /// comments, and nowhere else.
    pub(crate) strays: Vec<Stray>,
}

/// A byte that is no UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stray {
    /// Where its replacement stands in the text.
    pub(crate) at: usize,
    pub(crate) byte: u8,
}

impl Stray {
    /// In CPython's words.
    pub(crate) fn message(&self) -> String {
        format!(
            "Non-UTF-8 code starting with '\\x{:02x}', but no encoding declared",
            self.byte
        )
    }
}

/// Decodes `bytes` as CPython does: a byte order mark, else the cookie in one of the first two lines, else UTF-8.
pub(crate) fn decode(bytes: &[u8]) -> Text<'_> {
    let (bytes, marked) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let cookie = if marked { None } else { cookie(bytes) };
    match cookie.as_deref().map(normal_name).as_deref() {
        None | Some("utf-8" | "ascii" | "us-ascii") => utf8(bytes),
        Some("latin-1") => Text {
            text: Cow::Owned(bytes.iter().copied().map(char::from).collect()),
            exact: true,
            ..Text::default()
        },
        Some(_) => Text {
            text: String::from_utf8_lossy(bytes),
            ..Text::default()
        },
    }
}

fn utf8(bytes: &[u8]) -> Text<'_> {
    let mut strays = Vec::new();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(replaced(bytes, &mut strays)),
    };
    Text {
        text,
        exact: true,
        strays,
    }
}

fn replaced(bytes: &[u8], strays: &mut Vec<Stray>) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if let Some(byte) = chunk.invalid().first() {
            strays.push(Stray {
                at: text.len(),
                byte: *byte,
            });
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
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
            decode(bytes),
            Text {
                text: Cow::Borrowed(text),
                exact,
                strays: Vec::new(),
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
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced_and_told() {
        let text = decode(b"a\n# \xe9t\xe9\n");
        assert_eq!(text.text, "a\n# \u{fffd}t\u{fffd}\n");
        let at: Vec<usize> = text.strays.iter().map(|stray| stray.at).collect();
        assert_eq!(at, [4, 8]);
        assert!(text.exact && text.strays[0].message().contains("\\xe9"));
    }
}
