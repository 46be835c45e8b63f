//! Dividing a process in which Python runs.

use platform::children::{self, Forked};

use super::object::Attached;

unsafe extern "C" {
    // In the stable ABI since 3.7, where there is a fork.
    fn PyOS_BeforeFork();
    fn PyOS_AfterFork_Parent();
    fn PyOS_AfterFork_Child();
}

/// Forks a process in which Python is initialised and has this one thread.
///
/// # Errors
/// When the system gives no process.
pub(crate) fn fork(_: Attached<'_>) -> std::io::Result<Forked> {
    // SAFETY: attached; in this order around a fork, each in its process (C API docs, "Operating System Utilities").
    unsafe {
        PyOS_BeforeFork();
        let forked = children::fork();
        if matches!(forked, Ok(Forked::Child)) {
            PyOS_AfterFork_Child();
        } else {
            PyOS_AfterFork_Parent();
        }
        forked
    }
}
