//! `cargo xtask test`: everything there is.

use crate::ci::Form;
use crate::setup::{self, cargo, step};
use crate::{dist, kits, libraries, wine};
use anyhow::Result;

/// Unit tests of all crates, then the kits, then the packer's tests with the end-to-end ones among them.
///
/// `filters` choose among the packer's tests and leave the other crates' out. The long form is also had by PACK_LONG=1.
///
/// # Errors
/// When a build or a test fails.
pub(crate) fn run(filters: &[&str], form: Form) -> Result<()> {
    if filters.is_empty() {
        step("unit tests");
        setup::run(cargo().args(["test", "--workspace", "--exclude", "packager", "--quiet"]))?;
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
        .env("PACK_DIST", &pack);
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
    match wine::set_up() {
        Ok(_) => Ok(true),
        Err(error) if setup::in_ci() => {
            Err(error.context("CI tries programs for Windows, for which Wine has to be set up"))
        }
        Err(error) => {
            println!(
                "    Wine cannot be set up, and tests of programs for Windows are skipped: {error:#}"
            );
            Ok(false)
        }
    }
}
