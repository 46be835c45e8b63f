//! What a request target says: path, query, and in absolute form the host.

use std::borrow::Cow;

use super::transport::head::authority_of;

/// A request target, taken apart. The head was checked before: the target is one of the three forms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Target<'a> {
    /// As the client sent it.
    pub raw: &'a [u8],
    /// The path, percent-decoded: any bytes.
    pub path: Cow<'a, [u8]>,
    /// What is behind the `?`, not decoded.
    pub query: &'a [u8],
    /// The authority of an absolute form; it wins over the Host field (RFC 9112, section 3.2.2).
    pub host: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Takes `raw` apart.
    pub(crate) fn parse(raw: &'a [u8]) -> Self {
        let host = if raw.first() == Some(&b'/') {
            None
        } else {
            authority_of(raw)
        };
        let local = match host {
            // `scheme://` and the authority; what follows may be empty or begin with `?`.
            Some(host) => {
                let begin = memchr::memmem::find(raw, b"://").map_or(0, |colon| colon + 3);
                raw.get(begin + host.len()..).unwrap_or_default()
            }
            None => raw,
        };
        let (path, query) = match memchr::memchr(b'?', local) {
            Some(mark) => (&local[..mark], &local[mark + 1..]),
            None => (local, &b""[..]),
        };
        Self {
            path: match path {
                b"" => Cow::Borrowed(b"/"),
                _ if memchr::memchr(b'%', path).is_none() => Cow::Borrowed(path),
                _ => Cow::Owned(decode(path)),
            },
            query,
            host,
            raw,
        }
    }
}

// A `%` without two digits stands for itself, as everywhere (urllib.parse.unquote_to_bytes).
fn decode(path: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(path.len());
    let mut position = 0;
    while let Some(&byte) = path.get(position) {
        let escape = if byte == b'%' {
            digit(path.get(position + 1)).zip(digit(path.get(position + 2)))
        } else {
            None
        };
        if let Some((high, low)) = escape {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            position += 3;
        } else {
            decoded.push(byte);
            position += 1;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, path: &[u8], query: &str, host: Option<&str>) {
        let target = Target::parse(raw.as_bytes());
        assert_eq!(
            (&*target.path, target.query, target.host),
            (path, query.as_bytes(), host.map(str::as_bytes)),
            "{raw}"
        );
    }

    #[test]
    fn targets() {
        check("/", b"/", "", None);
        check(
            "/a%20b/%C3%A9%2Fx?q=%20&?",
            b"/a b/\xc3\xa9/x",
            "q=%20&?",
            None,
        );
        check("/%", b"/%", "", None);
        check("/%4", b"/%4", "", None);
        check("/%zz%41", b"/%zzA", "", None);
        check("/%00%ff", b"/\0\xff", "", None);
        check("//a//b", b"//a//b", "", None);
        check("/http://x/", b"/http://x/", "", None);
        check("*", b"*", "", None);
        check("http://h:1/p?q", b"/p", "q", Some("h:1"));
        check("HTTP://h", b"/", "", Some("h"));
        check("http://h?q", b"/", "q", Some("h"));
    }
}
