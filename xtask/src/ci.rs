//! `cargo xtask ci`: what stands between a change and the main branch.

use crate::provide::{self, For, Provider};
use crate::setup::{self, cargo, step};
use crate::{demo, fuzz, test};
use anyhow::Result;

/// How much of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// What a change has to pass.
    Short,
    /// What a release has to pass: with tests that need minutes or gigabytes (`PACK_LONG=1`), and more fuzzing.
    Long,
}

/// Lints, every test, a little fuzzing, and the demo that the README promises.
///
/// # Errors
/// On the first of them that fails.
pub(crate) fn run(form: Form) -> Result<()> {
    let provider = provide::begin(For::Tests);
    lint()?;
    test::units(provider)?;
    let provider = provide::begin(For::Fuzzing);
    test::programs(form)?;
    provider.map_or(Ok(()), Provider::wait)?;
    fuzz::run(if form == Form::Long { 60 } else { 10 }, &[])?;
    setup::test(demo::run)
}

/// rustfmt, clippy and rustdoc, warnings being errors.
///
/// # Errors
/// On the first complaint.
pub(crate) fn lint() -> Result<()> {
    step("rustfmt");
    setup::run(cargo().args(["fmt", "--all", "--check"]))?;
    step("clippy");
    let everything = ["--workspace", "--all-targets", "--test", "e2e"].as_slice();
    let serverless = ["--package", "runtime", "--no-default-features"].as_slice();
    for what in [everything, serverless] {
        let clippy = &mut cargo();
        setup::run(
            clippy
                .args(["clippy", "--quiet"])
                .args(what)
                .args(["--", "-D", "warnings"]),
        )?;
    }
    step("rustdoc");
    setup::run(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
