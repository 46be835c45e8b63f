//! What a [`crate::poll::Poller`] is asked for, on any system.

/// What to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, or its end.
    Read,
    /// There is room to write.
    Write,
}

/// How often to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// As long as it is so.
    Level,
    /// Each time it becomes so again; on Windows of a [`crate::poll::Wake`] alone.
    Edge,
    /// Once, to one thread; then not before [`crate::poll::Poller::rearm`].
    Once,
}
