//! What came of it.

use crate::setup::megabytes;
use anyhow::{Result, bail};
use std::fmt::Write as _;

/// `NAME: WHY`, for each library that PyInstaller's program of is known to fail.
const EXPLAINED: &str = include_str!("../../../tests/libraries/pyinstaller.txt");

/// A library's line.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) pack: Attempt,
    pub(super) pyinstaller: Option<Attempt>,
}

/// One packer's result.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    /// Of the executable; 0 where there is none.
    pub(super) size: u64,
    /// Of the build.
    pub(super) seconds: f64,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Passed,
    Skipped(String),
    /// In which step, and what was said.
    Failed(String, String),
}

impl Attempt {
    pub(super) fn passed() -> Self {
        Self::of(Outcome::Passed)
    }

    pub(super) fn skipped(said: &str) -> Self {
        Self::of(Outcome::Skipped(said.to_owned()))
    }

    pub(super) fn failed(step: &str, said: &str) -> Self {
        Self::of(Outcome::Failed(step.to_owned(), said.to_owned()))
    }

    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            size: 0,
            seconds: 0.0,
        }
    }

    pub(super) fn with(self, size: u64, seconds: f64) -> Self {
        Self {
            size,
            seconds,
            ..self
        }
    }

    pub(super) fn has_passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(..))
    }

    /// `passed | 12.3 MB | 1.2 s`.
    fn cells(&self) -> String {
        let outcome = match &self.outcome {
            Outcome::Passed => "passed".to_owned(),
            Outcome::Skipped(_) => "skipped".to_owned(),
            Outcome::Failed(step, _) => format!("FAILED ({step})"),
        };
        if self.size == 0 {
            return format!("{outcome} | |");
        }
        format!(
            "{outcome} | {} | {:.1} s",
            megabytes(self.size),
            self.seconds
        )
    }
}

impl Row {
    pub(super) fn new(name: &str, version: &str, pack: Attempt) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            pack,
            pyinstaller: None,
        }
    }

    /// Of a library that could not even be tried.
    pub(super) fn broken(name: &str, reason: &str) -> Self {
        Self::new(name, "", Attempt::failed("set-up", reason))
    }

    /// A line of a table.
    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "| {} | {} | {} |",
            self.name,
            self.version,
            self.pack.cells()
        );
        if let Some(other) = &self.pyinstaller {
            write!(line, " {} |", other.cells()).ok();
        }
        line
    }

    /// Why something in the line is not `passed`.
    fn explanations(&self) -> String {
        let mut text = String::new();
        let attempts = [
            ("pack", Some(&self.pack)),
            ("PyInstaller", self.pyinstaller.as_ref()),
        ];
        for (packer, attempt) in attempts {
            match attempt.map(|attempt| &attempt.outcome) {
                Some(Outcome::Failed(step, said)) => {
                    let name = &self.name;
                    write!(text, "\n### {name}: {packer}, {step}\n").ok();
                    if let Some(why) = explained(name).filter(|_| packer == "PyInstaller") {
                        write!(text, "\nWhy: {why}\n").ok();
                    }
                    write!(text, "\n```text\n{said}\n```\n").ok();
                }
                Some(Outcome::Skipped(said)) => {
                    writeln!(text, "\n{} was skipped with {packer}: {said}\n", self.name).ok();
                }
                _ => {}
            }
        }
        text
    }
}

/// Why PyInstaller's program of this library fails, in words.
fn explained(name: &str) -> Option<&'static str> {
    let mut lines = EXPLAINED.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(of, _)| *of == name).map(|(_, why)| why)
}

/// The table, what did not pass and why, and the sums.
pub(super) fn text(rows: &[Row]) -> String {
    let beside = rows.iter().any(|row| row.pyinstaller.is_some());
    let mut text = String::from("| library | version | pack | size | build |");
    text.push_str(if beside {
        " PyInstaller | size | build |\n"
    } else {
        "\n"
    });
    text.push_str(&"|---".repeat(if beside { 8 } else { 5 }));
    text.push_str("|\n");
    for row in rows {
        writeln!(text, "{}", row.line()).ok();
    }
    writeln!(text, "\n{}", summary(rows)).ok();
    text.extend(rows.iter().map(Row::explanations));
    text
}

/// # Errors
/// When one of them was packed wrongly.
pub(super) fn verdict(rows: &[Row]) -> Result<()> {
    let failed = rows.iter().filter(|row| row.pack.has_failed());
    let failed: Vec<&str> = failed.map(|row| row.name.as_str()).collect();
    if !failed.is_empty() {
        bail!("packed wrongly: {}", failed.join(", "));
    }
    Ok(())
}

/// How many passed, and the sizes of those that both packers made.
fn summary(rows: &[Row]) -> String {
    let passed = rows.iter().filter(|row| row.pack.has_passed()).count();
    let mut text = format!("{passed} of {} passed", rows.len());
    let both = rows
        .iter()
        .filter_map(|row| Some((&row.pack, row.pyinstaller.as_ref()?)));
    let both: Vec<_> = both
        .filter(|(own, other)| own.size > 0 && other.size > 0)
        .collect();
    if !both.is_empty() {
        let others = both.iter().filter(|(_, other)| other.has_passed()).count();
        let own = both.iter().map(|(own, _)| own.size).sum();
        let other = both.iter().map(|(_, other)| other.size).sum();
        write!(
            text,
            "; of {} that both packers made PyInstaller's pass in {others}, and are {} beside our {} together",
            both.len(),
            megabytes(other),
            megabytes(own),
        )
        .ok();
    }
    text.push('.');
    text
}
