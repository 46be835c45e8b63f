//! The head of a request.
//!
//! Some servers mend what they can: they drop one of two contradicting lengths, take a lone LF for a line end, accept a
//! request without Host. A proxy in front of us may mend differently, and the difference is how requests are smuggled.
//! Here such a head is refused (RFC 9112, sections 2.2, 3.2, 5 and 6).

/// How the body behind a head is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes.
    Length(u64),
    /// Chunks, ended by one of size 0.
    Chunked,
}

/// A request that is answered without being looked at further; the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The answer's status.
    pub status: u16,
    /// Why, for the client.
    pub reason: &'static str,
}

const fn bad(reason: &'static str) -> Refusal {
    Refusal {
        status: 400,
        reason,
    }
}

const fn refuse<T>(status: u16, reason: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status, reason })
}

/// What an operator may want to set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    /// Bytes of request line and fields together.
    pub size: usize,
    /// Number of fields.
    pub fields: usize,
    /// Bytes of the body.
    pub body: u64,
}

/// Finds the end of the head in `input`: `None` when it has not arrived yet. `scanned` is where an earlier call stopped.
///
/// # Errors
/// A line end that is not CR LF.
pub(crate) fn end(input: &[u8], scanned: &mut usize) -> Result<Option<usize>, Refusal> {
    while let Some(found) = memchr::memchr(b'\n', &input[*scanned..]) {
        let line_end = *scanned + found;
        if line_end == 0 || input[line_end - 1] != b'\r' {
            return Err(bad("a line does not end with CR LF"));
        }
        *scanned = line_end + 1;
        if line_end >= 3 && &input[line_end - 3..=line_end] == b"\r\n\r\n" {
            return Ok(Some(*scanned));
        }
    }
    *scanned = input.len();
    Ok(None)
}

/// A piece of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From one place to another. A head is shorter than 4 GiB.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let narrow = |place| u32::try_from(place).unwrap_or(u32::MAX);
        Self {
            start: narrow(start),
            end: narrow(end),
        }
    }

    /// What is there in `head`.
    pub(crate) fn of(self, head: &[u8]) -> &[u8] {
        head.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// What a well-formed head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// `GET`
    pub method: Span,
    /// As it was sent.
    pub target: Span,
    /// 1.1 or 1.0.
    pub http11: bool,
    /// Where the message ends.
    pub framing: Framing,
    /// The client wants to send another request on this connection.
    pub keep_alive: bool,
    /// The client waits for a 100 before it sends the body.
    pub expects: bool,
}

/// Checks a complete head, from the request line to the empty line, and takes it apart: `fields` becomes the names and
/// values in their order.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(
    head: &[u8],
    limits: &HeadLimits,
    fields: &mut Vec<(Span, Span)>,
) -> Result<Parsed, Refusal> {
    fields.clear();
    let mut next = 0;
    let mut line = || {
        let start = next;
        let rest = head.get(start..).unwrap_or_default();
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        next = start + length + 1;
        let line = &rest[..length];
        (start, line.strip_suffix(b"\r").unwrap_or(line))
    };
    let (_, first) = line();
    let (method, target, version) = request_line(first)?;
    let mut seen = Seen::default();
    loop {
        let (start, line) = line();
        if line.is_empty() {
            break;
        }
        if fields.len() == limits.fields {
            return refuse(431, "too many header fields");
        }
        let (name, value) = seen.line(line)?;
        let place = |span: Span| Span {
            start: span.start + Span::new(start, start).start,
            end: span.end + Span::new(start, start).start,
        };
        fields.push((place(name), place(value)));
    }
    let http11 = version == Version::Http11;
    Ok(Parsed {
        method,
        target,
        http11,
        keep_alive: if http11 {
            !seen.close
        } else {
            seen.keep_alive && !seen.close
        },
        // RFC 9110, section 10.1.1: not from HTTP/1.0.
        expects: seen.expects && http11,
        framing: seen.framing(version, limits)?,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

fn request_line(line: &[u8]) -> Result<(Span, Span, Version), Refusal> {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("the request line is not `METHOD TARGET VERSION`"));
    };
    let version = match version {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            // RFC 9110, section 2.5: what a later HTTP/1 says is to be read as the latest that is known.
            if *major != b'1' {
                return refuse(505, "this server speaks HTTP/1.1");
            }
            Version::Http11
        }
        _ => return Err(bad("the version of HTTP is malformed")),
    };
    if !is_token(method) {
        return Err(bad("the method is malformed"));
    }
    if method == b"CONNECT" {
        return refuse(501, "CONNECT is not supported");
    }
    check_target(method, target)?;
    let begin = method.len() + 1;
    Ok((
        Span::new(0, method.len()),
        Span::new(begin, begin + target.len()),
        version,
    ))
}

fn check_target(method: &[u8], target: &[u8]) -> Result<(), Refusal> {
    if target
        .iter()
        .any(|&byte| byte <= b' ' || byte == 0x7f || byte == b'#')
    {
        return Err(bad(
            "the request target has a character that must be percent-encoded",
        ));
    }
    // Raw UTF-8 is what some clients send; other bytes no URI reads.
    if std::str::from_utf8(target).is_err() {
        return Err(bad("the request target is not UTF-8"));
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" if method == b"OPTIONS" => Ok(()),
        _ => match authority_of(target) {
            Some(authority) if !authority.is_empty() && is_host(authority) => Ok(()),
            _ => Err(bad("the request target is malformed")),
        },
    }
}

/// The authority of a target in absolute form.
pub(crate) fn authority_of(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|&byte| byte == b':')?;
    let (scheme, rest) = target.split_at(colon);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest
        .iter()
        .position(|&byte| byte == b'/' || byte == b'?')
        .unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The transfer codings of all fields together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Codings {
    #[default]
    None,
    Chunked,
    /// Others, and none of them is chunked.
    Other,
    /// Others, and then chunked.
    OtherChunked,
    /// Something behind chunked.
    Wrong,
}

#[derive(Default)]
struct Seen {
    hosts: usize,
    length: Option<u64>,
    codings: Codings,
    expects: bool,
    close: bool,
    keep_alive: bool,
}

impl Seen {
    fn line(&mut self, line: &[u8]) -> Result<(Span, Span), Refusal> {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(bad("a header field is folded over several lines"));
        }
        let colon = memchr::memchr(b':', line).ok_or(bad("a header field has no colon"))?;
        let (start, end) = trim(line, colon + 1);
        let (name, value) = (&line[..colon], &line[start..end]);
        if !is_token(name) {
            return Err(bad("the name of a header field is malformed"));
        }
        if value
            .iter()
            .any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)
        {
            return Err(bad("the value of a header field has a control character"));
        }
        self.field(name, value)?;
        Ok((Span::new(0, colon), Span::new(start, end)))
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
            if !is_host(value) {
                return Err(bad("the Host field is malformed"));
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let length = decimal(value).ok_or(bad("the Content-Length is malformed"))?;
            if self.length.replace(length).is_some() {
                return Err(bad("there is more than one Content-Length"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            for coding in value.split(|&byte| byte == b',') {
                let chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
                self.codings = match (self.codings, chunked) {
                    (Codings::None, true) => Codings::Chunked,
                    (Codings::Chunked | Codings::Wrong, _) => Codings::Wrong,
                    (_, false) => Codings::Other,
                    (Codings::Other, true) => Codings::OtherChunked,
                    (Codings::OtherChunked, true) => Codings::Wrong,
                };
            }
        } else if name.eq_ignore_ascii_case(b"expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return refuse(417, "the only expectation supported is 100-continue");
            }
            self.expects = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|&byte| byte == b',') {
                let option = option.trim_ascii();
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }

    fn framing(self, version: Version, limits: &HeadLimits) -> Result<Framing, Refusal> {
        match (version, self.hosts) {
            (_, 1) | (Version::Http10, 0) => {}
            (Version::Http11, 0) => return Err(bad("there is no Host field")),
            _ => return Err(bad("there is more than one Host field")),
        }
        match (self.codings, self.length) {
            (Codings::None, _) => {}
            (_, Some(_)) => {
                return Err(bad(
                    "there are both a Content-Length and a Transfer-Encoding",
                ));
            }
            _ if version == Version::Http10 => {
                return Err(bad("HTTP/1.0 has no Transfer-Encoding"));
            }
            (Codings::Chunked, _) => return Ok(Framing::Chunked),
            (Codings::OtherChunked, _) => {
                return refuse(501, "the only transfer encoding supported is chunked");
            }
            // RFC 9112, section 6.3: nobody knows where the body ends.
            (Codings::Other | Codings::Wrong, _) => {
                return Err(bad(
                    "chunked is not the last transfer encoding, or not once",
                ));
            }
        }
        match self.length {
            Some(length) if length > limits.body => refuse(413, "the request body is too large"),
            length => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

/// Whether `name` is a token (RFC 9110, section 5.6.2): a method or a field name.
pub(crate) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| TOKEN[usize::from(byte)])
}

// Host or authority without user information: characters of a registered name, or an address in brackets, then a port.
// Empty is what a client sends whose target has no authority.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let Some(close) = rest.iter().position(|&byte| byte == b']') else {
                return false;
            };
            let (address, port) = (&rest[..close], &rest[close + 1..]);
            if address.is_empty()
                || !address
                    .iter()
                    .all(|b| b.is_ascii_hexdigit() || b":.".contains(b))
            {
                return false;
            }
            (&b""[..], port)
        }
        _ => value.split_at(
            value
                .iter()
                .position(|&byte| byte == b':')
                .unwrap_or(value.len()),
        ),
    };
    let port = if port.is_empty() {
        port
    } else {
        port.strip_prefix(b":").unwrap_or(b"x")
    };
    port.len() <= 5
        && port.iter().all(u8::is_ascii_digit)
        && host
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte))
}

// Where the value begins and ends, that stands in `line` behind `from` between blanks.
fn trim(line: &[u8], from: usize) -> (usize, usize) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (mut start, mut end) = (from, line.len());
    while start < end && blank(&line[start]) {
        start += 1;
    }
    while end > start && blank(&line[end - 1]) {
        end -= 1;
    }
    (start, end)
}

fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn framing(head: &str) -> Result<Framing, u16> {
        let limits = HeadLimits {
            size: 1 << 16,
            fields: 4,
            body: 1000,
        };
        let mut scanned = 0;
        match end(head.as_bytes(), &mut scanned) {
            Ok(Some(end)) => {
                let parsed = parse(&head.as_bytes()[..end], &limits, &mut Vec::new());
                parsed
                    .map(|parsed| parsed.framing)
                    .map_err(|refusal| refusal.status)
            }
            Ok(None) => Err(0),
            Err(refusal) => Err(refusal.status),
        }
    }

    #[track_caller]
    fn request(line: &str, fields: &str, expect: Result<Framing, u16>) {
        assert_eq!(
            framing(&format!("{line}\r\n{fields}\r\n")),
            expect,
            "{line} {fields}"
        );
    }

    const NONE: Result<Framing, u16> = Ok(Framing::Length(0));

    #[test]
    fn request_lines() {
        let host = "Host: a\r\n";
        request("GET / HTTP/1.1", host, NONE);
        request("OPTIONS * HTTP/1.1", host, NONE);
        request("GET http://b:80/x?y HTTP/1.1", host, NONE);
        request("GET / HTTP/1.0", "", NONE);
        request("GET / HTTP/1.2", host, NONE);
        for line in [
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET /",
            "G@T / HTTP/1.1",
            "GET a HTTP/1.1",
            "GET * HTTP/1.1",
        ] {
            request(line, host, Err(400));
        }
        for line in [
            "GET /#a HTTP/1.1",
            "GET /\t HTTP/1.1",
            "GET http:///x HTTP/1.1",
            "GET ftp://a/ HTTP/1.1",
            " / HTTP/1.1",
        ] {
            request(line, host, Err(400));
        }
        request("GET http://u@b/ HTTP/1.1", host, Err(400));
        request("GET / HTTP/2.0", host, Err(505));
        request("CONNECT a:1 HTTP/1.1", host, Err(501));
    }

    #[test]
    fn hosts() {
        for host in [
            "a",
            "a:1",
            "[::1]",
            "[::1]:8000",
            "",
            "a.b-c_d",
            "127.0.0.1:80",
        ] {
            request("GET / HTTP/1.1", &format!("Host: {host}\r\n"), NONE);
        }
        for host in [
            "a b", "a/b", "a@b", "[::1", "[]", "a:b", "a:123456", "[::1]x", "a,b c", "a\"b",
        ] {
            request("GET / HTTP/1.1", &format!("Host: {host}\r\n"), Err(400));
        }
        request("GET / HTTP/1.1", "", Err(400));
        request("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n", Err(400));
        request("GET / HTTP/1.0", "Host: a\r\nhost: a\r\n", Err(400));
    }

    #[test]
    fn lengths() {
        let post = |fields: &str, expect| {
            request("POST / HTTP/1.1", &format!("Host: a\r\n{fields}"), expect);
        };
        post("Content-Length: 12\r\n", Ok(Framing::Length(12)));
        post("Transfer-Encoding: Chunked \r\n", Ok(Framing::Chunked));
        for length in ["+1", "-1", "0x1", "1,1", "", "1 1", "99999999999999999999"] {
            post(&format!("Content-Length: {length}\r\n"), Err(400));
        }
        post("Content-Length: 1\r\nContent-Length: 1\r\n", Err(400));
        post(
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            Err(400),
        );
        post(
            "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            Err(400),
        );
        post(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Err(400),
        );
        post("Transfer-Encoding: gzip, chunked\r\n", Err(501));
        post("Transfer-Encoding: gzip\r\n", Err(400));
        post("Transfer-Encoding: chunked, gzip\r\n", Err(400));
        post("Transfer-Encoding: chunked;q=1\r\n", Err(400));
        post("Content-Length: 1001\r\n", Err(413));
        request(
            "POST / HTTP/1.0",
            "Transfer-Encoding: chunked\r\n",
            Err(400),
        );
    }

    #[test]
    fn fields() {
        let get = |fields: &str, expect| {
            request("GET / HTTP/1.1", &format!("Host: a\r\n{fields}"), expect);
        };
        get("A: \u{e9}\r\nB:\r\n", NONE);
        for field in [
            "A : b",
            " A: b",
            "A: b\r\n c",
            "A",
            ": b",
            "A\0: b",
            "A: b\0",
            "A: b\u{7f}",
            "A: b\rc",
        ] {
            get(&format!("{field}\r\n"), Err(400));
        }
        get("A: 1\nB: 2\r\n", Err(400));
        get("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n", Err(431));
        get("Expect: 100-Continue\r\n", NONE);
        get("Expect: a miracle\r\n", Err(417));
    }

    #[test]
    fn a_head_arrives_in_pieces() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let mut scanned = 0;
        for length in 0..head.len() - 4 {
            assert_eq!(end(&head[..length], &mut scanned), Ok(None), "{length}");
        }
        assert_eq!(end(head, &mut scanned), Ok(Some(head.len() - 4)));
    }
}
