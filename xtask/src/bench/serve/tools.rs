//! What the comparison needs: the servers, wrk, Apache, an interpreter without a GIL where there is one.

use super::contestants::{Contestant, Tools};
use crate::bench::{install as install_packages, machine};
use crate::setup::{self, step};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the environment of the servers holds, the applications' imports first. fastwsgi imports `pkg_resources`, which later versions of setuptools lack.
const PACKAGES: [&str; 8] = [
    "flask>=3.0,<4",
    "django>=5,<7",
    "granian",
    "bjoern",
    "fastwsgi",
    "gunicorn",
    "uwsgi",
    "setuptools<81",
];
const MOD_WSGI: &str = "mod_wsgi>=6,<7";

/// Installs everything.
///
/// # Errors
/// When it cannot be had. mod_wsgi may be missing: it needs Apache.
pub(super) fn install(pack: PathBuf) -> Result<Tools> {
    for (program, packages) in [
        ("/usr/bin/wrk", &["wrk"][..]),
        ("/usr/bin/apxs", &["apache2", "apache2-dev"]),
        ("/usr/include/ev.h", &["libev-dev"]),
    ] {
        if !Path::new(program).exists() {
            install_packages(packages)?;
        }
    }
    step("a virtual environment with the servers");
    let folder = setup::target().join("bench/serve");
    let python = newest_python()?;
    let with_mod_wsgi: Vec<&str> = PACKAGES.iter().copied().chain([MOD_WSGI]).collect();
    let python = setup::venv(&folder.join("venv"), &python, &with_mod_wsgi).or_else(|error| {
        println!("    without mod_wsgi: {error:#}");
        setup::venv(&folder.join("venv"), &python, &PACKAGES)
    })?;
    let apps = setup::root().join("xtask/src/bench/serve/apps");
    let iterations = iterations(&python, &apps)?;
    let scratch = folder.join("run");
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("could not create {}", scratch.display()))?;
    let free = free_threaded(&folder.join("free"));
    Ok(Tools {
        pack,
        python,
        free,
        apps,
        scratch,
        iterations,
    })
}

/// Sub-interpreters with a GIL of their own need CPython 3.13, so the newest known is taken, and not whatever comes first.
fn newest_python() -> Result<PathBuf> {
    let chosen = std::env::var("PACK_PYTHON").ok();
    let root = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv/versions"));
    let mut versions: Vec<PathBuf> = root
        .and_then(|root| std::fs::read_dir(root).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin/python"))
        .filter(|python| python.to_string_lossy().contains("/3.13."))
        .collect();
    versions.sort();
    let candidates = chosen
        .map(PathBuf::from)
        .into_iter()
        .chain(versions.pop())
        .chain([PathBuf::from("python3.13")]);
    for candidate in candidates {
        let asked = setup::read(Command::new(&candidate).args([
            "-I",
            "-c",
            "import sys, venv; print(sys.executable)",
        ]));
        if let Ok(found) = asked {
            return Ok(found.into());
        }
    }
    setup::python()
}

/// A free-threaded Python, in an environment with what the applications import: the one that PACK_FREE_PYTHON names, or what the
/// PATH has.
fn free_threaded(folder: &Path) -> Option<PathBuf> {
    const QUESTION: &str = "import sys, sysconfig, venv\n\
        assert sysconfig.get_config_var('Py_GIL_DISABLED')\n\
        print(sys.executable)";
    let chosen = std::env::var("PACK_FREE_PYTHON").ok();
    let names = ["python3.14t", "python3.13t"].map(str::to_owned);
    let found = chosen
        .into_iter()
        .chain(names)
        .find_map(|name| setup::read(Command::new(name).args(["-I", "-c", QUESTION])).ok())?;
    match setup::venv(folder, Path::new(&found), &PACKAGES[..2]) {
        Ok(python) => Some(python),
        Err(error) => {
            println!("    without a free-threaded Python: {error:#}");
            None
        }
    }
}

/// How many iterations of the fixed work take 3 ms here.
fn iterations(python: &Path, apps: &Path) -> Result<u64> {
    let printed = setup::read(
        Command::new(python)
            .args(["-c", "import bench_app; print(bench_app.calibrate())"])
            .current_dir(apps)
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )?;
    printed
        .parse()
        .with_context(|| format!("the fixed work could not be calibrated: {printed}"))
}

/// What a reader must know of machine and versions.
///
/// # Errors
/// When a tool does not say its version.
pub(super) fn describe(tools: &Tools) -> Result<Vec<[String; 2]>> {
    let mut rows = machine::describe_machine()?;
    rows.push(["Python".to_owned(), machine::python(&tools.python)?]);
    let pack = setup::read(Command::new(&tools.pack).arg("--version"))?.replace("pack ", "");
    rows.push(["pack".to_owned(), pack]);
    rows.push(["servers".to_owned(), versions(tools)?]);
    let apache = setup::read(Command::new("apache2").arg("-v")).unwrap_or_default();
    let apache = apache
        .lines()
        .next()
        .unwrap_or("none")
        .replace("Server version: ", "");
    rows.push(["web server in front of mod_wsgi".to_owned(), apache]);
    let wrk = Command::new("wrk")
        .arg("--version")
        .output()
        .context("could not start wrk")?;
    let wrk = String::from_utf8_lossy(&wrk.stdout);
    let wrk: Vec<&str> = wrk.split_whitespace().take(2).collect();
    rows.push(["load".to_owned(), wrk.join(" ")]);
    rows.push([
        "fixed work".to_owned(),
        format!("{} iterations", tools.iterations),
    ]);
    Ok(rows)
}

fn versions(tools: &Tools) -> Result<String> {
    let names: Vec<&str> = Contestant::ALL
        .into_iter()
        .skip(1)
        .map(Contestant::name)
        .chain(["Flask", "Django"])
        .collect();
    let question = format!(
        "from importlib.metadata import PackageNotFoundError, version\n\
         def told(name):\n    try:\n        return f'{{name}} {{version(name)}}'\n    \
         except PackageNotFoundError:\n        return f'no {{name}}'\n\
         print(', '.join(map(told, {names:?})))"
    );
    setup::read(Command::new(&tools.python).args(["-I", "-c", &question]))
}
