//! `cargo xtask bench start`: what packing and starting cost, beside PyInstaller's one-file mode and a bare Python.
//!
//! Everything is run in turns and told as CPU time and as ratios of medians, because wall time says little on a
//! machine that does other things too.

use crate::dist;
use crate::setup::{self, megabytes, step};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BUILD_ROUNDS: u32 = 3;
const START_ROUNDS: u32 = 15;

/// A program to pack with both packers and start.
struct Subject {
    name: &'static str,
    /// Below the workspace.
    folder: &'static str,
    script: &'static str,
    arguments: &'static [&'static str],
    /// `--add-data` for both.
    data: &'static [&'static str],
}

const SUBJECTS: [Subject; 2] = [
    Subject {
        name: "hello",
        folder: "samples/hello",
        script: "hello.py",
        arguments: &[],
        data: &[],
    },
    // The guestbook's second command: it imports Flask, opens the database and ends, where the server would stay.
    Subject {
        name: "flask",
        folder: "samples/guestbook",
        script: "manage.py",
        arguments: &["list"],
        data: &[
            "guestbook/templates:guestbook/templates",
            "guestbook/static:guestbook/static",
            "assets:assets",
        ],
    },
];

/// Builds and starts each subject with each packer and prints the tables.
///
/// # Errors
/// When a tool cannot be installed, or something does not build or run.
pub(crate) fn start() -> Result<()> {
    let pack = dist::build()?;
    let folder = setup::target().join("bench");
    step("a virtual environment with Flask and PyInstaller");
    let python = setup::venv(
        &folder.join("venv"),
        &setup::python()?,
        &["flask>=3.0,<4", "pyinstaller"],
    )?;
    for subject in &SUBJECTS {
        let bench = Bench {
            subject,
            pack: &pack,
            python: &python,
            folder: folder.join(subject.name),
        };
        bench.builds()?;
        bench.starts()?;
    }
    Ok(())
}

struct Bench<'a> {
    subject: &'a Subject,
    pack: &'a Path,
    python: &'a Path,
    folder: PathBuf,
}

impl Bench<'_> {
    /// Builds with both packers, without and with what an earlier build left.
    fn builds(&self) -> Result<()> {
        step(&format!(
            "packing {}, {BUILD_ROUNDS} rounds",
            self.subject.name
        ));
        let (ours, theirs) = (self.folder.join("pack"), self.folder.join("pyinstaller"));
        let mut commands = Map::new();
        for (name, home, clear) in [
            ("pack, cold", &ours, vec![ours.clone()]),
            ("pack, again", &ours, vec![]),
            ("PyInstaller, cold", &theirs, vec![theirs.clone()]),
            ("PyInstaller, again", &theirs, vec![]),
        ] {
            let run = if home == &ours {
                self.pack_command()
            } else {
                self.pyinstaller_command()
            };
            commands.insert(
                name.to_owned(),
                json!({"run": run, "home": home, "clear": clear}),
            );
        }
        let costs = Costs::measure(self.python, BUILD_ROUNDS, commands)?;
        println!("\n{}: build", self.subject.name);
        costs.row("pack, cold", "PyInstaller, cold");
        costs.row("pack, again", "PyInstaller, again");
        let (ours, theirs) = (size(&self.packed(&ours))?, size(&self.packed(&theirs))?);
        println!(
            "  size   pack {}   PyInstaller {}   ratio {:.2}",
            megabytes(ours),
            megabytes(theirs),
            ours as f64 / theirs as f64
        );
        Ok(())
    }

    /// Starts both results and a bare Python.
    fn starts(&self) -> Result<()> {
        step(&format!(
            "starting {}, {START_ROUNDS} rounds",
            self.subject.name
        ));
        let (ours, theirs) = (
            self.packed(&self.folder.join("pack")),
            self.packed(&self.folder.join("pyinstaller")),
        );
        let home = |name: &str| self.folder.join("homes").join(name);
        let mut commands = Map::new();
        let mut add = |name: &str, mut run: Vec<String>, clear: bool| {
            run.extend(
                self.subject
                    .arguments
                    .iter()
                    .map(|&argument| argument.to_owned()),
            );
            let home = home(name);
            let clear = if clear { vec![home.clone()] } else { vec![] };
            commands.insert(
                name.to_owned(),
                json!({"run": run, "home": home, "clear": clear}),
            );
        };
        add("pack, first", vec![text(&ours)], true);
        add("pack, later", vec![text(&ours)], false);
        add("PyInstaller, first", vec![text(&theirs)], true);
        add("PyInstaller, later", vec![text(&theirs)], false);
        add(
            "python -I -S",
            ["-I", "-S", "-c", "pass"]
                .iter()
                .fold(vec![text(self.python)], |mut run, word| {
                    run.push((*word).to_owned());
                    run
                }),
            false,
        );
        let costs = Costs::measure(self.python, START_ROUNDS, commands)?;
        println!("\n{}: start", self.subject.name);
        costs.row("pack, first", "PyInstaller, first");
        costs.row("pack, later", "PyInstaller, later");
        costs.row("pack, later", "python -I -S");
        Ok(())
    }

    fn pack_command(&self) -> Vec<String> {
        let mut command = vec![
            text(self.pack),
            "build".to_owned(),
            self.script(),
            "--python".to_owned(),
            text(self.python),
        ];
        command.extend(["--onefile", "--name", "packed", "--distpath", "dist"].map(str::to_owned));
        command.extend(self.data());
        command
    }

    fn pyinstaller_command(&self) -> Vec<String> {
        let mut command: Vec<String> = vec![text(self.python)];
        command.extend(
            [
                "-m",
                "PyInstaller",
                "--onefile",
                "--noconfirm",
                "--log-level",
                "ERROR",
            ]
            .map(str::to_owned),
        );
        command.extend(["--name", "packed", "--distpath", "dist"].map(str::to_owned));
        command.extend(self.data());
        command.push(self.script());
        command
    }

    fn script(&self) -> String {
        text(
            &setup::root()
                .join(self.subject.folder)
                .join(self.subject.script),
        )
    }

    fn data(&self) -> Vec<String> {
        let folder = setup::root().join(self.subject.folder);
        let rules = self
            .subject
            .data
            .iter()
            .map(|rule| format!("{}/{rule}", folder.display()));
        rules
            .flat_map(|rule| ["--add-data".to_owned(), rule])
            .collect()
    }

    fn packed(&self, home: &Path) -> PathBuf {
        home.join("dist/packed")
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn size(path: &Path) -> Result<u64> {
    Ok(std::fs::metadata(path)
        .with_context(|| format!("could not read {}", path.display()))?
        .len())
}

/// [CPU, wall] in microseconds of each round, by command.
struct Costs(Map<String, Value>);

impl Costs {
    fn measure(python: &Path, rounds: u32, commands: Map<String, Value>) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-I", "-c", include_str!("measure.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the measuring script")?;
        let plan = json!({"rounds": rounds, "commands": commands}).to_string();
        child
            .stdin
            .take()
            .context("its standard input is piped")?
            .write_all(plan.as_bytes())?;
        let output = child.wait_with_output()?;
        anyhow::ensure!(
            output.status.success(),
            "the measuring script ended with {}",
            output.status
        );
        Ok(Self(
            serde_json::from_slice(&output.stdout)
                .context("the measuring script printed no JSON")?,
        ))
    }

    /// One command beside another: medians, and the median of the rounds' ratios.
    fn row(&self, ours: &str, theirs: &str) {
        let [our_cpu, their_cpu] = [ours, theirs].map(|name| self.column(name, 0));
        let [our_wall, their_wall] = [ours, theirs].map(|name| self.column(name, 1));
        let ratio = |a: &[f64], b: &[f64]| median(a.iter().zip(b).map(|(a, b)| b / a).collect());
        println!(
            "  CPU    {ours} {:.1} ms   {theirs} {:.1} ms   {:.1} times less   (wall {:.1} and {:.1} ms, {:.1} times less)",
            median(our_cpu.clone()) / 1e3,
            median(their_cpu.clone()) / 1e3,
            ratio(&our_cpu, &their_cpu),
            median(our_wall.clone()) / 1e3,
            median(their_wall.clone()) / 1e3,
            ratio(&our_wall, &their_wall),
        );
    }

    fn column(&self, name: &str, at: usize) -> Vec<f64> {
        let rounds = self
            .0
            .get(name)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        rounds
            .iter()
            .filter_map(|round| round.get(at)?.as_f64())
            .collect()
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_the_middle() {
        assert!((super::median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
