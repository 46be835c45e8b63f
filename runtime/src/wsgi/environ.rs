//! From a request to the variables of its environ, without Python.

use std::borrow::Cow;

use super::exchange::Request;

/// The variable for a header field, `None` for one that must not become any.
///
/// Names with an underscore are dropped: `X_A` and `X-A` would be one variable, and a proxy that guards one of them does
/// not guard the other. `Proxy` would be HTTP_PROXY, which HTTP clients obey (CVE-2016-5385).
pub(crate) fn variable(field: &str) -> Option<Cow<'static, str>> {
    match field {
        "content-type" => Some(Cow::Borrowed("CONTENT_TYPE")),
        "content-length" => Some(Cow::Borrowed("CONTENT_LENGTH")),
        "proxy" => None,
        _ if field.contains('_') => None,
        _ => Some(Cow::Owned(format!(
            "HTTP_{}",
            field.to_ascii_uppercase().replace('-', "_")
        ))),
    }
}

/// Field values that came several times become one (RFC 9110, section 5.3; cookies RFC 6265, section 5.4).
pub(crate) fn joined(request: &Request) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
    let mut fields = request.fields.iter().peekable();
    std::iter::from_fn(move || {
        let (name, value) = fields.next()?;
        let mut value = Cow::Borrowed(value);
        while let Some((_, more)) = fields.next_if(|(next, _)| *next == name) {
            let separator: &[u8] = if name == "cookie" { b"; " } else { b", " };
            let value = value.to_mut();
            value.extend_from_slice(separator);
            value.extend_from_slice(more);
        }
        Some((name, value))
    })
}

/// The variables that every request has, besides those of its fields.
pub(crate) fn variables(request: &Request) -> [(&'static str, Cow<'_, [u8]>); 10] {
    let text = |text: String| Cow::Owned(text.into_bytes());
    let peer = request.peer.ip().to_canonical();
    // `OPTIONS *` is about no path; PATH_INFO must be empty or begin with a slash (RFC 3875, section 4.1.5).
    let path: &[u8] = if request.target.raw == "*" {
        b""
    } else {
        &request.target.path
    };
    [
        ("REQUEST_METHOD", Cow::Borrowed(request.method.as_bytes())),
        ("SCRIPT_NAME", Cow::Borrowed(b"")),
        ("PATH_INFO", Cow::Borrowed(path)),
        (
            "QUERY_STRING",
            Cow::Borrowed(request.target.query.as_bytes()),
        ),
        ("REQUEST_URI", Cow::Borrowed(request.target.raw.as_bytes())),
        (
            "SERVER_PROTOCOL",
            Cow::Borrowed(if request.http11 {
                b"HTTP/1.1"
            } else {
                b"HTTP/1.0"
            }),
        ),
        (
            "SERVER_NAME",
            text(request.local.ip().to_canonical().to_string()),
        ),
        ("SERVER_PORT", text(request.local.port().to_string())),
        ("REMOTE_ADDR", text(peer.to_string())),
        ("REMOTE_PORT", text(request.peer.port().to_string())),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wsgi::exchange::Fields;
    use crate::wsgi::target::Target;
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn variables_of_fields() {
        assert_eq!(
            variable("accept-encoding").as_deref(),
            Some("HTTP_ACCEPT_ENCODING")
        );
        assert_eq!(variable("content-type").as_deref(), Some("CONTENT_TYPE"));
        assert_eq!(variable("proxy"), None);
        assert_eq!(variable("x_a"), None);
    }

    #[test]
    fn repeated_fields_are_joined() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("a", "1"),
            ("cookie", "x=1"),
            ("a", "2"),
            ("cookie", "y=2"),
            ("b", "\u{e9}"),
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            fields.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let request = Request {
            method: "GET".into(),
            target: Target::parse("/a%20b?c"),
            http11: true,
            fields: Fields(fields),
            peer: "[::ffff:1.2.3.4]:5".parse().unwrap(),
            local: "[::1]:80".parse().unwrap(),
        };
        let joined: Vec<_> = joined(&request).collect();
        let value = |name| joined.iter().find(|(n, _)| *n == name).unwrap().1.as_ref();
        assert_eq!(
            (value("a"), value("cookie")),
            (&b"1, 2"[..], &b"x=1; y=2"[..])
        );
        assert_eq!(joined.len(), 3);
        let variables = variables(&request);
        let variable = |name| &*variables.iter().find(|(n, _)| *n == name).unwrap().1;
        assert_eq!(variable("PATH_INFO"), b"/a b");
        assert_eq!(variable("REMOTE_ADDR"), b"1.2.3.4");
        assert_eq!(variable("SERVER_NAME"), b"::1");
    }
}
