//! The arguments of a program that starts itself anew.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What the user gave, of the `words` of a command line, whose first is the name that the program was started by.
///
/// `[sys.executable, *sys.argv]` is how programs start themselves anew, with interpreter options between (the reloaders of
/// Django and werkzeug, gunicorn's upgrades): `sys.argv[0]` is a script to Python, and here the executable once more. A
/// user who gives a program its own file does not call both by their full names.
pub(super) fn own(executable: &Path, words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.into_iter();
    let name = words.next();
    let mut words: Vec<OsString> = words.collect();
    if name.is_some_and(|name| name == executable) {
        let options = options(&words);
        if words.get(options).is_some_and(|word| word == executable) {
            words.drain(..=options);
        }
    }
    words
}

/// How many of `words` are options of an interpreter.
fn options(words: &[OsString]) -> usize {
    let mut count = 0;
    while let Some(word) = words.get(count).and_then(|word| OsStr::to_str(word)) {
        let letters = word.strip_prefix('-').unwrap_or_default();
        count += match letters {
            "" => break,
            "X" | "W" => 2,
            _ if letters.starts_with(['X', 'W']) => 1,
            _ if letters
                .chars()
                .all(|letter| "bBdEhiIOqsSuvVxP".contains(letter)) =>
            {
                1
            }
            _ => break,
        };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: &str) {
        let words = line.split(' ').map(OsString::from);
        let expect: Vec<OsString> = expect.split_whitespace().map(OsString::from).collect();
        assert_eq!(own(Path::new("/opt/app"), words), expect, "{line}");
    }

    #[test]
    fn the_executable_named_twice_is_named_once() {
        check("/opt/app /opt/app", "");
        check("/opt/app /opt/app runserver --x", "runserver --x");
        check("/opt/app -W error -Xutf8 -u /opt/app a", "a");
    }

    #[test]
    fn all_else_is_the_users() {
        check("/opt/app", "");
        check("/opt/app a /opt/app", "a /opt/app");
        check("app /opt/app", "/opt/app");
        check("/opt/app ./app", "./app");
        check("/opt/app -c /opt/app", "-c /opt/app");
        check("/opt/app -u a", "-u a");
        check("/opt/app -W", "-W");
        check("/opt/app - /opt/app", "- /opt/app");
    }
}
