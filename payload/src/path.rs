//! Names inside an archive, checked before they can become paths.

/// A relative path inside a bundle: `/`-separated, without empty, `.` and `..` components, without anything that a
/// supported system reads as a drive, a device or a stream.
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
        .bytes()
        .any(|b| b < 0x20 || b == b'\\' || b == b':' || b == 0x7f)
    {
        return Err("it has a control character, backslash or colon");
    }
    Ok(())
}
