//! `cargo xtask ci`: what stands between a change and the main branch.

use crate::setup::{self, cargo, step};
use crate::{demo, test};
use anyhow::Result;

/// Lints, every test, and the demo that the README promises.
///
/// # Errors
/// On the first of them that fails.
pub(crate) fn run() -> Result<()> {
    lint()?;
    test::run(&[])?;
    demo::run()
}

/// rustfmt, clippy and rustdoc, warnings being errors.
///
/// # Errors
/// On the first complaint.
pub(crate) fn lint() -> Result<()> {
    step("rustfmt");
    setup::run(cargo().args(["fmt", "--all", "--check"]))?;
    step("clippy");
    setup::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))?;
    step("rustdoc");
    setup::run(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
