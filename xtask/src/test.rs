//! `cargo xtask test`: everything there is.

use crate::ci::Form;
use crate::setup::{self, cargo, step};
use crate::{dist, kits, libraries};
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
    if setup::target().join("wine/ready").exists() {
        // Programs for Windows are tried, too.
        kits::build(&kits::Options {
            target: kits::WINDOWS.to_owned(),
            fast: false,
        })?;
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
