//! Parts of a file (RFC 9110, section 14).

use std::time::SystemTime;

use super::conditional::Validators;
use crate::wsgi::exchange::Fields;

/// What a client wants of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    All,
    /// From one byte to another, inclusive.
    Part {
        /// The first byte.
        first: u64,
        /// The last.
        last: u64,
    },
    /// A part that it does not have.
    Nothing,
}

/// Several parts at once are answered with the whole, which is allowed, and which no list of ranges makes costly.
pub(super) fn wanted(validators: &Validators, fields: &Fields<'_>, size: u64) -> Wanted {
    let Some(range) = fields.get("range") else {
        return Wanted::All;
    };
    if fields
        .get("if-range")
        .is_some_and(|state| !validators.is_that_of(state, SystemTime::now()))
    {
        return Wanted::All;
    }
    part(range, size)
}

fn part(range: &[u8], size: u64) -> Wanted {
    let bounds = std::str::from_utf8(range).ok().and_then(|range| {
        let (unit, range) = range.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        unit.eq_ignore_ascii_case("bytes").then_some((first, last))
    });
    let Some((first, last)) = bounds else {
        return Wanted::All;
    };
    let (first, last) = match (number(first), number(last)) {
        // The last so many bytes.
        (None, Some(length)) if first.is_empty() => (size.saturating_sub(length), u64::MAX),
        (Some(first), None) if last.is_empty() => (first, u64::MAX),
        (Some(first), Some(last)) if first <= last => (first, last),
        // Malformed, or several: as if it had not been asked for.
        _ => return Wanted::All,
    };
    if first >= size {
        return Wanted::Nothing;
    }
    Wanted::Part {
        first,
        last: last.min(size - 1),
    }
}

/// Larger numbers than there are files stand for the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let check = |range: &str, expect: Wanted| {
            assert_eq!(part(range.as_bytes(), 10), expect, "{range}");
        };
        let some = |first, last| Wanted::Part { first, last };
        check("bytes=0-3", some(0, 3));
        check("bytes=5-", some(5, 9));
        check("bytes=-3", some(7, 9));
        check("bytes=-30", some(0, 9));
        check("bytes=9-99999999999999999999999", some(9, 9));
        check("Bytes=0-0", some(0, 0));
        check("bytes=10-", Wanted::Nothing);
        check("bytes=-0", Wanted::Nothing);
        for range in [
            "bytes=3-1",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=0-1",
            "0-1",
            "bytes=+1-2",
            "",
        ] {
            check(range, Wanted::All);
        }
        assert_eq!(part(b"bytes=0-", 0), Wanted::Nothing);
        assert_eq!(part(b"bytes=-5", 0), Wanted::Nothing);
    }
}
