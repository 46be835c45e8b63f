//! The head of a response, in the form in which HTTP/1 sends it: nearly every response leaves that way.

use std::borrow::Cow;

/// The head of a response, checked: names are tokens, values and the reason have no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    /// 200 to 599.
    pub status: u16,
    // `reason\r\n`, then `name: value\r\n` for each field.
    lines: Vec<u8>,
    fields: Vec<Field>,
    /// Fields that would otherwise be looked for with every response.
    pub has: Has,
}

/// Whether a head has certain fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Has {
    /// `Content-Length`
    pub length: bool,
    /// `Date`
    pub date: bool,
    /// `Server`
    pub server: bool,
}

impl Has {
    fn note(&mut self, name: &[u8]) {
        self.length |= name.eq_ignore_ascii_case(b"content-length");
        self.date |= name.eq_ignore_ascii_case(b"date");
        self.server |= name.eq_ignore_ascii_case(b"server");
    }
}

/// Where a field begins in the lines, where its name ends, and where its value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    begin: usize,
    colon: usize,
    end: usize,
}

/// Between name and value.
const COLON: &[u8] = b": ";
const LINE_END: &[u8] = b"\r\n";

impl ResponseHead {
    /// Without fields yet. `reason`: the words behind the number.
    pub(crate) fn new(status: u16, reason: &[u8]) -> Self {
        // What most heads fit into.
        let mut lines = Vec::with_capacity(256);
        lines.extend_from_slice(reason);
        lines.extend_from_slice(LINE_END);
        Self {
            status,
            lines,
            fields: Vec::with_capacity(8),
            has: Has::default(),
        }
    }

    /// Adds a field behind the others.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.has.note(name);
        let begin = self.lines.len();
        for part in [name, COLON, value, LINE_END] {
            self.lines.extend_from_slice(part);
        }
        let colon = begin + name.len();
        self.fields.push(Field {
            begin,
            colon,
            end: colon + COLON.len() + value.len(),
        });
    }

    /// Names and values, in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            let value = field.colon + COLON.len()..field.end;
            (&self.lines[field.begin..field.colon], &self.lines[value])
        })
    }

    /// The values of the fields called `name`.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The same with other fields: what `change` makes of each, `None` for none.
    pub(crate) fn with_fields<'a>(
        &'a self,
        change: impl Fn(&'a [u8], &'a [u8]) -> Option<Cow<'a, [u8]>>,
    ) -> Self {
        let mut head = Self::new(self.status, self.reason());
        for (name, value) in self.fields() {
            if let Some(value) = change(name, value) {
                head.push(name, &value);
            }
        }
        head
    }

    /// The words behind the number.
    fn reason(&self) -> &[u8] {
        let end = self
            .fields
            .first()
            .map_or(self.lines.len(), |field| field.begin);
        &self.lines[..end - LINE_END.len()]
    }

    /// What HTTP/1 sends behind the number and a space: the reason and a line for each field, without the empty line.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_is_sent() {
        let mut head = ResponseHead::new(404, b"Not  Found");
        head.push(b"A", b"1");
        head.push(b"b-c", b"");
        head.push(b"a", b"x: y");
        let lines = b"Not  Found\r\nA: 1\r\nb-c: \r\na: x: y\r\n";
        assert_eq!(head.lines(), lines);
        let fields: Vec<_> = head.fields().collect();
        let expected: [(&[u8], &[u8]); 3] = [(b"A", b"1"), (b"b-c", b""), (b"a", b"x: y")];
        assert_eq!(fields, expected);
        assert_eq!(
            head.values("A").collect::<Vec<_>>(),
            [b"1" as &[u8], b"x: y"]
        );
        assert_eq!(head.has, Has::default());
        head.push(b"DATE", b"");
        let date = Has {
            date: true,
            ..Has::default()
        };
        assert_eq!(head.has, date);
    }

    #[test]
    fn fields_are_changed_and_left_out() {
        let mut head = ResponseHead::new(200, b"");
        head.push(b"A", b"1");
        head.push(b"B", b"2");
        head.push(b"content-Length", b"0");
        assert!(head.has.length);
        let none = head.with_fields(|name, value| (name.len() == 1).then_some(value.into()));
        assert!(!none.has.length);
        let less = none.with_fields(|name, value| (name != b"A").then_some(value.into()));
        assert_eq!(less.lines(), b"\r\nB: 2\r\n");
        assert_eq!(
            less.with_fields(|_, _| Some(b"3"[..].into())).lines(),
            b"\r\nB: 3\r\n"
        );
    }
}
