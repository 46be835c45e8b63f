//! What a build tells about itself while it runs.

/// A stage of a build that takes long enough to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The target interpreter is asked for its facts, and imports are followed.
    Discover,
    /// Files are chosen and native libraries read.
    Collect,
    /// Bytecode is taken over or compiled.
    Compile,
    /// Entries are compressed.
    Compress,
    /// The output is written.
    Write,
}

/// What a stage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Python modules.
    Modules,
    /// Files.
    Files,
    /// Bytes.
    Bytes,
}

impl Stage {
    /// A word for the reader, as it happens: `compiling`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Discover => "following imports",
            Self::Collect => "collecting files",
            Self::Compile => "compiling",
            Self::Compress => "compressing",
            Self::Write => "writing",
        }
    }

    /// What `total` and `advance` count in this stage.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Discover | Self::Compile => Unit::Modules,
            Self::Collect => Unit::Files,
            Self::Compress | Self::Write => Unit::Bytes,
        }
    }
}

/// The one who shows a build's progress. Called from several threads at once; `advance` is called often and must be
/// cheap.
pub trait Progress: Send + Sync {
    /// `stage` begins; it has `total` units of work, 0 when nobody knows yet.
    fn start(&self, stage: Stage, total: u64);
    /// `by` more units of `stage` are done.
    fn advance(&self, stage: Stage, by: u64);
    /// `stage` is over.
    fn finish(&self, stage: Stage);
    /// One line worth reading that is no warning: `112 modules came from the cache`.
    fn note(&self, line: &str);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _: Stage, _: u64) {}
    fn advance(&self, _: Stage, _: u64) {}
    fn finish(&self, _: Stage) {}
    fn note(&self, _: &str) {}
}
