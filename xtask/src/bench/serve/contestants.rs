//! The servers, and how each is started. All with the settings of production: no access log, connections kept alive for
//! longer than a round, a backlog of 1024, no reloading.

use super::modes::{Gil, Interval, Mode};
use super::scenarios::{Row, Scenario};
use crate::{http, setup};
use anyhow::{Context, Result, bail, ensure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to start a server.
pub(super) struct Launch {
    pub(super) command: Command,
    /// Where ours tells what it measures.
    pub(super) admin: Option<SocketAddr>,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Contestant {
    Pack,
    Granian,
    Bjoern,
    FastWsgi,
    Gunicorn,
    Uwsgi,
    ModWsgi,
}

/// What servers are run with.
pub(super) struct Tools {
    pub(super) pack: PathBuf,
    /// Of the virtual environment with the servers and what the applications import.
    pub(super) python: PathBuf,
    /// A free-threaded one, when there is one.
    pub(super) free: Option<PathBuf>,
    /// Where bench_app.py lies.
    pub(super) apps: PathBuf,
    /// For what a run leaves.
    pub(super) scratch: PathBuf,
    /// Iterations of the fixed work.
    pub(super) iterations: u64,
}

impl Contestant {
    pub(super) const ALL: [Self; 7] = [
        Self::Pack,
        Self::Granian,
        Self::Bjoern,
        Self::FastWsgi,
        Self::Gunicorn,
        Self::Uwsgi,
        Self::ModWsgi,
    ];

    /// As tables and options call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Granian => "granian",
            Self::Bjoern => "bjoern",
            Self::FastWsgi => "fastwsgi",
            Self::Gunicorn => "gunicorn",
            Self::Uwsgi => "uwsgi",
            Self::ModWsgi => "mod_wsgi",
        }
    }

    /// Whether the server can do that at all.
    pub(super) fn has(self, mode: Mode) -> bool {
        match self {
            Self::Pack => true,
            Self::Bjoern | Self::FastWsgi => mode.threads == 1 && mode.gil == Gil::Shared,
            _ => mode.gil == Gil::Shared && mode.interval != Interval::Auto,
        }
    }

    /// How to serve `row` at 127.0.0.1:`port`; ours is packed for it.
    ///
    /// # Errors
    /// When ours cannot be packed so, or there is no such Python.
    pub(super) fn launch(
        self,
        tools: &Tools,
        scenario: &Scenario,
        row: Row,
        folder: &Path,
        port: u16,
    ) -> Result<Launch> {
        let mode = row.mode;
        let mut admin = None;
        let mut command = match self {
            Self::Pack => {
                let program;
                (program, admin) = packed(tools, scenario, mode, folder)?;
                let mut command = Command::new(program);
                command.args(["--bind", &format!("127.0.0.1:{port}")]);
                command
            }
            Self::Granian => granian(tools, mode, port),
            Self::Bjoern | Self::FastWsgi => {
                let mut command = Command::new(&tools.python);
                command.arg(tools.apps.join("launch.py")).args([
                    self.name(),
                    &port.to_string(),
                    &mode.processes.to_string(),
                ]);
                command
            }
            Self::Gunicorn => gunicorn(tools, mode, port),
            Self::Uwsgi => uwsgi(tools, mode, port),
            Self::ModWsgi => mod_wsgi(tools, mode, folder, port)?,
        };
        command
            .current_dir(&tools.apps)
            .env("BENCH_APP", scenario.application)
            .env("BENCH_ITERATIONS", tools.iterations.to_string())
            .env("BENCH_REPORT", folder.join("overrun"))
            .env("PYTHONPATH", &tools.apps);
        // Ours and mod_wsgi set the interval themselves; for the others the application does.
        if !matches!(self, Self::Pack | Self::ModWsgi)
            && let Some(seconds) = mode.seconds()
        {
            command.env("BENCH_SWITCH_INTERVAL", seconds);
        }
        Ok(Launch { command, admin })
    }
}

/// Packs bench_app.py for a mode; the program, and its admin listener where the scenario asks about the GIL.
fn packed(
    tools: &Tools,
    scenario: &Scenario,
    mode: Mode,
    folder: &Path,
) -> Result<(PathBuf, Option<SocketAddr>)> {
    let python = match (mode.gil, &tools.free) {
        (Gil::Free, None) => {
            bail!("there is no free-threaded Python in the PATH; PACK_FREE_PYTHON may name one")
        }
        (Gil::Free, Some(free)) => free,
        _ => &tools.python,
    };
    let sources = folder.join("sources");
    std::fs::create_dir_all(&sources)
        .with_context(|| format!("could not create {}", sources.display()))?;
    let application = "bench_app.py";
    std::fs::copy(tools.apps.join(application), sources.join(application))
        .context("could not copy bench_app.py")?;
    let admin = if scenario.asks_about_the_gil() {
        Some(http::free_address()?)
    } else {
        None
    };
    std::fs::write(sources.join("pack.toml"), project(mode, admin))
        .context("could not write pack.toml")?;
    setup::read(
        Command::new(&tools.pack)
            .args(["build", "--noconfirm", "--python"])
            .arg(python)
            .arg("--distpath")
            .arg(folder)
            // What mod_wsgi's variant of the application imports.
            .args(["--exclude-module", "mod_wsgi"])
            .current_dir(&sources),
    )?;
    Ok((folder.join("bench"), admin))
}

/// The pack.toml of a mode.
fn project(mode: Mode, admin: Option<SocketAddr>) -> String {
    let mut lines = vec![
        "[app]\nname = \"bench\"\nid = \"bench.serve\"\n[wsgi]\napp = \"bench_app:application\"\naccess-log = false"
            .to_owned(),
        format!("threads = {}", mode.threads),
    ];
    if mode.processes > 1 {
        lines.push(format!("processes = {}", mode.processes));
    }
    match mode.gil {
        Gil::Shared => {}
        Gil::PerInterpreter(count) => {
            lines.push(format!("gil = \"per-interpreter\"\ninterpreters = {count}"));
        }
        Gil::Free => lines.push("gil = \"free\"".to_owned()),
    }
    match (mode.interval, mode.seconds()) {
        (Interval::Auto, _) => lines.push("switch-interval = \"auto\"".to_owned()),
        (_, Some(seconds)) => lines.push(format!("switch-interval = {seconds}")),
        (_, None) => {}
    }
    if let Some(admin) = admin {
        lines.push(format!("admin = \"{admin}\""));
    }
    lines.join("\n") + "\n"
}

fn module(tools: &Tools, name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(&tools.python);
    command.args(["-m", name]).args(words);
    command
}

fn granian(tools: &Tools, mode: Mode, port: u16) -> Command {
    let (port, workers, threads) = (
        port.to_string(),
        mode.processes.to_string(),
        mode.threads.to_string(),
    );
    let words = [
        "--interface",
        "wsgi",
        "--http",
        "1",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--workers",
        &workers,
        "--blocking-threads",
        &threads,
        "--backlog",
        "1024",
        "--no-access-log",
        "--log-level",
        "warning",
        "bench_app:application",
    ];
    module(tools, "granian", &words)
}

fn gunicorn(tools: &Tools, mode: Mode, port: u16) -> Command {
    let (bind, workers, threads) = (
        format!("127.0.0.1:{port}"),
        mode.processes.to_string(),
        mode.threads.to_string(),
    );
    // Its default worker closes the connection after each request.
    let words = [
        "--worker-class",
        "gthread",
        "--bind",
        &bind,
        "--workers",
        &workers,
        "--threads",
        &threads,
        "--keep-alive",
        "75",
        "--backlog",
        "1024",
        "--log-level",
        "warning",
        "bench_app:application",
    ];
    module(tools, "gunicorn", &words)
}

fn uwsgi(tools: &Tools, mode: Mode, port: u16) -> Command {
    let mut command = Command::new(tools.python.with_file_name("uwsgi"));
    let home = tools.python.parent().and_then(Path::parent);
    command
        .args([
            "--http11-socket",
            &format!("127.0.0.1:{port}"),
            "--module",
            "bench_app:application",
        ])
        .args(["--processes", &mode.processes.to_string()])
        .args(["--threads", &mode.threads.to_string()])
        .args(["--listen", "1024", "--so-keepalive", "--need-app"])
        .args([
            "--master",
            "--lazy-apps",
            "--die-on-term",
            "--disable-logging",
            "--home",
        ])
        .arg(home.unwrap_or(Path::new("/")));
    command
}

/// As root it would change to another user, who may not read our Python; in a user namespace it is not root.
fn mod_wsgi(tools: &Tools, mode: Mode, folder: &Path, port: u16) -> Result<Command> {
    let express = tools.python.with_file_name("mod_wsgi-express");
    ensure!(express.exists(), "mod_wsgi could not be installed");
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-user=1000", "--map-group=1000"])
        .arg(express)
        .args(["start-server", "--application-type", "module", "bench_app"])
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--processes", &mode.processes.to_string()])
        .args(["--threads", &mode.threads.to_string()])
        .args(["--max-clients", "256", "--keep-alive-timeout", "75"])
        .args(["--server-backlog", "1024", "--disable-reloading"])
        .arg("--working-directory")
        .arg(&tools.apps)
        .arg("--server-root")
        .arg(folder.join("apache"))
        .env("BENCH_MOD_WSGI", "1");
    if let Some(seconds) = mode.seconds() {
        command.args(["--switch-interval", &seconds]);
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_becomes_settings() {
        let text = project(Mode::new(1, 5).every(100), Some(([127, 0, 0, 1], 9).into()));
        assert!(text.ends_with("threads = 5\nswitch-interval = 0.0001\nadmin = \"127.0.0.1:9\"\n"));
        let text = project(Mode::new(2, 1).auto().with(Gil::PerInterpreter(2)), None);
        assert!(text.ends_with(
            "processes = 2\ngil = \"per-interpreter\"\ninterpreters = 2\nswitch-interval = \"auto\"\n"
        ));
    }
}
