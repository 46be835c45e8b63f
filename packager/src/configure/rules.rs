//! `SRC:DEST` rules.

use super::error::ConfigError;
use super::value::{Given, Origin};
use crate::plan::DataRule;
use payload::ArchivePath;
use std::path::Path;

/// Reads `SRC:DEST`, as PyInstaller has it on any system: the last `:` or `;` separates, a drive's colon does not.
///
/// # Errors
/// When there is no DEST, DEST leads out of the bundle, or SRC names a file or folder that does not exist.
pub fn data_rule(given: &Given<String>, current: &Path) -> Result<DataRule, ConfigError> {
    let Given {
        value: text,
        origin,
    } = given;
    let Some((source, dest)) = split(text) else {
        let name = text
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or(text);
        return Err(invalid(
            origin,
            text,
            format!("SRC:DEST, such as `{text}:{name}` or `{text}:.`"),
        ));
    };
    if source.is_empty() {
        return Err(invalid(
            origin,
            text,
            "SRC:DEST, with the file or folder before the `:`".into(),
        ));
    }
    let dest = destination(dest).ok_or_else(|| {
        invalid(
            origin,
            text,
            "SRC:DEST, where DEST is a folder inside the bundle or `.`".into(),
        )
    })?;
    let path = super::absolute(&origin.base(current).join(source));
    if !path.exists() && !is_glob(source) {
        return Err(ConfigError::Missing {
            origin: origin.clone(),
            path,
        });
    }
    Ok(DataRule { source: path, dest })
}

fn invalid(origin: &Origin, text: &str, expected: String) -> ConfigError {
    ConfigError::Invalid {
        origin: origin.clone(),
        got: format!("`{text}`"),
        expected,
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind([':', ';'])?;
    let drive = text[at..].starts_with(':') && is_drive(text, at);
    (!drive).then(|| (&text[..at], &text[at + 1..]))
}

/// Is the colon at `at` that of `C:\data`?
fn is_drive(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    at == 1 && bytes[0].is_ascii_alphabetic() && matches!(bytes.get(2), Some(b'\\' | b'/'))
    // One letter before the colon may be a file, too: `a:/x` is no rule anyway, because DEST cannot be absolute.
}

fn is_glob(source: &str) -> bool {
    source.contains(['*', '?', '['])
}

/// `/`-separated, without `.` components; `.` for the bundle's root. `None` when it leads out of it.
pub(super) fn destination(dest: &str) -> Option<String> {
    let dest = dest.trim().replace('\\', "/");
    if dest.is_empty() || dest.starts_with('/') {
        return None;
    }
    let components: Vec<_> = dest
        .split('/')
        .filter(|component| !matches!(*component, "" | "."))
        .collect();
    if components.is_empty() {
        return Some(".".into());
    }
    ArchivePath::new(components.join("/"))
        .ok()
        .map(|path| path.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(text: &str, current: &Path) -> Result<DataRule, ConfigError> {
        let origin = Origin::Flag("--add-data".into());
        data_rule(
            &Given {
                value: text.into(),
                origin,
            },
            current,
        )
    }

    #[test]
    fn reads_every_form() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("data")).unwrap();
        fs_err::write(folder.path().join("x.json"), "").unwrap();
        fs_err::write(folder.path().join("a;b"), "").unwrap();
        fs_err::write(folder.path().join("a:b"), "").unwrap();
        let check = |text: &str, source: &str, dest: &str| {
            let rule = rule(text, folder.path()).unwrap();
            assert_eq!(
                (rule.source, rule.dest.as_str()),
                (folder.path().join(source), dest),
                "{text}"
            );
        };
        check("x.json:.", "x.json", ".");
        check("x.json;.", "x.json", ".");
        check("./x.json:./", "x.json", ".");
        check("data:data", "data", "data");
        check("data/:data/", "data", "data");
        check("data;assets/pictures", "data", "assets/pictures");
        check(r"data;assets\pictures", "data", "assets/pictures");
        check("data/*.json:data", "data/*.json", "data");
        check("a;b:data", "a;b", "data");
        check("a:b:data", "a:b", "data");
        let absolute = folder.path().join("data");
        check(&format!("{}:data", absolute.display()), "data", "data");
    }

    #[test]
    fn says_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str| rule(text, folder.path()).unwrap_err().to_string();
        insta::assert_snapshot!(check("data"), @"`--add-data` is `data`, but must be SRC:DEST, such as `data:data` or `data:.`");
        insta::assert_snapshot!(check("a/b/:"), @"`--add-data` is `a/b/:`, but must be SRC:DEST, where DEST is a folder inside the bundle or `.`");
        insta::assert_snapshot!(check(":data"), @"`--add-data` is `:data`, but must be SRC:DEST, with the file or folder before the `:`");
        insta::assert_snapshot!(check("data:../up"), @"`--add-data` is `data:../up`, but must be SRC:DEST, where DEST is a folder inside the bundle or `.`");
        insta::assert_snapshot!(check("data:/abs"), @"`--add-data` is `data:/abs`, but must be SRC:DEST, where DEST is a folder inside the bundle or `.`");
        insta::assert_snapshot!(check(r"C:\data"), @r"`--add-data` is `C:\data`, but must be SRC:DEST, such as `C:\data:C:\data` or `C:\data:.`");
        assert!(check("absent:data").ends_with("absent`, which does not exist"));
    }
}
