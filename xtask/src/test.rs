//! `cargo xtask test`: everything there is.

use crate::ci::Form;
use crate::setup::{self, cargo, step};
use crate::{dist, free_threaded, kits, libraries, wine};
use anyhow::Result;
use std::path::PathBuf;

/// Names a free-threaded CPython to the tests.
const FREE_THREADED: &str = "PACK_FREE_THREADED_PYTHON";

/// Unit tests of all crates, then the kits, then the packer's tests with the end-to-end ones among them.
///
/// `filters` choose among the packer's tests and leave the other crates' out. The long form is also had by PACK_LONG=1.
///
/// # Errors
/// When a build or a test fails.
pub(crate) fn run(filters: &[&str], form: Form) -> Result<()> {
    let python = free_threaded_python(filters)?;
    if filters.is_empty() {
        step("unit tests");
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--exclude", "packager", "--quiet"]);
        setup::run(tests.envs(python.iter().map(|python| (FREE_THREADED, python))))?;
    }
    let kit = kits::build(&kits::Options {
        target: kits::HOST.to_owned(),
        fast: false,
    })?;
    if has_wine(filters)? {
        kits::build(&kits::Options {
            target: kits::WINDOWS.to_owned(),
            fast: false,
        })?;
        if filters.is_empty() {
            step("calls into Windows");
            wine::test_platform()?;
        }
    }
    let pack = dist::build()?;
    setup::judges();
    step(
        "the packer, end to end (virtual environments and packed programs are kept in target/e2e)",
    );
    let mut tests = cargo();
    tests
        .args(["test", "--package", "packager", "--"])
        .args(filters)
        .env("PACK_KITS", kit.parent().unwrap_or(&kit))
        .env("PACK_DIST", &pack)
        .envs(python.iter().map(|python| (FREE_THREADED, python)));
    if form == Form::Long {
        tests.env("PACK_LONG", "1");
    }
    setup::run(&mut tests)?;
    if filters.is_empty() {
        libraries::core(&pack)?;
    }
    Ok(())
}

/// Whether programs for Windows are tried: where Wine is set up, or can be. In CI they have to be.
fn has_wine(filters: &[&str]) -> Result<bool> {
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
fn free_threaded_python(filters: &[&str]) -> Result<Option<PathBuf>> {
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
