//! Which responses are worth compressing, and what becomes of their heads.

use crate::wsgi::exchange::ResponseHead;

/// What becomes of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is.
    Same,
    /// Another client might get it compressed: caches have to know.
    Varies,
    /// It is compressed; `length`: of the body, where it is known.
    Compressed {
        /// Bytes before compression.
        length: Option<u64>,
    },
}

/// Types that are text in truth.
const TYPES: [&str; 15] = [
    "application/javascript",
    "application/x-javascript",
    "application/json",
    "application/x-ndjson",
    "application/manifest+json",
    "application/xml",
    "application/rtf",
    "application/wasm",
    "application/graphql",
    "application/yaml",
    "application/sql",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
    "image/bmp",
];

/// Fields that tell of the very bytes that the application gave: they would be wrong for others.
const EXACT: [&str; 5] = [
    "content-encoding",
    "content-range",
    "content-digest",
    "content-md5",
    "digest",
];

/// Whether one of the comma-separated words of the field `name` is `word`.
fn says(head: &ResponseHead, name: &str, word: &str) -> bool {
    head.values(name)
        .flat_map(|value| value.split(|&byte| byte == b','))
        .any(|element| element.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

fn is_text(head: &ResponseHead) -> bool {
    let Some(value) = head.values("content-type").next() else {
        return false;
    };
    let kind = value.split(|&byte| byte == b';').next().unwrap_or_default();
    let kind = String::from_utf8_lossy(kind.trim_ascii()).to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || TYPES.contains(&&*kind)
}

/// Decides on a response to a client that takes a coding of ours or not; bodies below `least` bytes are not worth it.
pub(super) fn fate(head: &ResponseHead, client_takes: bool, least: u64) -> Fate {
    if head.status == 304 {
        // As the 200 in its place would say (RFC 9110, section 15.4.5).
        return Fate::Varies;
    }
    let length = head
        .values("content-length")
        .next()
        .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    if matches!(head.status, 204..=206)
        || !is_text(head)
        || EXACT.iter().any(|name| head.values(name).next().is_some())
        || says(head, "cache-control", "no-transform")
        || length.is_some_and(|length: u64| length < least.max(1))
    {
        Fate::Same
    } else if client_takes {
        Fate::Compressed { length }
    } else {
        Fate::Varies
    }
}

/// The head of a response that differs by what the client takes.
pub(super) fn varying(head: &ResponseHead) -> ResponseHead {
    let mut head = head.clone();
    if !says(&head, "vary", "accept-encoding") && !says(&head, "vary", "*") {
        head.push(b"Vary", b"Accept-Encoding");
    }
    head
}

/// The head of a compressed one; `length` of the whole body now, when it is known.
pub(super) fn compressed(head: &ResponseHead, coding: &str, length: Option<usize>) -> ResponseHead {
    let mut head = varying(head).with_fields(|name, value| {
        if name.eq_ignore_ascii_case(b"etag") && !value.starts_with(b"W/") {
            // The same to who reads it, byte by byte another (RFC 9110, section 8.8.1).
            return Some([b"W/", value].concat().into());
        }
        // Parts of it cannot be asked for: they would not be the same at the next compression.
        let tells_of_bytes = name.eq_ignore_ascii_case(b"content-length")
            || name.eq_ignore_ascii_case(b"accept-ranges");
        (!tells_of_bytes).then_some(value.into())
    });
    head.push(b"Content-Encoding", coding.as_bytes());
    if let Some(length) = length {
        head.push(b"Content-Length", length.to_string().as_bytes());
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
        let mut head = ResponseHead::new(status, b"");
        for (name, value) in fields {
            head.push(name.as_bytes(), value.as_bytes());
        }
        head
    }

    const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

    fn of(status: u16, fields: &[(&str, &str)]) -> Fate {
        fate(&head(status, fields), true, 100)
    }

    #[test]
    fn text_is_compressed() {
        let all = Fate::Compressed { length: None };
        assert_eq!(of(200, &[HTML]), all);
        assert_eq!(of(404, &[HTML]), all);
        assert_eq!(
            of(200, &[("content-type", "Application/Problem+JSON")]),
            all
        );
        let long = Fate::Compressed { length: Some(100) };
        assert_eq!(of(200, &[HTML, ("Content-Length", "100")]), long);
        assert_eq!(fate(&head(200, &[HTML]), false, 100), Fate::Varies);
        assert_eq!(of(304, &[]), Fate::Varies);
    }

    #[test]
    fn the_rest_stays() {
        assert_eq!(of(200, &[]), Fate::Same);
        assert_eq!(of(200, &[("Content-Type", "image/png")]), Fate::Same);
        assert_eq!(of(204, &[HTML]), Fate::Same);
        assert_eq!(of(206, &[HTML]), Fate::Same);
        for field in [
            ("Content-Length", "99"),
            ("Content-Encoding", "br"),
            ("content-range", "bytes */9"),
            ("Cache-Control", "private, No-Transform"),
            ("Content-Digest", "sha-256=:x:"),
        ] {
            assert_eq!(of(200, &[HTML, field]), Fate::Same, "{field:?}");
        }
        assert_eq!(
            fate(&head(200, &[HTML, ("Content-Length", "0")]), true, 0),
            Fate::Same
        );
    }

    #[test]
    fn heads() {
        let before = head(
            200,
            &[
                HTML,
                ("ETag", "\"a\""),
                ("Content-Length", "9"),
                ("Accept-Ranges", "bytes"),
                ("Vary", "Cookie"),
            ],
        );
        let expected = head(
            200,
            &[
                HTML,
                ("ETag", "W/\"a\""),
                ("Vary", "Cookie"),
                ("Vary", "Accept-Encoding"),
                ("Content-Encoding", "gzip"),
                ("Content-Length", "5"),
            ],
        );
        assert_eq!(compressed(&before, "gzip", Some(5)), expected);
        for told in ["*", "Cookie, accept-encoding"] {
            let before = head(200, &[("Vary", told), ("ETag", "W/\"b\"")]);
            assert_eq!(varying(&before), before);
            let after = compressed(&before, "zstd", None);
            assert_eq!(after.values("etag").next(), Some(&b"W/\"b\""[..]));
        }
    }
}
