//! The rules of `start_response` and of the body behind it, without Python.

use super::exchange::ResponseHead;
use super::transport::head::is_token;

/// What an application did against PEP 3333. Raised in the application; uncaught it becomes a 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// `start_response` a second time without `exc_info`.
    StartedTwice,
    /// Body before `start_response`.
    NotStarted,
    /// A status that is not `NNN reason`, or a number that no final response can have.
    Status(String),
    /// A field name that is no token.
    Name(String),
    /// CR, LF, NUL or another control character in a value.
    Value(String),
    /// A field that belongs to the connection, not to the application.
    HopByHop(String),
    /// Not a decimal number, or given twice.
    Length(String),
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StartedTwice => {
                f.write_str("start_response() was called a second time without exc_info")
            }
            Self::NotStarted => {
                f.write_str("the application returned data before it called start_response()")
            }
            Self::Status(status) => {
                write!(
                    f,
                    "the status {status:?} is not of the form \"NNN reason\" with NNN from 200 to 599"
                )
            }
            Self::Name(name) => write!(f, "the header name {name:?} is not a token"),
            Self::Value(name) => write!(
                f,
                "the value of the header {name:?} has a control character"
            ),
            Self::HopByHop(name) => write!(
                f,
                "{name:?} is a hop-by-hop header, which is the server's to send"
            ),
            Self::Length(value) => {
                write!(f, "the Content-Length {value:?} is not one decimal number")
            }
        }
    }
}

const HOP_BY_HOP: [&[u8]; 9] = [
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

fn show(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn split_status(status: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = status.split_at_checked(3)?;
    let number: u16 = std::str::from_utf8(digits)
        .ok()
        .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?
        .parse()
        .ok()?;
    let reason = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix(b" ")?
    };
    ((200..=599).contains(&number) && reason.iter().all(|&byte| is_text(byte)))
        .then_some((number, reason))
}

fn check_field(name: &[u8], value: &[u8]) -> Result<(), Violation> {
    if !is_token(name) {
        return Err(Violation::Name(show(name)));
    }
    if !value.iter().all(|&byte| is_text(byte)) {
        return Err(Violation::Value(show(name)));
    }
    if HOP_BY_HOP
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
    {
        return Err(Violation::HopByHop(show(name)));
    }
    Ok(())
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// A checked head and the length it promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    head: ResponseHead,
    length: Option<u64>,
}

impl Head {
    /// With the status that was given to `start_response`; latin-1 bytes, as those of fields.
    ///
    /// # Errors
    /// `Status`
    pub(crate) fn new(status: &[u8]) -> Result<Self, Violation> {
        let (number, reason) =
            split_status(status).ok_or_else(|| Violation::Status(show(status)))?;
        Ok(Self {
            head: ResponseHead::new(number, reason),
            length: None,
        })
    }

    /// Adds a field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Violation> {
        check_field(name, value)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let number = std::str::from_utf8(value)
                .ok()
                .filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let number = number.and_then(|text| text.parse::<u64>().ok());
            if number.is_none() || self.length.is_some() {
                return Err(Violation::Length(show(value)));
            }
            self.length = number;
        }
        self.head.push(name, value);
        Ok(())
    }
}

/// How far a response is.
#[derive(Debug)]
pub(crate) struct Response {
    state: State,
    head_only: bool,
}

#[derive(Debug)]
enum State {
    /// `start_response` was not called.
    Waiting,
    /// It was; nothing was sent.
    Started(Head),
    /// The head is out. `left`: what the body may still have, when it has a length.
    Sent {
        left: Option<u64>,
        bodiless: bool,
        excess: u64,
    },
}

/// What to do with a piece of body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send the head, and this much of the piece; `complete`: nothing may follow.
    Head {
        head: ResponseHead,
        take: usize,
        complete: bool,
    },
    /// Send this much of the piece; `complete`: nothing may follow.
    Body { take: usize, complete: bool },
}

/// How a response ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing was sent yet: this head is the whole response.
    Head(ResponseHead),
    /// Complete.
    Complete,
    /// The body was chunked: say that it is complete.
    Finish,
    /// This many bytes short of its Content-Length.
    Short(u64),
}

impl Response {
    /// For a request with this method.
    pub(crate) fn new(method: &[u8]) -> Self {
        Self {
            state: State::Waiting,
            head_only: method == b"HEAD",
        }
    }

    /// `start_response`, without `exc_info` or before anything was sent.
    ///
    /// # Errors
    /// `StartedTwice`; whoever has `exc_info` asks [`Response::is_sent`] first.
    pub(crate) fn start(&mut self, head: Head, replace: bool) -> Result<(), Violation> {
        match self.state {
            State::Waiting => {}
            State::Started(_) if replace => {}
            _ => return Err(Violation::StartedTwice),
        }
        self.state = State::Started(head);
        Ok(())
    }

    /// Whether the head is out, so that nothing about it can be changed.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent { .. })
    }

    /// The head, as long as it is not out.
    pub(crate) fn head(&self) -> Option<&ResponseHead> {
        match &self.state {
            State::Started(head) => Some(&head.head),
            _ => None,
        }
    }

    /// Whether the head is out and nothing follows it, as after HEAD.
    pub(crate) fn is_bodiless(&self) -> bool {
        matches!(self.state, State::Sent { bodiless: true, .. })
    }

    /// Bytes that the application gave beyond its Content-Length.
    pub(crate) fn excess(&self) -> u64 {
        match self.state {
            State::Sent {
                bodiless: false,
                excess,
                ..
            } => excess,
            _ => 0,
        }
    }

    /// Takes the excess for nothing wrong.
    pub(crate) fn forgive_excess(&mut self) {
        if let State::Sent { excess, .. } = &mut self.state {
            *excess = 0;
        }
    }

    /// Drops what was started, to answer with something else.
    pub(crate) fn replace(&mut self, head: Head) {
        self.state = State::Started(head);
    }

    /// The application knows its whole body beforehand: unless it gave a length, this is it.
    pub(crate) fn whole_length(&mut self, length: u64) {
        if let State::Started(head) = &mut self.state
            && head.length.is_none()
            && !bodiless(head.head.status)
        {
            head.length = Some(length);
            head.head
                .push(b"Content-Length", length.to_string().as_bytes());
        }
    }

    /// A piece of the body of `length` bytes.
    ///
    /// # Errors
    /// `NotStarted`.
    pub(crate) fn data(&mut self, length: usize) -> Result<Step, Violation> {
        if let State::Sent {
            left,
            bodiless,
            excess,
        } = &mut self.state
        {
            let (take, complete) = take(left, *bodiless, length);
            *excess += (length - take) as u64;
            return Ok(Step::Body { take, complete });
        }
        let Head {
            head,
            length: mut left,
        } = self.started()?;
        let bodiless = self.head_only || bodiless(head.status);
        let (take, complete) = take(&mut left, bodiless, length);
        self.state = State::Sent {
            left,
            bodiless,
            excess: (length - take) as u64,
        };
        Ok(Step::Head {
            head,
            take,
            complete,
        })
    }

    /// The application has returned everything.
    ///
    /// # Errors
    /// `NotStarted`.
    pub(crate) fn end(&mut self) -> Result<End, Violation> {
        if let State::Sent { left, bodiless, .. } = self.state {
            return Ok(match left {
                _ if bodiless => End::Complete,
                None => End::Finish,
                Some(0) => End::Complete,
                Some(left) => End::Short(left),
            });
        }
        self.whole_length(0);
        let Head { head, length } = self.started()?;
        let bodiless = self.head_only || bodiless(head.status);
        match length {
            Some(left @ 1..) if !bodiless => {
                self.state = State::Started(Head { head, length });
                Ok(End::Short(left))
            }
            _ => {
                self.state = State::Sent {
                    left: Some(0),
                    bodiless,
                    excess: 0,
                };
                Ok(End::Head(head))
            }
        }
    }

    fn started(&mut self) -> Result<Head, Violation> {
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Started(mut head) => {
                if head.head.status == 204 {
                    // RFC 9110, section 8.6.
                    head.head = head.head.with_fields(|name, value| {
                        (!name.eq_ignore_ascii_case(b"content-length")).then_some(value.into())
                    });
                }
                Ok(head)
            }
            _ => Err(Violation::NotStarted),
        }
    }
}

fn bodiless(status: u16) -> bool {
    matches!(status, 204 | 304)
}

fn take(left: &mut Option<u64>, bodiless: bool, length: usize) -> (usize, bool) {
    if bodiless {
        return (0, true);
    }
    let Some(left) = left else {
        return (length, false);
    };
    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(length);
    *left -= take as u64;
    (take, *left == 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    type Pair = (&'static str, &'static str);

    fn pair(name: &'static str, value: &'static str) -> Pair {
        (name, value)
    }

    fn head(status: &[u8], fields: Vec<Pair>) -> Result<Head, Violation> {
        let mut head = Head::new(status)?;
        for (name, value) in fields {
            head.push(name.as_bytes(), value.as_bytes())?;
        }
        Ok(head)
    }

    fn response(method: &str, status: &str, fields: Vec<Pair>) -> Response {
        let mut response = Response::new(method.as_bytes());
        response
            .start(head(status.as_bytes(), fields).unwrap(), false)
            .unwrap();
        response
    }

    fn step(response: &mut Response, length: usize) -> (bool, usize, bool) {
        match response.data(length).unwrap() {
            Step::Head { take, complete, .. } => (true, take, complete),
            Step::Body { take, complete } => (false, take, complete),
        }
    }

    #[test]
    fn statuses() {
        for status in [
            "200 OK",
            "200",
            "299 ",
            "599 \u{e9}t\u{e9}",
            "404 Not  Found",
        ] {
            assert!(head(status.as_bytes(), vec![]).is_ok(), "{status}");
        }
        for status in [
            "",
            "20",
            "2000",
            "1000 x",
            "199 x",
            "100 Continue",
            "600 x",
            "OK",
            "-20 x",
            "200 a\nb",
            "200\tOK",
            "+20 x",
        ] {
            assert!(
                matches!(head(status.as_bytes(), vec![]), Err(Violation::Status(_))),
                "{status}"
            );
        }
    }

    #[test]
    fn fields() {
        let check = |name, value| head(b"200 OK", vec![pair(name, value)]).map(drop);
        assert_eq!(check("X-A", "b\tc"), Ok(()));
        assert!(matches!(check("", "x"), Err(Violation::Name(_))));
        assert!(matches!(check("A B", "x"), Err(Violation::Name(_))));
        assert!(matches!(check("A", "x\r\nB: c"), Err(Violation::Value(_))));
        assert!(matches!(check("A", "x\0"), Err(Violation::Value(_))));
        assert!(matches!(
            check("Transfer-Encoding", "chunked"),
            Err(Violation::HopByHop(_))
        ));
        assert!(matches!(
            check("Content-Length", "+1"),
            Err(Violation::Length(_))
        ));
        let twice = vec![pair("Content-Length", "1"), pair("content-length", "1")];
        assert!(matches!(head(b"200 OK", twice), Err(Violation::Length(_))));
    }

    #[test]
    fn a_body_is_held_to_its_length() {
        let mut it = response("GET", "200 OK", vec![pair("Content-Length", "5")]);
        assert_eq!(step(&mut it, 3), (true, 3, false));
        assert_eq!(it.end(), Ok(End::Short(2)));
        assert_eq!(step(&mut it, 3), (false, 2, true));
        assert_eq!(it.end(), Ok(End::Complete));
        assert_eq!(step(&mut it, 1), (false, 0, true));
    }

    #[test]
    fn a_body_without_length_is_finished() {
        let mut it = response("GET", "200 OK", vec![]);
        assert_eq!(step(&mut it, 3), (true, 3, false));
        assert_eq!(it.end(), Ok(End::Finish));
    }

    #[test]
    fn some_responses_have_no_body() {
        for (method, status) in [
            ("HEAD", "200 OK"),
            ("GET", "204 No Content"),
            ("GET", "304 Not Modified"),
        ] {
            let mut it = response(method, status, vec![pair("Content-Length", "5")]);
            assert_eq!(step(&mut it, 3), (true, 0, true), "{method} {status}");
            assert_eq!(it.end(), Ok(End::Complete));
        }
    }

    #[test]
    fn start_comes_first_and_once() {
        let ok = || head(b"200 OK", vec![]).unwrap();
        let mut it = Response::new(b"GET");
        assert_eq!(it.data(1), Err(Violation::NotStarted));
        assert_eq!(it.end(), Err(Violation::NotStarted));
        it.start(ok(), false).unwrap();
        assert_eq!(it.start(ok(), false), Err(Violation::StartedTwice));
        assert_eq!(it.start(ok(), true), Ok(()));
        assert!(matches!(it.end(), Ok(End::Head(_))));
        assert!(it.is_sent());
    }

    #[test]
    fn a_head_that_promises_a_body_that_never_comes() {
        let mut it = response("GET", "200 OK", vec![pair("Content-Length", "5")]);
        assert_eq!(it.end(), Ok(End::Short(5)));
        assert!(!it.is_sent());
    }
}
