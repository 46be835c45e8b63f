//! Who may ask the admin listener.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use sha2::{Digest, Sha256};

/// What a request must show.
#[derive(Debug)]
pub(super) struct Guard {
    // Of the token: comparing digests takes the same time whatever is alike in them.
    digest: Option<[u8; 32]>,
}

/// A request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// The token is missing or wrong.
    Token,
    /// Without a token, a page on another site could reach the listener by a name of its own that leads to 127.0.0.1
    /// (DNS rebinding); its requests bear that name.
    Host,
    /// A page on another site sent it (cross-site request forgery).
    Origin,
    /// No JSON: the kind of request that pages may send to other sites unasked.
    Type,
}

impl Denied {
    /// The answer.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Token => (StatusCode::UNAUTHORIZED, "the token is missing or wrong"),
            Self::Host => (
                StatusCode::FORBIDDEN,
                "use an address of this machine, or set `admin-token`",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "this came from a page of another site",
            ),
            Self::Type => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "application/json is wanted",
            ),
        }
    }
}

impl Guard {
    /// For this token.
    pub(super) fn new(token: Option<&str>) -> Self {
        Self {
            digest: token.map(|token| Sha256::digest(token).into()),
        }
    }

    /// Checks the head of a request.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Denied> {
        match &self.digest {
            Some(digest) if !knows(digest, request) => return Err(Denied::Token),
            None if !is_local(field(request, &HOST)) => return Err(Denied::Host),
            _ => {}
        }
        if request.method == Method::POST {
            if !is_own_page(request) {
                return Err(Denied::Origin);
            }
            let kind = field(request, &CONTENT_TYPE).split(';').next();
            if kind.is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
                return Err(Denied::Type);
            }
        }
        Ok(())
    }
}

// Empty for one that is missing, or is no text.
fn field<'a>(request: &'a Parts, name: &hyper::header::HeaderName) -> &'a str {
    let value = request.headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn knows(digest: &[u8; 32], request: &Parts) -> bool {
    let bearer = field(request, &AUTHORIZATION).split_once(' ');
    let bearer = bearer
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().as_bytes().to_vec());
    let token = bearer.or_else(|| parameter(request.uri.query()?, "token"));
    let given: [u8; 32] = Sha256::digest(token.unwrap_or_default()).into();
    let differences = digest
        .iter()
        .zip(given)
        .fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differences) == 0
}

/// The value of a parameter in a query.
pub(super) fn parameter(query: &str, name: &str) -> Option<Vec<u8>> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| decoded(value))
}

fn decoded(value: &str) -> Vec<u8> {
    let (bytes, mut decoded, mut index) = (value.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(index) {
        let digits = bytes.get(index + 1..index + 3).filter(|_| byte == b'%');
        let escaped = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        index += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

// `localhost` or an address of this machine, with any port: no site has such a name.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|it| it.to_canonical().is_loopback())
}

// Programs send neither field; browsers always send one of them with POST.
fn is_own_page(request: &Parts) -> bool {
    let origin = field(request, &ORIGIN);
    let own = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
        .is_some_and(|origin| origin.eq_ignore_ascii_case(field(request, &HOST)));
    let site = request.headers.get("sec-fetch-site");
    let same = site.is_none_or(|site| site == "same-origin" || site == "none");
    same && (own || !request.headers.contains_key(ORIGIN))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = hyper::Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn names_of_other_sites_are_refused_without_a_token() {
        let guard = Guard::new(None);
        let check = |host: &str| guard.check(&request("GET", "/", &[("host", host)]));
        for host in [
            "127.0.0.1:9000",
            "localhost",
            "LOCALHOST:1",
            "[::1]:9000",
            "127.9.9.9",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(check(host), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:9000",
            "localhost.evil.example",
            "",
            "[::1",
            "10.0.0.1",
        ] {
            assert_eq!(check(host), Err(Denied::Host), "{host}");
        }
        assert_eq!(guard.check(&request("GET", "/", &[])), Err(Denied::Host));
    }

    #[test]
    fn a_token_must_be_known() {
        let guard = Guard::new(Some("s3cret+&"));
        let check =
            |target: &str, fields: &[(&str, &str)]| guard.check(&request("GET", target, fields));
        assert_eq!(check("/", &[("authorization", "Bearer s3cret+&")]), Ok(()));
        assert_eq!(check("/", &[("authorization", "bearer  s3cret+&")]), Ok(()));
        assert_eq!(check("/metrics?a=b&token=s3cret+%26", &[]), Ok(()));
        for (target, fields) in [
            ("/", &[][..]),
            ("/?token=", &[]),
            ("/?token=s3cret", &[]),
            ("/?Token=s3cret%2b%26", &[]),
            ("/", &[("authorization", "Basic s3cret+&")]),
            ("/", &[("authorization", "Bearer")]),
            ("/?token=s3cret+%26", &[("authorization", "Bearer wrong")]),
        ] {
            assert_eq!(
                check(target, fields),
                Err(Denied::Token),
                "{target} {fields:?}"
            );
        }
    }

    #[test]
    fn pages_of_other_sites_cannot_post() {
        let guard = Guard::new(None);
        let check = |fields: &[(&str, &str)]| {
            let host = [("host", "127.0.0.1:9000")];
            guard.check(&request("POST", "/", &[&host[..], fields].concat()))
        };
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(check(&[json]), Ok(()));
        assert_eq!(
            check(&[
                json,
                ("origin", "http://127.0.0.1:9000"),
                ("sec-fetch-site", "same-origin")
            ]),
            Ok(())
        );
        for origin in ["http://evil.example", "null", "http://127.0.0.1:9001", ""] {
            assert_eq!(
                check(&[json, ("origin", origin)]),
                Err(Denied::Origin),
                "{origin}"
            );
        }
        assert_eq!(
            check(&[json, ("sec-fetch-site", "cross-site")]),
            Err(Denied::Origin)
        );
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonx",
        ] {
            assert_eq!(
                check(&[("content-type", kind)]),
                Err(Denied::Type),
                "{kind}"
            );
        }
        assert_eq!(check(&[]), Err(Denied::Type));
    }

    #[test]
    fn escapes_that_are_none() {
        assert_eq!(parameter("a=%4x%&token=%41%", "token").unwrap(), b"A%");
        assert_eq!(parameter("token", "token"), None);
    }
}
