//! What the server reads of a request before any application sees it, compiled by itself: the runtime is a library for
//! a process that has Python in it.

use std::path::Component;

use wsgi::exchange::{Fields, Request};
use wsgi::forwarded::Trusted;
use wsgi::statics;
use wsgi::transport::chunked::{Chunked, Malformed};
use wsgi::transport::head::{self, Framing, HeadLimits, Parsed, Refusal, Span};

#[allow(
    dead_code,
    unreachable_pub,
    reason = "parts of a whole that is not here"
)]
mod wsgi;

const LIMITS: HeadLimits = HeadLimits {
    size: 16 << 10,
    fields: 32,
    body: 1 << 40,
};

/// What a server would do with `input` on a connection, and what has to hold whatever that is.
///
/// # Panics
/// When it does not hold.
pub fn request(input: &[u8]) {
    let Ok(Some(length)) = found_in_pieces(input) else {
        return;
    };
    let (text, rest) = input.split_at(length);
    let mut spans = Vec::new();
    let Ok(parsed) = head::parse(text, &LIMITS, &mut spans) else {
        return;
    };
    other_readers_agree(text, &parsed, &spans);
    framing_is_clear(text, &parsed, &spans);
    let local = "127.0.0.1:80".parse().expect("an address");
    let mut request = Request::new(text, &parsed, &spans, [local, local], 0);
    seen_by_application(&mut request);
    if let Some(name) = statics::name(
        request.target.path.get(1..).unwrap_or_default(),
        request.target.raw,
    ) {
        let is_plain = |component| matches!(component, Component::Normal(_));
        assert!(name.components().all(is_plain), "{name:?}");
    }
    for size in [0, 1, 1000] {
        if let Some((first, last)) = statics::part(&request.fields, size) {
            assert!(first <= last && last < size);
        }
    }
    if parsed.framing == Framing::Chunked {
        chunked(rest);
    }
}

/// The end of a head is the same wherever the input is cut in two.
fn found_in_pieces(input: &[u8]) -> Result<Option<usize>, Refusal> {
    let mut scanned = 0;
    let whole = head::end(input, &mut scanned);
    let (mut scanned, mut found) = (0, Ok(None));
    for end in 0..=input.len().min(200) {
        found = head::end(&input[..end], &mut scanned);
        if found != Ok(None) {
            break;
        }
    }
    if found == Ok(None) {
        found = head::end(input, &mut scanned);
    }
    assert_eq!(whole, found);
    whole
}

/// What we take for a request, others read as the same one.
fn other_readers_agree(text: &[u8], parsed: &Parsed, spans: &[(Span, Span)]) {
    // A later HTTP/1 is read as the latest that is known, and this reader refuses it.
    let mut known = text.to_vec();
    let line = text.iter().position(|&byte| byte == b'\r').expect("a line");
    if parsed.http11 {
        known[line - 1] = b'1';
    }
    let text = known.as_slice();
    let mut fields = [httparse::EMPTY_HEADER; LIMITS.fields];
    let mut other = httparse::Request::new(&mut fields);
    let end = other.parse(text).expect("httparse reads it");
    assert_eq!(end, httparse::Status::Complete(text.len()));
    assert_eq!(
        other.method.map(str::as_bytes),
        Some(parsed.method.of(text))
    );
    assert_eq!(other.path.map(str::as_bytes), Some(parsed.target.of(text)));
    assert_eq!(other.version, Some(u8::from(parsed.http11)));
    assert_eq!(other.headers.len(), spans.len());
    for (field, (name, value)) in other.headers.iter().zip(spans) {
        assert_eq!(field.name.as_bytes(), name.of(text));
        assert_eq!(field.value.trim_ascii(), value.of(text));
    }
}

/// Nobody can think that the body ends elsewhere.
fn framing_is_clear(text: &[u8], parsed: &Parsed, spans: &[(Span, Span)]) {
    let values = |wanted: &str| {
        let named = spans
            .iter()
            .filter(|(name, _)| name.of(text).eq_ignore_ascii_case(wanted.as_bytes()));
        named.map(|(_, value)| value.of(text)).collect::<Vec<_>>()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    match parsed.framing {
        Framing::Chunked => {
            assert!(parsed.http11 && lengths.is_empty());
            assert!(
                codings
                    .iter()
                    .all(|value| value.eq_ignore_ascii_case(b"chunked"))
                    && codings.len() == 1
            );
        }
        Framing::Length(length) => {
            assert!(codings.is_empty() && lengths.len() <= 1);
            let said = lengths
                .first()
                .map_or("0", |value| std::str::from_utf8(value).expect("digits"));
            assert_eq!(said.parse(), Ok(length));
        }
    }
    let hosts = values("host").len();
    assert!(hosts == 1 || (hosts == 0 && !parsed.http11));
}

/// Variables are what they are said to be, and each comes once.
fn seen_by_application(request: &mut Request<'_>) {
    let fields: Fields<'_> = request.fields;
    let mut names: Vec<Vec<u8>> = Vec::new();
    let all = wsgi::environ::joined(fields, |field, value| {
        assert!(!value.contains(&b'\n') && !value.contains(&b'\r') && !value.contains(&0));
        if let Some(name) = wsgi::environ::variable(field) {
            assert_ne!(&*name, b"HTTP_PROXY");
            names.push(name.into_owned());
        }
        Ok::<(), ()>(())
    });
    assert_eq!(all, Ok(()));
    names.sort();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before, "two fields are one variable");
    for headers in ["x-forwarded", "forwarded"] {
        let settings = payload::Wsgi {
            trusted_proxies: Some("127.0.0.0/8, 10.0.0.1".to_owned()),
            proxy_headers: Some(headers.to_owned()),
            ..payload::Wsgi::default()
        };
        Trusted::new(&settings).expect("addresses").apply(request);
        if let Some(host) = &request.forwarded.host {
            assert!(head::is_host(host.as_bytes()));
        }
    }
}

/// A chunked body is the same in one piece and in many, and ends nowhere else.
///
/// # Panics
/// When it is not.
pub fn chunked(input: &[u8]) {
    let mut whole = Vec::new();
    let mut state = Chunked::START;
    let at_once = state.advance(input, |data| whole.extend_from_slice(data));
    let (mut pieces, mut now, mut used) = (Vec::new(), Chunked::START, 0);
    let mut in_pieces: Result<usize, Malformed> = Ok(0);
    for byte in input.chunks(1) {
        in_pieces = now.advance(byte, |data| pieces.extend_from_slice(data));
        match in_pieces {
            Ok(taken) => used += taken,
            Err(Malformed) => break,
        }
    }
    assert_eq!(at_once, in_pieces.map(|_| used));
    assert_eq!(whole, pieces);
    if at_once.is_ok() && state == Chunked::Done {
        assert!(input[..used].ends_with(b"\r\n"));
        assert!(whole.len() < used);
    }
}
