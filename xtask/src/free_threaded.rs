//! `cargo xtask free-threaded`: a CPython without a GIL, built from the sources that Debian has, below
//! `target/free-threaded`, once. No distribution packages one for the releases that people use.

use crate::setup::{self, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release whose sources are taken, and the Python that it has.
const SOURCES: (&str, &str) = ("trixie", "3.13");
/// Where they come from.
const MIRROR: &str = "http://deb.debian.org/debian";
/// Signs what comes from there.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// What the standard library's extension modules are built with.
const PACKAGES: [&str; 11] = [
    "gcc",
    "make",
    "pkg-config",
    "xz-utils",
    "libssl-dev",
    "zlib1g-dev",
    "libffi-dev",
    "libbz2-dev",
    "liblzma-dev",
    "libsqlite3-dev",
    "libexpat1-dev",
];

/// The interpreter, whether it is there or not.
fn python() -> PathBuf {
    let name = format!("bin/python{}t", SOURCES.1);
    setup::target().join("free-threaded").join(name)
}

/// Whether it is there.
pub(crate) fn is_ready() -> bool {
    python().is_file()
}

/// Makes it, if it is missing, and returns the interpreter.
///
/// # Errors
/// When this is no Debian whose packages can be installed, or something is not to be had.
pub(crate) fn set_up() -> Result<PathBuf> {
    let python = python();
    if python.is_file() {
        return Ok(python);
    }
    step("CPython without a GIL, from Debian's sources (some minutes)");
    let home = setup::target().join("free-threaded");
    let work = setup::target().join("free-threaded.new");
    for old in [&home, &work] {
        if old.exists() {
            fs::remove_dir_all(old)
                .with_context(|| format!("could not remove {}", old.display()))?;
        }
    }
    if !PACKAGES.into_iter().all(setup::is_installed) {
        setup::install(&[&["--no-install-recommends"], &PACKAGES[..]].concat())?;
    }
    let tree = Apt::beside(&work)?.sources(&work)?;
    build(&tree, &home, &work)?;
    fs::remove_dir_all(&work).context("could not remove the sources")?;
    Ok(python)
}

/// Debian's packages with a list of their own: the machine's stays as it is.
struct Apt {
    configuration: PathBuf,
}

impl Apt {
    fn beside(work: &Path) -> Result<Self> {
        let root = work.join("apt");
        for folder in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(root.join(folder))
                .with_context(|| format!("could not create {}", root.display()))?;
        }
        let list = format!("deb-src [signed-by={KEYS}] {MIRROR} {} main\n", SOURCES.0);
        let root = root.display();
        let settings = format!(
            "Dir::State::lists \"{root}/lists\";\nDir::Cache \"{root}/cache\";\nDir::Etc::sourcelist \"{root}/sources.list\";\n\
             Dir::Etc::sourceparts \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\nAPT::Sandbox::User \"root\";\n"
        );
        let configuration = work.join("apt/apt.conf");
        fs::write(work.join("apt/sources.list"), list)
            .and_then(|()| fs::write(&configuration, settings))
            .context("could not configure apt")?;
        Ok(Self { configuration })
    }

    // The unpacked sources.
    fn sources(&self, work: &Path) -> Result<PathBuf> {
        let package = format!("python{}", SOURCES.1);
        for words in [
            &["update"][..],
            &["source", "--download-only", package.as_str()],
        ] {
            let mut command = Command::new("apt-get");
            command.args(words).arg("--quiet").current_dir(work);
            setup::run(
                command
                    .env("APT_CONFIG", &self.configuration)
                    .stdout(Stdio::null()),
            )?;
        }
        let name = |path: &Path| path.to_string_lossy().ends_with(".orig.tar.xz");
        let archive = fs::read_dir(work)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| name(path));
        let Some(archive) = archive else {
            bail!("`apt-get source {package}` brought no archive of sources");
        };
        let tree = work.join("tree");
        fs::create_dir_all(&tree)?;
        let mut unpack = Command::new("tar");
        unpack.arg("-xf").arg(archive).arg("-C").arg(&tree);
        setup::run(unpack.arg("--strip-components=1"))?;
        Ok(tree)
    }
}

/// Builds `tree` for `home`, where it is whole or not at all.
fn build(tree: &Path, home: &Path, work: &Path) -> Result<()> {
    let stage = work.join("stage");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let run = |command: &mut Command| {
        let log = work.join("build.log");
        let file = fs::File::options().create(true).append(true).open(&log)?;
        command
            .current_dir(tree)
            .stdout(file.try_clone()?)
            .stderr(file);
        setup::run(command).with_context(|| format!("{} tells more", log.display()))
    };
    let mut configure = Command::new(tree.join("configure"));
    configure.arg(format!("--prefix={}", home.display())).args([
        "--disable-gil",
        "--enable-shared",
        "--without-ensurepip",
        "--disable-test-modules",
        "LDFLAGS=-Wl,-rpath,'$$ORIGIN/../lib'",
    ]);
    run(&mut configure)?;
    run(Command::new("make").arg(format!("--jobs={threads}")))?;
    run(Command::new("make")
        .arg("install")
        .arg(format!("DESTDIR={}", stage.display())))?;
    let staged = stage.join(home.strip_prefix("/").unwrap_or(home));
    fs::rename(&staged, home).with_context(|| format!("could not write {}", home.display()))
}
