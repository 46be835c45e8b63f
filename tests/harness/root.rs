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
