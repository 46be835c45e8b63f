//! Follows a chunked body, so that its end is known and nothing malformed gets through (RFC 9112, section 7.1).

/// Where in a chunked body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// In the size of a chunk, after this many digits.
    Size { digits: u8, size: u64 },
    /// In blanks behind a size, this many; an extension follows.
    Blank { size: u64, length: u16 },
    /// In front of the name of an extension.
    Semicolon { size: u64, length: u16 },
    /// In a chunk extension, or right before the LF of that line.
    Extension { size: u64, length: u16, cr: bool },
    /// This many bytes of data are left.
    Data(u64),
    /// Behind the data: CR, then LF.
    DataEnd { cr: bool },
    /// In the trailer section, at this place of a line.
    Trailer { line: u16, length: u16, cr: bool },
    /// Behind the last byte.
    Done,
}

/// Bytes of trailers, and of the extensions of one chunk, that are let through (and ignored).
const MOST_EXTRA: u16 = 4096;

/// The body is not in chunks as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Chunked {
    /// Before the first chunk.
    pub(crate) const START: Self = Self::Size { digits: 0, size: 0 };

    /// Follows `input` up to the end of the body; how many bytes belong to it. The data among them goes to `sink`.
    ///
    /// # Errors
    /// At the first byte that cannot be there.
    pub(crate) fn advance(
        &mut self,
        input: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, Malformed> {
        let mut position = 0;
        while position < input.len() && *self != Self::Done {
            if let Self::Data(left) = self {
                let step = (*left).min((input.len() - position) as u64);
                let end = position + usize::try_from(step).unwrap_or(0);
                sink(&input[position..end]);
                position = end;
                *self = if *left == step {
                    Self::DataEnd { cr: false }
                } else {
                    Self::Data(*left - step)
                };
            } else {
                *self = self.byte(input[position])?;
                position += 1;
            }
        }
        Ok(position)
    }

    fn byte(self, byte: u8) -> Result<Self, Malformed> {
        match (self, byte) {
            (Self::Size { digits, size }, _) => Self::size_byte(digits, size, byte),
            (Self::Blank { size, length }, b' ' | b'\t') if length < MOST_EXTRA => {
                Ok(Self::Blank {
                    size,
                    length: length + 1,
                })
            }
            (Self::Blank { size, length }, b';') => Ok(Self::Semicolon { size, length }),
            (Self::Semicolon { size, length }, b' ' | b'\t') if length < MOST_EXTRA => {
                Ok(Self::Semicolon {
                    size,
                    length: length + 1,
                })
            }
            (Self::Semicolon { size, length }, _) if is_text(byte) && byte != b';' => {
                Ok(Self::Extension {
                    size,
                    length,
                    cr: false,
                })
            }
            (
                Self::Extension {
                    size: 0, cr: true, ..
                },
                b'\n',
            ) => Ok(Self::Trailer {
                line: 0,
                length: 0,
                cr: false,
            }),
            (Self::Extension { size, cr: true, .. }, b'\n') => Ok(Self::Data(size)),
            (
                Self::Extension {
                    size,
                    length,
                    cr: false,
                },
                b'\r',
            ) => Ok(Self::Extension {
                size,
                length,
                cr: true,
            }),
            (
                Self::Extension {
                    size,
                    length,
                    cr: false,
                },
                _,
            ) if is_text(byte) && length < MOST_EXTRA => Ok(Self::Extension {
                size,
                length: length + 1,
                cr: false,
            }),
            (Self::DataEnd { cr: false }, b'\r') => Ok(Self::DataEnd { cr: true }),
            (Self::DataEnd { cr: true }, b'\n') => Ok(Self::START),
            (
                Self::Trailer {
                    line: 0, cr: true, ..
                },
                b'\n',
            ) => Ok(Self::Done),
            (
                Self::Trailer {
                    length, cr: true, ..
                },
                b'\n',
            ) => Ok(Self::Trailer {
                line: 0,
                length,
                cr: false,
            }),
            (
                Self::Trailer {
                    line,
                    length,
                    cr: false,
                },
                b'\r',
            ) => Ok(Self::Trailer {
                line,
                length,
                cr: true,
            }),
            (
                Self::Trailer {
                    line,
                    length,
                    cr: false,
                },
                _,
            ) if is_text(byte) && length < MOST_EXTRA => Ok(Self::Trailer {
                line: line.saturating_add(1),
                length: length + 1,
                cr: false,
            }),
            _ => Err(Malformed),
        }
    }

    fn size_byte(digits: u8, size: u64, byte: u8) -> Result<Self, Malformed> {
        match (char::from(byte).to_digit(16), byte) {
            // 15 digits are more than any body has, and cannot overflow.
            (Some(digit), _) if digits < 15 => Ok(Self::Size {
                digits: digits + 1,
                size: size << 4 | u64::from(digit),
            }),
            (None, b'\r') if digits > 0 => Ok(Self::Extension {
                size,
                length: 0,
                cr: true,
            }),
            (None, b';') if digits > 0 => Ok(Self::Semicolon { size, length: 1 }),
            (None, b' ' | b'\t') if digits > 0 => Ok(Self::Blank { size, length: 1 }),
            _ => Err(Malformed),
        }
    }
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: Result<(usize, usize), Malformed>) {
        let (mut whole, mut data) = (Chunked::START, 0);
        let end = whole.advance(input.as_bytes(), |piece| data += piece.len());
        let end = end.map(|end| (if whole == Chunked::Done { end } else { 0 }, data));
        assert_eq!(end, expect, "{input:?}");
        let (mut pieces, mut data, mut end) = (Chunked::START, 0, 0);
        for byte in input.bytes() {
            match pieces.advance(&[byte], |piece| data += piece.len()) {
                Ok(step) => end += step,
                Err(error) => return assert_eq!(Err(error), expect, "{input:?} byte by byte"),
            }
        }
        assert_eq!(
            Ok((if pieces == Chunked::Done { end } else { 0 }, data)),
            expect,
            "{input:?} byte by byte"
        );
    }

    #[test]
    fn bodies() {
        check("0\r\n\r\nGET", Ok((5, 0)));
        check("3\r\nabc\r\n0\r\n\r\n", Ok((13, 3)));
        check("A;x=\"y\"\r\n0123456789\r\n0\r\nT: 1\r\n\r\n", Ok((32, 10)));
        check("1 \t; x\r\na\r\n0\r\n\r\n", Ok((16, 1)));
        check("3\r\nab", Ok((0, 2)));
        check("", Ok((0, 0)));
    }

    #[test]
    fn malformed_bodies() {
        for body in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            " 1\r\n",
            "0x1\r\n",
            "1\na",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1;\u{1}\r\n",
            "fffffffffffffffff\r\n",
            "0\r\nT: 1\n",
            "0\n",
            "1\r\r\n",
            "1 x\r\n",
            "1 \r\n",
            "1;\r\n",
            "1;;x\r\n",
        ] {
            check(body, Err(Malformed));
        }
    }
}
