//! What only root can arrange: file systems of a test's own. They live in a mount namespace that ends with the run.

use super::Run;
use std::os::unix::fs::MetadataExt as _;

/// The tests run as root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// `sh -c SCRIPT sh ARGUMENT…` with mounts that nobody else sees.
pub(crate) fn mount_namespace(script: &str) -> Run {
    Run::new("/usr/bin/unshare")
        .args(&[
            "--mount",
            "--propagation",
            "private",
            "/bin/sh",
            "-c",
            script,
            "sh",
        ])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
}

/// As [`mount_namespace`], as root or not at all: `None`, and a line that says so, for everybody else.
pub(crate) fn arena(script: &str) -> Option<Run> {
    if is_root() {
        return Some(mount_namespace(script));
    }
    eprintln!("skipped: mounts and other users need root");
    None
}
