//! Another machine, as far as a program can tell: no Python, none of the environments, no sources, no network.

use super::environments::Environments;
use crate::setup;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In a namespace of its own: what is hidden is empty there, and of the network there is this machine alone.
/// Arguments: the folders to hide, `--`, the program.
const SCRIPT: &str = r#"
ip link set lo up
while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 98; shift; done
shift
for python in /usr/bin/python3* /usr/local/bin/python3*; do
    if [ -e "$python" ]; then mount --bind /dev/null "$python" || exit 98; fi
done
exec "$@"
"#;

/// How long a script may take, in seconds.
const LIMIT: &str = "180";

/// How programs are started there.
#[derive(Debug)]
pub(super) struct Machine {
    /// Given to `unshare`; `None` where there is none that works.
    namespace: Option<Vec<&'static str>>,
    hidden: Vec<PathBuf>,
}

impl Machine {
    pub(super) fn new(environments: &Environments) -> Result<Self> {
        let namespace = namespace();
        if namespace.is_none() {
            println!(
                "    `unshare` does not work here: the machine's Python stays in sight of the programs"
            );
        }
        let machine = Self {
            namespace,
            hidden: hidden(environments)?,
        };
        machine.check(&environments.python)?;
        Ok(machine)
    }

    /// Whether what must not be there is out of reach: else every result would say less than it seems to.
    fn check(&self, python: &Path) -> Result<()> {
        let starts = |program: &Path| {
            let mut command = self.start(program);
            let output = command.args(["-c", "pass"]).output();
            output.is_ok_and(|output| output.status.success())
        };
        let interpreters = ["/usr/bin/python3", "/usr/local/bin/python3"].map(PathBuf::from);
        let mut interpreters = interpreters.into_iter().chain([python.to_owned()]);
        match interpreters.find(|python| starts(python)) {
            Some(found) if self.namespace.is_some() => {
                bail!("{} could not be hidden from the programs", found.display())
            }
            _ => Ok(()),
        }
    }

    /// `program` as another machine would start it.
    pub(super) fn start(&self, program: &Path) -> Command {
        let Some(namespace) = &self.namespace else {
            return Command::new(program);
        };
        let mut command = Command::new("unshare");
        command
            .args(namespace)
            .args(["/bin/sh", "-c", SCRIPT, "sh"]);
        command.args(&self.hidden).arg("--").arg(program);
        command
    }
}

/// Runs `command` in the root folder with next to no environment, as cron does; all that it writes goes to `scratch`.
pub(super) fn limited(command: &mut Command, scratch: &Path) -> Result<Output> {
    let mut limited = Command::new("timeout");
    limited
        .args(["--kill-after", "10", LIMIT])
        .arg(command.get_program())
        .args(command.get_args());
    limited
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", scratch)
        .env("TMPDIR", scratch);
    limited.output().context("could not start `timeout`")
}

/// The arguments of an `unshare` that may mount, and has no network.
fn namespace() -> Option<Vec<&'static str>> {
    const OWN: [&str; 4] = ["--mount", "--net", "--propagation", "private"];
    let works = |arguments: &Vec<&str>| {
        let mut command = Command::new("unshare");
        command
            .args(arguments)
            .args(["/bin/sh", "-c", "ip link set lo up"]);
        setup::read(&mut command).is_ok()
    };
    let as_root: Vec<&str> = [&["--map-root-user"], &OWN[..]].concat();
    [OWN.to_vec(), as_root].into_iter().find(works)
}

/// The workspace, what the interpreter is installed in, and the interpreters of the system.
fn hidden(environments: &Environments) -> Result<Vec<PathBuf>> {
    let question = "import os, sys; print(sys.base_prefix); print(os.path.dirname(os.__file__))";
    let answer = setup::read(Command::new(&environments.python).args(["-I", "-c", question]))?;
    let mut hidden = vec![setup::root(), setup::target()];
    if let [prefix, library] = answer.lines().collect::<Vec<_>>()[..] {
        hidden.push(installation(Path::new(prefix), Path::new(library)));
    }
    let system = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten();
    let is_python = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("python3"))
    };
    hidden.extend(system.map(|entry| entry.path()).filter(is_python));
    hidden.retain(|folder| folder.is_dir());
    hidden.sort();
    // What lies in a hidden folder is not there any more, and cannot be hidden.
    hidden.dedup_by(|inner, outer| inner.starts_with(outer));
    Ok(hidden)
}

/// The folder of a Python alone, with all its versions where a tool installed them side by side.
fn installation(prefix: &Path, library: &Path) -> PathBuf {
    match prefix.parent() {
        _ if prefix == Path::new("/usr") || prefix == Path::new("/usr/local") => library.to_owned(),
        Some(versions) if versions.ends_with("versions") => versions.to_owned(),
        _ => prefix.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installations() {
        let check = |prefix: &str, expected: &str| {
            let library = Path::new(prefix).join("lib/python3.13");
            let found = installation(Path::new(prefix), &library);
            assert_eq!(found, Path::new(expected), "{prefix}");
        };
        check("/usr", "/usr/lib/python3.13");
        check(
            "/home/me/.pyenv/versions/3.13.0",
            "/home/me/.pyenv/versions",
        );
        check("/opt/python", "/opt/python");
    }
}
