//! What loading a library is asked and answers on every system.

/// Why a library could not be loaded, in the system's words.
#[derive(Debug)]
pub struct LoadError(pub String);

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Who sees a library's symbols. On Windows whoever names the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Libraries loaded later.
    Global,
    /// Only who asks for them by handle.
    Local,
}

/// When the functions that a library uses are looked up. On Windows always when it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// All of them now: what is missing is an error here.
    Now,
    /// Each when it is called first, as programs do: of a large library most never are.
    Lazy,
}
