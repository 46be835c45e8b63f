//! Installed requirements of extras that a distribution names by a string only: `get_module("pandas")`, a table of back ends.
//!
//! What a distribution imports is taken wherever it is installed. Here it is not imported by any statement: that it is
//! a requirement of an extra says that the two work together, that its name stands in the code says that this code can.

use super::Walk;
use super::owners::is_side_file;
use crate::graph::Reason;
use crate::inputs;
use crate::installed::Distribution;
use memchr::memmem;
use std::collections::BTreeSet;
use std::path::Path;

impl Walk<'_> {
    /// Takes them; returns whether there is more to follow.
    pub(super) fn take_options(&mut self) -> bool {
        for (host, option) in self.takings.untaken_options() {
            let pair = (host.name.clone(), option.name.clone());
            if !self.options.insert(pair) {
                continue;
            }
            let names = option.top_level();
            if names_any(&host, &names) {
                self.take(option, &[], Reason::OptionOf(host.name.clone()));
            }
        }
        !self.pending.is_empty()
    }
}

/// Whether one of `modules` stands as a text in the sources of `host`.
fn names_any(host: &Distribution, modules: &BTreeSet<String>) -> bool {
    let quoted: Vec<_> = modules
        .iter()
        .flat_map(|name| [format!("\"{name}"), format!("'{name}")])
        .collect();
    let finders: Vec<_> = quoted.iter().map(memmem::Finder::new).collect();
    let below = |path: &Path| path.strip_prefix(&host.site).unwrap_or(path).to_owned();
    let mut sources = host.sources().into_iter();
    sources.any(|path| {
        !is_side_file(&below(&path))
            && inputs::read(&path)
                .is_ok_and(|code| finders.iter().any(|finder| names(&code, finder)))
    })
}

/// Whether what `finder` looks for stands in `code` and ends there: a module, or one below it.
fn names(code: &[u8], finder: &memmem::Finder<'_>) -> bool {
    let length = finder.needle().len();
    finder.find_iter(code).any(|at| {
        let quote = code[at];
        code.get(at + length)
            .is_some_and(|next| *next == quote || *next == b'.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_code() {
        let check = |code: &str, expected: bool| {
            let finders = ["\"pandas", "'pandas"].map(memmem::Finder::new);
            let found = finders.iter().any(|finder| names(code.as_bytes(), finder));
            assert_eq!(found, expected, "{code}");
        };
        check("get_module('pandas')", true);
        check("x = \"pandas.core\"", true);
        check("x = 'pandas2'", false);
        check("x = 'pandas", false);
        check("import pandas", false);
        check("'geopandas'", false);
    }
}
