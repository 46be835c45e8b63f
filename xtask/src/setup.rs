//! Where things are, how commands are run, and how missing tools are installed (always below `target/`, except for
//! what only the system's package manager has).

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.parent().unwrap_or(crate_folder).to_path_buf()
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where nothing may be skipped.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// `cargo`, started in the workspace's folder.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Says what comes next.
pub(crate) fn step(text: &str) {
    println!("==> {text}");
}

/// Runs `command`, its output going where ours goes.
///
/// # Errors
/// When it cannot be started or does not end with status 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Does `tests`; once more where they fail in CI. Real processes, signals and pipes can lose a race of the test's own on a
/// loaded machine; what is broken fails twice.
///
/// # Errors
/// As the last of them.
pub(crate) fn test<T>(mut tests: impl FnMut() -> Result<T>) -> Result<T> {
    match tests() {
        Err(error) if in_ci() => {
            step(&format!("again, after: {error:#}"));
            tests()
        }
        result => result,
    }
}

/// Runs `command` silently and returns what it printed to stdout.
///
/// # Errors
/// As [`run`]; the message holds what it printed to stderr.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .with_context(|| format!("could not start {}", shown(command)))?;
    if !status.success() {
        bail!(
            "{} ended with {status}\n{}",
            shown(command),
            String::from_utf8_lossy(&stderr).trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    format!(
        "`{}`",
        words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    )
}

/// Tools that judge what is made for Windows, and the packages of Debian's that have them.
const JUDGES: [(&str, &str); 5] = [
    ("wrestool", "icoutils"),
    ("llvm-readobj", "llvm"),
    ("openssl", "openssl"),
    ("osslsigncode", "osslsigncode"),
    ("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64"),
];

/// Installs them where that can be done. Tests that miss one say that they are skipped.
pub(crate) fn judges() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let missing = JUDGES.iter().filter(|(name, _)| !there(name));
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return;
    }
    step(&format!("installing {}", packages.join(", ")));
    if let Err(error) = install(&packages) {
        println!("{error:#}: tests that need them are skipped");
    }
}

/// Installs Debian's packages; `words` are their names, and options of `apt-get install`.
///
/// # Errors
/// When there is no `apt-get`, or it fails: it is for root.
pub(crate) fn install(words: &[&str]) -> Result<()> {
    // One at a time: `apt-get` does not wait for another one.
    let turn = target().join("apt.lock");
    let turn = std::fs::File::create(&turn)
        .with_context(|| format!("could not write {}", turn.display()))?;
    rustix::fs::flock(&turn, rustix::fs::FlockOperation::LockExclusive)?;
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["--yes", "--quiet"]).args(words);
        run(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update"])?;
    apt(&[&["install"], words].concat())
}

/// Whether one of Debian's packages is there.
pub(crate) fn is_installed(package: &str) -> bool {
    let mut question = Command::new("dpkg-query");
    question.args(["-W", "-f", "${db:Status-Status}", package]);
    read(&mut question).is_ok_and(|status| status == "installed")
}

/// A CPython 3.9 or later that can make virtual environments; installs Debian's when there is none and we are root.
///
/// # Errors
/// When there is none, with the command that installs one.
pub(crate) fn python() -> Result<PathBuf> {
    if let Some(found) = find_python() {
        return Ok(found);
    }
    step("no CPython 3.9 or later with `venv` found: installing Debian's");
    let installed = install(&["python3", "python3-venv"]);
    match (installed, find_python()) {
        (Ok(()), Some(found)) => Ok(found),
        (Err(error), _) => {
            Err(error
                .context("install CPython 3.9 or later with its `venv` module, then try again"))
        }
        (Ok(()), None) => {
            bail!("the system's python3 is older than 3.9: install a later one, then try again")
        }
    }
}

fn find_python() -> Option<PathBuf> {
    let chosen = std::env::var("PACK_PYTHON").ok();
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
        "python3.9",
        "/usr/bin/python3",
    ];
    chosen
        .iter()
        .map(String::as_str)
        .chain(names)
        .find_map(usable_python)
}

/// The interpreter behind `name`, when it is one that serves.
fn usable_python(name: &str) -> Option<PathBuf> {
    const QUESTION: &str = "import sys, venv, ensurepip, ssl, sqlite3, zlib\n\
        assert sys.version_info >= (3, 9) and sys.implementation.name == 'cpython'\n\
        print(sys.executable)";
    read(Command::new(name).args(["-I", "-c", QUESTION]))
        .ok()
        .map(PathBuf::from)
}

/// A virtual environment at `folder` that holds `packages` (arguments of `pip install`); made once for the same
/// arguments.
///
/// # Errors
/// When it cannot be made or a package cannot be installed.
pub(crate) fn venv(folder: &Path, python: &Path, packages: &[&str]) -> Result<PathBuf> {
    let interpreter = folder.join("bin/python");
    let stamp = folder.join("installed.txt");
    let wanted = format!("{}\n{}\n", python.display(), packages.join("\n"));
    if interpreter.exists() && std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(interpreter);
    }
    run(Command::new(python)
        .args(["-m", "venv", "--clear"])
        .arg(folder))?;
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ])
        .args(packages)
        .current_dir(root()))?;
    std::fs::write(&stamp, wanted)
        .with_context(|| format!("could not write {}", stamp.display()))?;
    Ok(interpreter)
}

/// `bytes` in MB, as people read sizes.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
