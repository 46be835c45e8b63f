//! From a request to the variables of its environ, without Python.

use std::borrow::Cow;

use super::exchange::Fields;

/// The variable for a header field, `None` for one that must not become any.
///
/// Names with an underscore are dropped: `X_A` and `X-A` would be one variable, and a proxy that guards one of them does
/// not guard the other. `Proxy` would be HTTP_PROXY, which HTTP clients obey (CVE-2016-5385).
pub(crate) fn variable(field: &[u8]) -> Option<Cow<'static, [u8]>> {
    if field.eq_ignore_ascii_case(b"content-type") {
        return Some(Cow::Borrowed(b"CONTENT_TYPE"));
    }
    if field.eq_ignore_ascii_case(b"content-length") {
        return Some(Cow::Borrowed(b"CONTENT_LENGTH"));
    }
    if field.eq_ignore_ascii_case(b"proxy") || field.contains(&b'_') {
        return None;
    }
    let mut variable = Vec::with_capacity(field.len() + 5);
    variable.extend_from_slice(b"HTTP_");
    variable.extend(field.iter().map(|byte| match byte {
        b'-' => b'_',
        _ => byte.to_ascii_uppercase(),
    }));
    Some(Cow::Owned(variable))
}

/// Calls `each` with every field once: values that came several times become one (RFC 9110, section 5.3; cookies RFC 6265,
/// section 5.4).
///
/// # Errors
/// The first of `each`.
pub(crate) fn joined<E>(
    fields: Fields<'_>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for (index, (name, value)) in fields.iter().enumerate() {
        let same = |(other, _): &(&[u8], &[u8])| {
            other.len() == name.len() && other.eq_ignore_ascii_case(name)
        };
        if fields.iter().take(index).any(|field| same(&field)) {
            continue;
        }
        let mut rest = fields.iter().skip(index + 1).filter(same).peekable();
        if rest.peek().is_none() {
            each(name, value)?;
            continue;
        }
        let separator: &[u8] = if name.eq_ignore_ascii_case(b"cookie") {
            b"; "
        } else {
            b", "
        };
        let mut all = value.to_vec();
        for (_, value) in rest {
            all.extend_from_slice(separator);
            all.extend_from_slice(value);
        }
        each(name, &all)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::wsgi::exchange::{Request, Version};
    use crate::wsgi::transport::head::{HeadLimits, parse};

    #[test]
    fn variables_of_fields() {
        let variable = |field: &str| {
            variable(field.as_bytes()).map(|name| String::from_utf8(name.into_owned()).unwrap())
        };
        assert_eq!(
            variable("Accept-encoding").as_deref(),
            Some("HTTP_ACCEPT_ENCODING")
        );
        assert_eq!(variable("content-Type").as_deref(), Some("CONTENT_TYPE"));
        assert_eq!(variable("Proxy"), None);
        assert_eq!(variable("x_a"), None);
    }

    #[test]
    fn repeated_fields_are_joined() {
        let head = b"GET /a%20b?c HTTP/1.1\r\nHost: h\r\na: 1\r\nCookie: x=1\r\nA: 2\r\ncookie: y=2\r\nb: \xe9\r\n\r\n";
        let limits = HeadLimits {
            size: 1000,
            fields: 10,
            body: 0,
        };
        let mut spans = Vec::new();
        let parsed = parse(head, &limits, &mut spans).unwrap();
        let addresses = ["1.2.3.4:5".parse().unwrap(), "[::1]:80".parse().unwrap()];
        let request = Request::new(head, &parsed, &spans, addresses, 0);
        assert_eq!(request.label(), "GET /a%20b?c");
        assert_eq!(
            (&*request.target.path, request.version),
            (&b"/a b"[..], Version::Http11)
        );
        let mut seen = Vec::new();
        let all: Result<(), ()> = joined(request.fields, |name, value| {
            seen.push((name.to_vec(), value.to_vec()));
            Ok(())
        });
        all.unwrap();
        let expected: [(&[u8], &[u8]); 4] = [
            (b"Host", b"h"),
            (b"a", b"1, 2"),
            (b"Cookie", b"x=1; y=2"),
            (b"b", b"\xe9"),
        ];
        let seen: Vec<(&[u8], &[u8])> = seen.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(seen, expected);
    }
}
