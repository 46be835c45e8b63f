//! The last result of every library, kept between runs, and the page that is made of all of them.

use super::environments::Environments;
use super::table::{self, Attempt, Outcome, Row};
use crate::bench;
use crate::setup;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands above the table.
const HEAD: &str = "\
# What pip installs, packed

Written by `cargo xtask libraries --page`. Each library stands in an environment of its own, which holds what pip gives for it
alone, with a script that does real work with it. `pack build SCRIPT` with no option made one executable of it. That ran
where no Python, no environment and no source is in sight, and no network but the machine's own. Sizes are
those of the executable, times those of the build without any cache. PyInstaller: `--onefile`, with no other option,
pyinstaller-hooks-contrib installed; a library without its columns was not tried with it. Its results are kept while the library's
version is the same, so they may be of an earlier day than ours; build times are not to be compared then.

torch and transformers are tried when they are named. wxPython is not among them: it has no wheel for Linux.
";

/// Below `target/libraries`.
#[derive(Debug)]
pub(super) struct Kept(PathBuf);

impl Kept {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let folder = folder.join("rows");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("could not create {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Keeps `row`; what the other packer made of the same version stays.
    pub(super) fn keep(&self, row: &mut Row) -> Result<()> {
        let path = self.0.join(format!("{}.json", row.name));
        if row.pyinstaller.is_none()
            && let Some(before) = self.read(&row.name)
            && before.version == row.version
        {
            row.pyinstaller = before.pyinstaller;
        }
        let value = json!({
            "version": row.version,
            "pack": to_json(&row.pack),
            "pyinstaller": row.pyinstaller.as_ref().map(to_json),
        });
        std::fs::write(&path, value.to_string())
            .with_context(|| format!("could not write {}", path.display()))
    }

    /// The last result of `name`.
    pub(super) fn read(&self, name: &str) -> Option<Row> {
        let text = std::fs::read_to_string(self.0.join(format!("{name}.json"))).ok()?;
        let value: Value = serde_json::from_str(&text).ok()?;
        let mut row = Row::new(
            name,
            value.get("version")?.as_str()?,
            from_json(value.get("pack")?)?,
        );
        row.pyinstaller = value.get("pyinstaller").and_then(from_json);
        Some(row)
    }

    /// Writes the page of `names`.
    pub(super) fn write_page(
        &self,
        names: &[&str],
        environments: &Environments,
        pack: &Path,
    ) -> Result<()> {
        let rows: Vec<Row> = names.iter().filter_map(|name| self.read(name)).collect();
        ensure!(!rows.is_empty(), "no library has been tried yet");
        let mut text = HEAD.to_owned();
        text.push_str("\n| | |\n|---|---|\n");
        for [what, which] in described(environments, pack)? {
            writeln!(text, "| {what} | {which} |").ok();
        }
        write!(text, "\n{}", table::text(&rows)).ok();
        let page = setup::root().join("tests/libraries/RESULTS.md");
        std::fs::write(&page, text)
            .with_context(|| format!("could not write {}", page.display()))?;
        println!("    {}", page.display());
        Ok(())
    }
}

/// Machine and versions, as rows.
fn described(environments: &Environments, pack: &Path) -> Result<Vec<[String; 2]>> {
    const QUESTION: &str = "from importlib.metadata import version\n\
        print(', '.join(f'{name} {version(name)}' for name in ('pyinstaller', 'pyinstaller-hooks-contrib')))";
    let mut rows = bench::describe_machine()?;
    let mut add = |what: &str, which: String| rows.push([what.to_owned(), which]);
    add("Python", bench::describe_python(&environments.python)?);
    add("pack", setup::read(Command::new(pack).arg("--version"))?);
    if let Some(python) = environments.any() {
        let command = &mut Command::new(python);
        add("beside", setup::read(command.args(["-I", "-c", QUESTION]))?);
    }
    Ok(rows)
}

fn to_json(attempt: &Attempt) -> Value {
    let (outcome, step, said) = match &attempt.outcome {
        Outcome::Passed => ("passed", "", ""),
        Outcome::Skipped(said) => ("skipped", "", said.as_str()),
        Outcome::Failed(step, said) => ("failed", step.as_str(), said.as_str()),
    };
    json!({
        "outcome": outcome, "step": step, "said": said, "size": attempt.size, "seconds": attempt.seconds,
    })
}

fn from_json(value: &Value) -> Option<Attempt> {
    let text = |key: &str| value.get(key)?.as_str();
    let attempt = match text("outcome")? {
        "passed" => Attempt::passed(),
        "skipped" => Attempt::skipped(text("said")?),
        _ => Attempt::failed(text("step")?, text("said")?),
    };
    Some(attempt.with(
        value.get("size")?.as_u64()?,
        value.get("seconds")?.as_f64()?,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let folder = std::env::temp_dir().join(format!("pack-kept-{}", std::process::id()));
        let kept = Kept::open(&folder).unwrap();
        let mut row = Row::new("a", "1", Attempt::failed("build", "no \"x\"").with(3, 1.5));
        row.pyinstaller = Some(Attempt::passed().with(7, 2.0));
        kept.keep(&mut row).unwrap();
        let mut again = Row::new("a", "1", Attempt::skipped("none").with(4, 1.0));
        kept.keep(&mut again).unwrap();
        let found = kept.read("a").unwrap();
        assert_eq!(found.line(), again.line());
        assert!(
            found
                .pyinstaller
                .is_some_and(|other| other.has_passed() && other.size == 7)
        );
        // Of another version it says nothing.
        kept.keep(&mut Row::new("a", "2", Attempt::passed()))
            .unwrap();
        assert!(kept.read("a").unwrap().pyinstaller.is_none());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
