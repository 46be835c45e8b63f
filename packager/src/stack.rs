//! Room for what recurses as deep as its input is nested.

use std::io;

const DEEP: usize = 32 << 20;

/// What `work` gives, done on a thread whose stack takes the deepest source that the parser accepts.
///
/// # Errors
/// When there is no such thread, or `work` panics.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(DEEP);
        let thread = builder.spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| io::Error::other("the work has panicked"))
    })
}
