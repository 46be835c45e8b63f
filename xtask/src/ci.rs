//! `cargo xtask ci`: what stands between a change and the main branch.

use crate::setup::{self, cargo, step};
use crate::{demo, test};
use anyhow::Result;
use std::process::Command;

/// Lints, every test, a little fuzzing, and the demo that the README promises.
///
/// # Errors
/// On the first of them that fails.
pub(crate) fn run() -> Result<()> {
    lint()?;
    test::run(&[])?;
    fuzz()?;
    demo::run()
}

/// Ten seconds of fuzzing what reads bytes, where a nightly toolchain and cargo-fuzz are at hand.
fn fuzz() -> Result<()> {
    let fuzz = || {
        let mut command = Command::new("cargo");
        command
            .args(["+nightly", "fuzz"])
            .current_dir(setup::root().join("payload"));
        command
    };
    if setup::read(fuzz().arg("--version")).is_err() {
        println!(
            "    no fuzzing: it needs a nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz`)"
        );
        return Ok(());
    }
    step("fuzzing the payload's reader for ten seconds");
    setup::run(fuzz().args(["run", "payload", "--", "-max_total_time=10"]))
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
