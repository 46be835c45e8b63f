//! `cargo xtask test`: everything there is.

use crate::ci::Form;
use crate::provide::{self, For, Provider};
use crate::setup::{self, cargo, step};
use crate::{dist, free_threaded, kits, libraries, wine};
use anyhow::Result;
use std::path::PathBuf;

/// Names a free-threaded CPython to the tests.
const FREE_THREADED: &str = "PACK_FREE_THREADED_PYTHON";

/// The test in runtime/tests/wsgi.rs that needs one.
const OF_FREE_THREADED: &str = "a_free_threaded_interpreter";

/// Those of the packer's tests that `filters` choose, or all tests there are.
///
/// # Errors
/// When a build or a test fails.
pub(crate) fn run(filters: &[&str]) -> Result<()> {
    if !filters.is_empty() {
        return end_to_end(filters, Form::Short).map(drop);
    }
    units(provide::begin(For::Tests))?;
    programs(Form::Short)
}

/// Unit tests of all crates. When they are done, what `provider` makes is there.
///
/// # Errors
/// When a build or a test fails.
pub(crate) fn units(provider: Option<Provider>) -> Result<()> {
    step("unit tests");
    // Of the whole workspace, as everywhere: with a choice of packages their dependencies may have other features, and are
    // built once more.
    let all = ["test", "--workspace", "--quiet", "--"];
    setup::test(|| setup::run(cargo().args(all).args(["--skip", OF_FREE_THREADED])))?;
    provider.map_or(Ok(()), Provider::wait)
}

/// Tests that need more than their sources: a server without a GIL, programs for Windows, the packer's tests with the
/// end-to-end ones among them, and libraries that people use. The long form is also had by PACK_LONG=1.
///
/// # Errors
/// When a build or a test fails.
pub(crate) fn programs(form: Form) -> Result<()> {
    if let Some(python) = free_threaded_python(&[])? {
        step("a server without a GIL");
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--quiet", "--test", "wsgi"]);
        tests.arg(OF_FREE_THREADED).env(FREE_THREADED, python);
        setup::test(|| setup::run(&mut tests))?;
    }
    if has_wine(&[])? {
        step("calls into Windows");
        setup::test(wine::test_platform)?;
    }
    let pack = end_to_end(&[], form)?;
    setup::test(|| libraries::core(&pack))
}

/// Runs the packer's tests and returns the `pack` that they tried.
fn end_to_end(filters: &[&str], form: Form) -> Result<PathBuf> {
    let python = free_threaded_python(filters)?;
    let kit = kits::build(&kits::Options::of(kits::HOST))?;
    if has_wine(filters)? {
        kits::build(&kits::Options::of(kits::WINDOWS))?;
    }
    let pack = dist::build()?;
    setup::judges();
    step(
        "the packer, end to end (virtual environments and packed programs are kept in target/e2e)",
    );
    let mut tests = cargo();
    tests
        .args(["test", "--workspace", "--test", "e2e", "--"])
        .args(filters)
        .env("PACK_KITS", kit.parent().unwrap_or(&kit))
        .env("PACK_DIST", &pack)
        .envs(python.iter().map(|python| (FREE_THREADED, python)));
    if form == Form::Long {
        tests.env("PACK_LONG", "1");
    }
    setup::test(|| setup::run(&mut tests))?;
    Ok(pack)
}

/// Whether programs for Windows are tried: where Wine is set up, or can be. In CI they have to be.
pub(crate) fn has_wine(filters: &[&str]) -> Result<bool> {
    if !filters.is_empty() && !wine::is_ready() {
        return Ok(false); // their tests say that they are skipped
    }
    let home = or_skipped(
        wine::set_up(),
        "CI tries programs for Windows, for which Wine has to be set up",
        "Wine cannot be set up, and tests of programs for Windows are skipped",
    )?;
    Ok(home.is_some())
}

/// The free-threaded CPython that is tried: the one that is named, or one that is built. In CI there has to be one.
pub(crate) fn free_threaded_python(filters: &[&str]) -> Result<Option<PathBuf>> {
    if let Some(named) = std::env::var_os(FREE_THREADED) {
        return Ok(Some(named.into()));
    }
    if !filters.is_empty() && !free_threaded::is_ready() {
        return Ok(None); // their tests say that they are skipped
    }
    or_skipped(
        free_threaded::set_up(),
        "CI tries a free-threaded CPython, which has to be built",
        "tests of free-threaded CPython are skipped",
    )
}

/// What was set up. Where it could not be, `skipped` is said, or, in CI, that it was `needed`.
fn or_skipped<T>(set_up: Result<T>, needed: &'static str, skipped: &str) -> Result<Option<T>> {
    match set_up {
        Ok(there) => Ok(Some(there)),
        Err(error) if setup::in_ci() => Err(error.context(needed)),
        Err(error) => {
            println!("    {skipped}: {error:#}");
            Ok(None)
        }
    }
}
