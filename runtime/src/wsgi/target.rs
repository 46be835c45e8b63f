//! What a request target says: path, query, and in absolute form the host.

use super::transport::head::authority_of;

/// A request target, taken apart. The head was checked before: the target is one of the three forms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Target {
    /// As the client sent it.
    pub raw: String,
    /// The path, percent-decoded: any bytes.
    pub path: Vec<u8>,
    /// What is behind the `?`, not decoded.
    pub query: String,
    /// The authority of an absolute form; it wins over the Host field (RFC 9112, section 3.2.2).
    pub host: Option<String>,
}

impl Target {
    /// Takes `raw` apart.
    pub(crate) fn parse(raw: &str) -> Self {
        let host = if raw.starts_with('/') {
            None
        } else {
            authority_of(raw.as_bytes())
        };
        let host = host.map(|host| String::from_utf8_lossy(host).into_owned());
        let local = match &host {
            // `scheme://` and the authority; what follows may be empty or begin with `?`.
            Some(host) => raw
                .split_once("://")
                .map_or("", |(_, rest)| &rest[host.len()..]),
            None => raw,
        };
        let (path, query) = local.split_once('?').unwrap_or((local, ""));
        let path = if path.is_empty() { "/" } else { path };
        Self {
            path: decode(path.as_bytes()),
            query: query.to_owned(),
            host,
            raw: raw.to_owned(),
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
        let target = Target::parse(raw);
        assert_eq!(
            (&*target.path, &*target.query, target.host.as_deref()),
            (path, query, host),
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
