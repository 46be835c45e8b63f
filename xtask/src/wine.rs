//! `cargo xtask wine`: a Debian with Wine in which programs for Windows run, and CPython for Windows as python.org
//! publishes it; all below `target/wine`, made once.

mod python;

use crate::setup::{self, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release whose Wine (10) has what Rust's standard library needs.
const RELEASE: &str = "trixie";
/// Written when all is there; with another text, what is missing is added.
const STAMP: &str = "5";
/// Nobody reads manuals there, and nobody minds when a crash of the machine costs it.
const SMALL: &str = "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\nforce-unsafe-io\n";

/// Sets it up, or runs `program` in it.
///
/// # Errors
/// When something cannot be installed, or the program ends with another status than 0.
pub(crate) fn command(words: &[&str]) -> Result<()> {
    let home = set_up()?;
    match words {
        [] => {
            println!(
                "    Wine in {0}/root, CPython in {0}/python",
                home.display()
            );
            Ok(())
        }
        ["--", program @ ..] if !program.is_empty() => setup::run(&mut inside(&home, program)),
        _ => bail!(
            "`cargo xtask wine` knows no options; `cargo xtask wine -- PROGRAM ARGUMENTS` runs a program in it"
        ),
    }
}

/// Whether all is there.
pub(crate) fn is_ready() -> bool {
    let stamp = setup::target().join("wine/ready");
    fs::read_to_string(stamp).is_ok_and(|text| text == STAMP)
}

/// Makes what is missing and returns the folder.
///
/// # Errors
/// When something cannot be installed.
pub(crate) fn set_up() -> Result<PathBuf> {
    let home = setup::target().join("wine");
    if is_ready() {
        return Ok(home);
    }
    check_machine()?;
    let root = home.join("root");
    if !has_wine(&root) {
        install(&home, &root)?;
    }
    python::fetch(&home)?;
    fs::write(home.join("ready"), STAMP).context("could not write the stamp")?;
    Ok(home)
}

/// Whether another root can be entered here, before anything is downloaded.
fn check_machine() -> Result<()> {
    let mut enter = Command::new("unshare");
    enter.args(["--mount", "--propagation", "private", "chroot", "/", "true"]);
    setup::read(&mut enter).map(drop).context(
        "Wine is set up in a Debian of its own, which needs root and the right to mount (`unshare --mount`)",
    )
}

fn has_wine(root: &Path) -> bool {
    // What is a link there leads elsewhere from here.
    let is_there = |path: &str| fs::symlink_metadata(root.join(path)).is_ok();
    is_there("usr/bin/wine") && is_there("usr/bin/Xvfb")
}

/// A Debian with Wine at `root`, whole or not at all.
fn install(home: &Path, root: &Path) -> Result<()> {
    step(&format!("Wine: Debian {RELEASE} in {}", root.display()));
    fs::create_dir_all(home).with_context(|| format!("could not create {}", home.display()))?;
    install_debootstrap()?;
    let fresh = home.join("root.new");
    for old in [root, &fresh] {
        if old.exists() {
            fs::remove_dir_all(old)
                .with_context(|| format!("could not remove {}", old.display()))?;
        }
    }
    setup::run(
        Command::new("debootstrap")
            .args(["--variant=minbase", RELEASE])
            .arg(&fresh)
            .env("DPKG_FORCE", "unsafe-io")
            .stdout(Stdio::null()),
    )?;
    fs::write(fresh.join("etc/dpkg/dpkg.cfg.d/small"), SMALL)
        .context("could not configure dpkg")?;
    // The names of hosts are those of this machine.
    fs::copy("/etc/resolv.conf", fresh.join("etc/resolv.conf"))
        .context("could not copy /etc/resolv.conf")?;
    let packages = "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
                    wine wine64 xvfb && apt-get clean && rm -rf /var/lib/apt/lists/*";
    setup::run(changed_root(&fresh, &["sh", "-c", packages]).stdout(Stdio::null()))?;
    fs::rename(&fresh, root).with_context(|| format!("could not write {}", root.display()))
}

/// Runs a test, with a copy of it in the root that is the first argument; how it ends is how this ends.
const RUN_TEST: &str = r#"cp "$1" "$0/unit.exe" && exec unshare --mount --propagation private sh -c \
"mount -t proc proc \"\$0/proc\" && exec env HOME=/root WINEDEBUG=-all chroot \"\$0\" wine /unit.exe" "$0""#;

/// The tests of calls into Windows.
///
/// # Errors
/// When one fails.
pub(crate) fn test_platform() -> Result<()> {
    let root = set_up()?.join("root");
    let runner = format!(
        "target.{}.runner=['sh', '-c', '''{RUN_TEST}''', '{}']",
        crate::kits::WINDOWS,
        root.display()
    );
    setup::run(setup::cargo().args(["--config", &runner]).args([
        "test",
        "--package",
        "platform",
        "--test",
        "poller",
        "--target",
        crate::kits::WINDOWS,
        "--quiet",
    ]))
}

/// `program` under Wine, its output through a pipe: Python wants none but that there.
fn inside(home: &Path, program: &[&str]) -> Command {
    let script = r#"wine "$@" 2>&1 | cat"#;
    let words = [&["sh", "-c", script, "wine"], program].concat();
    let mut command = changed_root(&home.join("root"), &words);
    command
        .env("WINEDEBUG", "-all")
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8");
    command
}

/// `words` in the other root. What is mounted for it is so for this process and those that it starts, and for nobody else.
fn changed_root(root: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg(r#"mount -t proc proc "$0/proc" && exec chroot "$0" "$@""#)
        .arg(root)
        .args(words);
    command
}

fn install_debootstrap() -> Result<()> {
    if setup::read(Command::new("debootstrap").arg("--version")).is_ok() {
        return Ok(());
    }
    setup::install(&["debootstrap"]).context("install debootstrap, then try again")
}
