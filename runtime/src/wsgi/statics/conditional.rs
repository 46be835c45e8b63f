//! Conditional requests (RFC 9110, section 13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::wsgi::exchange::Fields;

/// What tells one state of a file from another.
#[derive(Debug)]
pub(super) struct Validators {
    /// Strong: another content has another time of last write, or another size.
    pub etag: String,
    /// As a date of HTTP.
    pub date: String,
    second: u64,
}

impl Validators {
    /// Of a file last written `modified` nanoseconds after 1970.
    pub(super) fn new(modified: u128, size: u64, encoding: Option<&str>) -> Self {
        let variant = encoding.map_or(String::new(), |encoding| format!("-{encoding}"));
        let second = u64::try_from(modified / 1_000_000_000).unwrap_or(0);
        // Later years than 9999 have no date in HTTP.
        let second = second.min(253_402_300_799);
        Self {
            etag: format!("\"{modified:x}-{size:x}{variant}\""),
            date: httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second)),
            second,
        }
    }

    /// Is it no later than `date`? `None` when that is none.
    fn is_not_after(&self, date: &[u8]) -> Option<bool> {
        let date = httpdate::parse_http_date(std::str::from_utf8(date).ok()?).ok()?;
        let second = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(self.second <= second)
    }

    /// Does `If-Range` name this state? A date does not while its second lasts: the file may be written again in it
    /// (RFC 9110, section 8.8.2.2).
    pub(super) fn is_that_of(&self, range: &[u8], now: SystemTime) -> bool {
        let is_over = || UNIX_EPOCH + Duration::from_secs(self.second + 1) <= now;
        range == self.etag.as_bytes() || range == self.date.as_bytes() && is_over()
    }
}

/// What the conditions of a request come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It is to be answered as if there were none.
    Holds,
    /// The client has the file.
    Unmodified,
    /// It wants another state of the file.
    Failed,
}

/// Checks a GET or HEAD, in the order of section 13.2.2.
pub(super) fn check(validators: &Validators, fields: &Fields<'_>) -> Condition {
    if has(fields, "if-match") {
        if !names(validators, fields, "if-match", false) {
            return Condition::Failed;
        }
    } else if let Some(date) = fields.get("if-unmodified-since")
        && validators.is_not_after(date) == Some(false)
    {
        return Condition::Failed;
    }
    if has(fields, "if-none-match") {
        if names(validators, fields, "if-none-match", true) {
            return Condition::Unmodified;
        }
    } else if let Some(date) = fields.get("if-modified-since")
        && validators.is_not_after(date) == Some(true)
    {
        return Condition::Unmodified;
    }
    Condition::Holds
}

fn has(fields: &Fields<'_>, name: &str) -> bool {
    fields.get(name).is_some()
}

/// Is our tag in the lists of these fields, or `*`? Our tags hold no comma.
fn names(validators: &Validators, fields: &Fields<'_>, field: &str, weakly: bool) -> bool {
    let lists = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(field.as_bytes()));
    lists
        .flat_map(|(_, value)| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|tag| {
            let tag = if weakly {
                tag.strip_prefix(b"W/").unwrap_or(tag)
            } else {
                tag
            };
            tag == b"*" || tag == validators.etag.as_bytes()
        })
}
