//! Sources that a distribution's code looks for by their names: `os.path.exists(os.path.join(here, "config.py"))`.
//!
//! Asking whether a file is there tells nobody, so such a source has to be there like data. Two signs tell: its whole name
//! stands as a text in the code of its distribution, or no import can name it (`config-3.py`).

use crate::collection::{CollectedFile, FileSource};
use crate::discover::is_identifier;
use crate::inputs;
use payload::ArchivePath;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// Every folder of modules has one, and tools name it without looking for it.
const EVERYWHERE: &str = "__init__.py";

/// Those of `sources` (files of distributions that end in `.py`) that code looks for.
pub(super) fn looked_for(sources: &[&CollectedFile]) -> HashSet<ArchivePath> {
    let names: Vec<(&str, HashSet<String>)> = sources
        .par_iter()
        .map(|file| (top(file), names_in(file)))
        .collect();
    let mut named: HashMap<&str, HashSet<String>> = HashMap::new();
    for (top, names) in names {
        named.entry(top).or_default().extend(names);
    }
    let is_looked_for = |file: &&&CollectedFile| {
        let name = base_name(file.dest.as_str());
        let stem = name.strip_suffix(".py").unwrap_or(name);
        !is_identifier(stem)
            || named
                .get(top(file))
                .is_some_and(|names| names.contains(name))
    };
    let found = sources.iter().filter(is_looked_for);
    found.map(|file| file.dest.clone()).collect()
}

fn top(file: &CollectedFile) -> &str {
    let dest = file.dest.as_str();
    dest.split('/').next().unwrap_or(dest)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn names_in(file: &CollectedFile) -> HashSet<String> {
    let FileSource::Path(path) = &file.source else {
        return HashSet::new();
    };
    // Its stamp was noted when its distribution was gone through. What cannot be read is an error when it is packed.
    let content = inputs::read_unnoted(path).map_or_else(|_| Vec::new(), |(content, _)| content);
    names(&content)
}

/// Names of sources that are the end of a text in `code`: `"config.py"`, `'a/config.py'`.
fn names(code: &[u8]) -> HashSet<String> {
    let mut found = HashSet::new();
    for at in memchr::memmem::find_iter(code, b".py") {
        let end = at + 3;
        let Some(quote) = code.get(end).filter(|byte| b"\"'".contains(byte)) else {
            continue;
        };
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        let length = code[..at]
            .iter()
            .rev()
            .take_while(|byte| is_of_name(byte))
            .count();
        let start = at - length;
        let before = start.checked_sub(1).and_then(|before| code.get(before));
        if length > 0 && before.is_some_and(|before| before == quote || *before == b'/') {
            let name = String::from_utf8_lossy(&code[start..end]);
            if name != EVERYWHERE {
                found.insert(name.into_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_names_of_sources() {
        let check = |code: &str, expected: &[&str]| {
            let mut found: Vec<_> = names(code.as_bytes()).into_iter().collect();
            found.sort();
            assert_eq!(found, expected, "{code}");
        };
        check("load(['config.py'])", &["config.py"]);
        check("x = \"a/b-2.py\" + 'c.py'", &["b-2.py", "c.py"]);
        check(
            "'__init__.py', f'{name}.py', '.py', 'see c.py here', d.py",
            &[],
        );
        check(".py'", &[]);
    }
}
