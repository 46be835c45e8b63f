//! Names inside an archive, checked before they can become paths.

/// A relative path inside a bundle: `/`-separated, without empty, `.` and `..` components, without anything that a
/// supported system reads as a drive or a stream. What only Windows reads as something else, [`Self::check_windows`] says.
///
/// ```
/// use payload::ArchivePath;
/// assert!(ArchivePath::new("lib/python3.11/os.py").is_ok());
/// assert!(ArchivePath::new("../etc/passwd").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchivePath(String);

/// A name that must not become a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError {
    /// The name.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl std::fmt::Display for PathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is not a name for a file in a bundle: {}",
            self.name.escape_debug(),
            self.reason
        )
    }
}

impl std::error::Error for PathError {}

impl ArchivePath {
    /// Checks `name`.
    ///
    /// # Errors
    /// When `name` is empty, absolute, climbs, or holds a component some system gives a meaning of its own.
    pub fn new(name: impl Into<String>) -> Result<Self, PathError> {
        let name = name.into();
        match check(&name) {
            Ok(()) => Ok(Self(name)),
            Err(reason) => Err(PathError { name, reason }),
        }
    }

    /// Checks that Windows, too, takes the path for that of a file: it names no device, and has no character and no end
    /// that Windows does not allow.
    ///
    /// # Errors
    /// When it is none there.
    pub fn check_windows(&self) -> Result<(), PathError> {
        check_windows(&self.0).map_err(|reason| PathError {
            name: self.0.clone(),
            reason,
        })
    }

    /// The path, `/`-separated.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `self/name`.
    ///
    /// # Errors
    /// As [`ArchivePath::new`].
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        Self::new(format!("{}/{name}", self.0))
    }
}

impl std::fmt::Display for ArchivePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rules of [`ArchivePath`], usable on borrowed names read from an archive.
pub(crate) fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > 4096 {
        return Err("it is longer than 4096 bytes");
    }
    if name.starts_with('/') {
        return Err("it is absolute");
    }
    name.split('/').try_for_each(check_component)
}

fn check_component(component: &str) -> Result<(), &'static str> {
    match component {
        "" => return Err("it has an empty component"),
        "." | ".." => return Err("it has a `.` or `..` component"),
        _ => {}
    }
    if component.len() > 255 {
        return Err("a component is longer than 255 bytes");
    }
    if component
        .chars()
        .any(|c| c.is_control() || c == '\\' || c == ':')
    {
        return Err("it has a control character, backslash or colon");
    }
    Ok(())
}

/// What Windows reads as something else, or cannot have, in a name that is right everywhere else.
pub(crate) fn check_windows(name: &str) -> Result<(), &'static str> {
    name.split('/').try_for_each(check_windows_component)
}

fn check_windows_component(component: &str) -> Result<(), &'static str> {
    if component.contains(['<', '>', '"', '|', '?', '*']) {
        return Err("Windows allows none of `< > \" | ? *` in a name");
    }
    if component.ends_with(['.', ' ']) {
        return Err("Windows drops a dot or space at the end of a name");
    }
    // Whatever follows the first dot: `nul.txt` is the device, too.
    let stem = component.split('.').next().unwrap_or_default();
    if is_device(stem.trim_end_matches(' ')) {
        return Err("it is the name of a device on Windows");
    }
    Ok(())
}

fn is_device(stem: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    // Windows takes the superscripts for digits.
    const DIGITS: &str = "0123456789\u{b9}\u{b2}\u{b3}";
    let upper = stem.to_ascii_uppercase();
    let port = upper
        .strip_prefix("COM")
        .or_else(|| upper.strip_prefix("LPT"));
    DEVICES.contains(&upper.as_str())
        || port.is_some_and(|digit| digit.chars().count() == 1 && DIGITS.contains(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_of_windows() {
        for name in [
            "CON",
            "nul",
            "a/aux/b",
            "nul.txt",
            "Con.tar.gz",
            "prn .x",
            "com1",
            "LPT9.log",
            "com\u{b2}",
            "conin$",
        ] {
            assert!(check_windows(name).is_err(), "{name}");
            assert!(check(name).is_ok(), "{name}");
        }
        for name in [
            "console",
            "null",
            "com",
            "com10",
            "lpt",
            "con_",
            "_nul",
            "a.nul",
            "auxiliary.py",
        ] {
            assert!(check_windows(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_windows_cannot_have() {
        for name in ["a.", "a ", "a./b", "x?", "a|b", "a<b", "\"", "*"] {
            assert!(check_windows(name).is_err(), "{name}");
        }
        assert!(check_windows(".hidden/a b.c").is_ok());
    }

    #[test]
    fn control_characters() {
        for name in [
            "a\nb",
            "a\0",
            "\u{1b}[2J",
            "a\u{7f}",
            "a\u{85}b",
            "\u{9b}31m",
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
        assert!(check("f\u{fc}r \u{65e5}\u{672c}.txt").is_ok());
    }
}
