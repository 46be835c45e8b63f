//! A server that is up.

use super::contestants::{Launch, Tools};
use super::processes;
use super::scenarios::{Row, Scenario};
use crate::http;
use crate::setup;
use anyhow::{Context, Result, bail};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A running server; stopped when dropped.
pub(super) struct Server {
    pub(super) row: Row,
    pub(super) address: SocketAddr,
    /// Where ours tells what it measures.
    pub(super) admin: Option<SocketAddr>,
    /// Its own folder, with what it writes.
    pub(super) folder: PathBuf,
    child: Child,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    /// Starts the server of `row` and waits for its first answer.
    ///
    /// # Errors
    /// When it cannot be started or does not answer; with what it printed.
    pub(super) fn start(tools: &Tools, scenario: &Scenario, row: Row) -> Result<Self> {
        let words = row.label().replace(['×', ' ', ',', '.'], "_");
        let folder = tools.scratch.join(format!("{}-{words}", scenario.name));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("overrun"))
            .with_context(|| format!("could not create {}", folder.display()))?;
        let address = http::free_address()?;
        let Launch { mut command, admin } =
            row.contestant
                .launch(tools, scenario, row, &folder, address.port())?;
        let log = fs::File::create(folder.join("log.txt")).context("could not create its log")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start {command:?}"))?;
        let mut server = Self {
            row,
            address,
            admin,
            folder,
            child,
        };
        server.wait(scenario)?;
        Ok(server)
    }

    fn wait(&mut self, scenario: &Scenario) -> Result<()> {
        let form = (scenario.body > 0).then_some("x");
        let begin = Instant::now();
        loop {
            if let Ok(answer) = http::request(self.address, "/", form) {
                if answer.status == 200 {
                    return Ok(());
                }
                bail!("it answers {}\n{}", answer.status, self.log());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}\n{}", self.log());
            }
            if begin.elapsed() > PATIENCE {
                bail!("it does not answer\n{}", self.log());
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        let text = fs::read(self.folder.join("log.txt")).unwrap_or_default();
        String::from_utf8_lossy(&text).trim_end().to_owned()
    }

    /// All of its processes.
    pub(super) fn processes(&self) -> Vec<u32> {
        processes::family(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let family = self.processes();
        signal("-TERM", &[self.child.id()]);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            sleep(Duration::from_millis(20));
        }
        // What is left of it by now.
        let left: Vec<u32> = family
            .into_iter()
            .filter(|&process| processes::family(process).contains(&process))
            .collect();
        signal("-KILL", &left);
        let _ = self.child.wait();
    }
}

fn signal(which: &str, processes: &[u32]) {
    if !processes.is_empty() {
        let words = processes.iter().map(u32::to_string);
        // Some are gone by the time they are named.
        let _ = setup::read(Command::new("kill").arg(which).args(words));
    }
}
