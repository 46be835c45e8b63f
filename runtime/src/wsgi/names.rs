//! Names of environ variables as Python strings that are made once.

use super::environ;
use crate::embed::{Attached, Kept, Owned, PyResult};

const BUCKETS: usize = 128;

/// Variables of header fields, found by the field's name in any case.
pub(crate) struct Names(Vec<Vec<(&'static str, Kept)>>);

impl Names {
    /// For `fields`, in lower case, each of which has a variable.
    ///
    /// # Errors
    /// MemoryError.
    pub(crate) fn new<'py>(py: Attached<'py>, fields: &[&'static str]) -> PyResult<'py, Self> {
        let mut buckets = Vec::new();
        buckets.resize_with(BUCKETS, Vec::new);
        for field in fields {
            if let Some(variable) = environ::variable(field.as_bytes()) {
                let name = intern(py, &String::from_utf8_lossy(&variable))?;
                buckets[bucket(field.as_bytes())].push((*field, name));
            }
        }
        Ok(Self(buckets))
    }

    /// The variable of `field`, if it is one of them.
    pub(crate) fn get(&self, field: &[u8]) -> Option<&Kept> {
        let named = self.0[bucket(field)]
            .iter()
            .find(|(name, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, variable)| variable)
    }

    /// Gives the strings back.
    pub(crate) fn release(self, py: Attached<'_>) {
        for (_, name) in self.0.into_iter().flatten() {
            drop(name.release(py));
        }
    }
}

fn bucket(name: &[u8]) -> usize {
    let lower = |at: usize| name.get(at).map_or(0, |byte| usize::from(byte | 0x20));
    let (last, middle) = (name.len().wrapping_sub(1), name.len() / 2);
    (name.len() + 7 * lower(0) + 13 * lower(middle) + 31 * lower(last)) % BUCKETS
}

/// An interned string: an application's `environ["PATH_INFO"]` compares pointers.
///
/// # Errors
/// MemoryError.
pub(crate) fn intern<'py>(py: Attached<'py>, name: &str) -> PyResult<'py, Kept> {
    let name = py.text(name)?;
    py.import(c"sys")?
        .call_method(c"intern", &[&name])
        .map(Owned::keep)
}
