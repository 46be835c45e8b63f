//! Groups of entry points that a source file reads.
//!
//! A host finds its plug-ins by the name of a group: `entry_points(group="keyring.backends")`. Where exactly the name
//! stands differs (an argument, a constant, an attribute of a class), so every text of the file counts that could be one,
//! if the file deals with entry points at all; that it is one is known by the distributions that declare it.

use memchr::memmem;
use std::collections::BTreeSet;

/// Words of files that deal with entry points: `importlib.metadata`, `pkg_resources`, pluggy, stevedore, SQLAlchemy.
const SIGNS: [&[u8]; 5] = [
    b"entry_point",
    b"entrypoint",
    b"EntryPoint",
    b"stevedore",
    b"PluginLoader",
];

/// Longer ones are no group's name.
const LONGEST: usize = 100;

/// The texts in `code` that can name a group.
pub(super) fn named(code: &[u8]) -> Vec<String> {
    if !SIGNS.iter().any(|sign| memmem::find(code, sign).is_some()) {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    for start in memchr::memchr2_iter(b'"', b'\'', code) {
        let rest = &code[start + 1..];
        let length = rest
            .iter()
            .take(LONGEST)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte))
            .count();
        if length > 1 && rest.get(length) == Some(&code[start]) {
            found.insert(String::from_utf8_lossy(&rest[..length]).into_owned());
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_files_that_deal_with_entry_points() {
        let code = b"for point in entry_points(group='a.b'):\n    x = \"c_d\" + 'no group' + '' + 'e\"\nf'";
        assert_eq!(named(code), ["a.b", "c_d"]);
        assert!(named(b"x = 'a.b'").is_empty());
        assert_eq!(
            named(b"PluginLoader(\"sqlalchemy.dialects\")"),
            ["sqlalchemy.dialects"]
        );
    }
}
