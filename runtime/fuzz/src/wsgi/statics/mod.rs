#[path = "../../../../src/wsgi/statics/conditional.rs"]
mod conditional;
#[path = "../../../../src/wsgi/statics/path.rs"]
mod path;
#[path = "../../../../src/wsgi/statics/range.rs"]
mod range;

use super::exchange::Fields;
use std::path::Path;

/// A file's name, as the server finds it for a target.
pub(crate) fn name<'a>(rest: &'a [u8], raw: &[u8]) -> Option<&'a Path> {
    path::name(rest, raw)
}

/// The part of a file of `size` bytes that `fields` ask for, if they do.
pub(crate) fn part(fields: &Fields<'_>, size: u64) -> Option<(u64, u64)> {
    let validators = conditional::Validators::new(1, size, None);
    let _ = conditional::check(&validators, fields);
    match range::wanted(&validators, fields, size) {
        range::Wanted::Part { first, last } => Some((first, last)),
        _ => None,
    }
}
