//! From a request's path to the name of a file.

use std::path::Path;

/// The name below the folder that `rest`, the decoded path behind the prefix, stands for; `raw` is the target as it was
/// sent. `None` for what no file is served by: a path with an empty, `.` or `..` component, with a backslash, a control
/// character or an encoded slash, and whatever is hidden (`.git`, `.env`), `.well-known` apart.
pub(super) fn name<'a>(rest: &'a [u8], raw: &[u8]) -> Option<&'a Path> {
    let encoded_slash = |window: &[u8]| window.eq_ignore_ascii_case(b"%2f");
    let path = raw.split(|&byte| byte == b'?').next().unwrap_or_default();
    if path.windows(3).any(encoded_slash) {
        return None;
    }
    let is_odd = |&byte: &u8| byte == b'\\' || byte < b' ' || byte == 0x7f;
    if rest.iter().any(is_odd) {
        return None;
    }
    let is_shown =
        |part: &[u8]| !part.is_empty() && (part.first() != Some(&b'.') || part == b".well-known");
    let is_name = rest.split(|&byte| byte == b'/').all(is_shown);
    if is_name { path_of(rest) } else { None }
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt as _;
    Some(Path::new(std::ffi::OsStr::from_bytes(name)))
}

#[cfg(windows)]
fn path_of(name: &[u8]) -> Option<&Path> {
    std::str::from_utf8(name).ok().map(Path::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wsgi::target::Target;

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let check = |raw: &str, expect: Option<&str>| {
            let target = Target::parse(raw.as_bytes());
            let rest = target.path.strip_prefix(b"/").unwrap_or_default();
            assert_eq!(name(rest, target.raw), expect.map(Path::new), "{raw}");
        };
        check("/a.css", Some("a.css"));
        check("/a/b.css?v=%2F..", Some("a/b.css"));
        check("/a%2Ecss", Some("a.css"));
        check("/caf%C3%A9%20x", Some("café x"));
        check("/.well-known/x", Some(".well-known/x"));
        for raw in [
            "/",
            "/a/",
            "/a//b",
            "/../a",
            "/a/../b",
            "/%2e%2e/a",
            "/.%2E/a",
            "/./a",
            "/%2e/a",
            "/a%2fb",
            "/a%2Fb",
            "/..%2fa",
            "/a%00",
            "/a%00.css",
            "/..%5ca",
            "/a\\..\\b",
            "/%5c",
            "/.git/config",
            "/a/.env",
            "/a%0ab",
            "//etc/passwd",
        ] {
            check(raw, None);
        }
    }
}
