//! One library: run unpacked, packed, run again where no Python is.

use super::environments::Environments;
use super::library::Library;
use super::table::{Attempt, Row};
use crate::setup;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

/// In a namespace of its own: no interpreter, no environment, no sources, and no network but this machine's own.
/// Arguments: the folders to hide, `--`, the program.
const MACHINE: &str = r#"
ip link set lo up
while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 98; shift; done
shift
for python in /usr/bin/python3* /usr/local/bin/python3*; do
    if [ -e "$python" ]; then mount --bind /dev/null "$python" || exit 98; fi
done
exec "$@"
"#;

/// The scripts' word for a server that is not installed.
const SKIPPED: i32 = 77;

/// How long a script may take, in seconds.
const LIMIT: &str = "180";

/// What every library is tried with.
#[derive(Debug)]
pub(super) struct Trial {
    pack: PathBuf,
    environments: Environments,
    pyinstaller: bool,
    /// Outside of all that is hidden.
    scratch: PathBuf,
    /// Given to `unshare`; `None` where there is none that works.
    namespace: Option<Vec<&'static str>>,
    hidden: Vec<PathBuf>,
}

impl Trial {
    pub(super) fn new(
        pack: PathBuf,
        environments: Environments,
        pyinstaller: bool,
    ) -> Result<Self> {
        let scratch = std::env::temp_dir().join(format!("pack-libraries-{}", std::process::id()));
        std::fs::create_dir_all(&scratch)
            .with_context(|| format!("could not create {}", scratch.display()))?;
        let namespace = namespace();
        if namespace.is_none() {
            println!(
                "    `unshare` does not work here: the machine's Python stays in sight of the programs"
            );
        }
        let hidden = hidden(&environments)?;
        Ok(Self {
            pack,
            environments,
            pyinstaller,
            scratch,
            namespace,
            hidden,
        })
    }

    /// Tries `library`. What goes wrong stands in the row.
    pub(super) fn row(&self, library: &Library) -> Row {
        let home = self.environments.folder.join("alone").join(&library.name);
        let scratch = self.scratch.join(&library.name);
        let row = self.attempts(library, &home, &scratch);
        // Nobody misses them, and the next library needs the room.
        for folder in [&home, &scratch] {
            std::fs::remove_dir_all(folder).ok();
        }
        row.unwrap_or_else(|error| Row::broken(&library.name, &format!("{error:#}")))
    }

    fn attempts(&self, library: &Library, home: &Path, scratch: &Path) -> Result<Row> {
        for folder in [home, scratch] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("could not create {}", folder.display()))?;
        }
        let own = self.environments.alone(library, &[], &home.join("env"))?;
        let mut unpacked = Command::new(&own.python);
        let output = limited(unpacked.arg("-B").arg(&library.script), scratch)?;
        let mut row = Row::new(&library.name, &own.version);
        if output.status.code() == Some(SKIPPED) {
            row.pack = Attempt::skipped(&tail(&output));
            return Ok(row);
        }
        if !output.status.success() {
            row.pack = Attempt::failed("unpacked", &tail(&output));
            return Ok(row);
        }
        let mut build = Command::new(&self.pack);
        build
            .arg("build")
            .arg(&library.script)
            .arg("--python")
            .arg(&own.python);
        build
            .args(["--name", "packed", "--distpath"])
            .arg(home.join("dist"));
        build.arg("--workpath").arg(home.join("work"));
        row.pack = self.attempt(&mut build, home, scratch)?;
        if self.pyinstaller {
            let both = self
                .environments
                .alone(library, &["pyinstaller"], &home.join("env"))?;
            let mut build = Command::new(&both.python);
            build.args([
                "-m",
                "PyInstaller",
                "--noconfirm",
                "--log-level",
                "ERROR",
                "--onefile",
            ]);
            build
                .args(["--name", "packed", "--distpath"])
                .arg(home.join("dist"));
            build
                .arg("--workpath")
                .arg(home.join("pyinstaller"))
                .arg("--specpath")
                .arg(home);
            row.pyinstaller = Some(self.attempt(build.arg(&library.script), home, scratch)?);
        }
        Ok(row)
    }

    /// Builds `home/dist/packed` by `build` and runs it.
    fn attempt(&self, build: &mut Command, home: &Path, scratch: &Path) -> Result<Attempt> {
        let begin = Instant::now();
        let built = build
            .current_dir(home)
            .output()
            .context("could not start the packer")?;
        let seconds = begin.elapsed().as_secs_f64();
        if !built.status.success() {
            return Ok(Attempt::failed("build", &tail(&built)));
        }
        let program = scratch.join("packed");
        let made = home.join("dist/packed");
        std::fs::copy(&made, &program)
            .with_context(|| format!("could not copy {}", made.display()))?;
        std::fs::remove_file(&made).ok();
        let size = std::fs::metadata(&program)?.len();
        let output = limited(&mut self.elsewhere(&program), scratch)?;
        let attempt = match output.status.code() {
            Some(0) => Attempt::passed(),
            _ => Attempt::failed("packed", &tail(&output)),
        };
        Ok(attempt.with(size, seconds))
    }

    /// `program` as another machine would start it.
    fn elsewhere(&self, program: &Path) -> Command {
        let Some(namespace) = &self.namespace else {
            return Command::new(program);
        };
        let mut command = Command::new("unshare");
        command
            .args(namespace)
            .args(["/bin/sh", "-c", MACHINE, "sh"]);
        command.args(&self.hidden).arg("--").arg(program);
        command
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.scratch).ok();
    }
}

/// The arguments of an `unshare` that may mount, and has no network.
fn namespace() -> Option<Vec<&'static str>> {
    let own = ["--mount", "--net", "--propagation", "private"];
    [
        &own[..],
        &[
            "--map-root-user",
            "--mount",
            "--net",
            "--propagation",
            "private",
        ],
    ]
    .into_iter()
    .find(|arguments| {
        let mut command = Command::new("unshare");
        command
            .args(*arguments)
            .args(["/bin/sh", "-c", "ip link set lo up"]);
        setup::read(&mut command).is_ok()
    })
    .map(<[_]>::to_vec)
}

/// The workspace, and what the interpreter is installed in.
fn hidden(environments: &Environments) -> Result<Vec<PathBuf>> {
    let question = "import os, sys; print(sys.base_prefix); print(os.path.dirname(os.__file__))";
    let answer = setup::read(Command::new(&environments.python).args(["-I", "-c", question]))?;
    let mut hidden = vec![setup::root(), setup::target()];
    hidden.retain(|folder| folder.exists());
    hidden.dedup_by(|inner, outer| inner.starts_with(&outer));
    let lines: Vec<PathBuf> = answer.lines().map(PathBuf::from).collect();
    if let [prefix, library] = lines.as_slice() {
        let own = prefix != Path::new("/usr") && prefix != Path::new("/usr/local");
        hidden.push(if own { prefix } else { library }.clone());
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
    hidden.sort();
    hidden.dedup();
    Ok(hidden)
}

/// Runs `command` in the root folder with next to no environment; all that it writes goes to `scratch`.
fn limited(command: &mut Command, scratch: &Path) -> Result<Output> {
    let mut limited = Command::new("timeout");
    limited
        .arg(LIMIT)
        .arg(command.get_program())
        .args(command.get_args());
    limited.current_dir("/").env_clear();
    limited
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", scratch);
    limited.env("TMPDIR", scratch);
    limited.output().context("could not start `timeout`")
}

/// The last lines that a program wrote.
fn tail(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = lines.len().saturating_sub(12);
    format!("{} ({})", lines[from..].join("\n"), output.status)
}
