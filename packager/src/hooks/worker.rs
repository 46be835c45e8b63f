//! The process that runs hooks.

use super::Hook;
use crate::facts::InterpreterFacts;
use crate::plan::BuildPlan;
use serde_json::json;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Defines the stand-in, then answers one request.
const SCRIPT: &str = concat!(include_str!("stand_in.py"), "\n", include_str!("worker.py"));
const MARKER: &str = "@pack-hooks@";

/// Hooks may start interpreters and import large packages; more than this is one that waits for something.
const TIMEOUT: Duration = Duration::from_secs(180);

/// What it answers.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Answer {
    pub(super) results: Vec<Hook>,
    pub(super) problems: Vec<String>,
}

/// Runs the hooks of the modules that are `there`, and those of `missing` ones that may know where these are, as far as there are
/// any in the folders of the settings and of `distributions`.
///
/// # Errors
/// A line for the reader, when they cannot be run at all.
pub(super) fn ask(
    plan: &BuildPlan,
    facts: &InterpreterFacts,
    distributions: &[String],
    there: &[String],
    missing: &[String],
) -> Result<Answer, String> {
    // Distributions that were installed for the program alone are none of the interpreter's.
    let staged = facts
        .site_packages
        .iter()
        .filter(|_| plan.requirements.is_some());
    let request = json!({
        "paths": plan.paths.iter().chain(staged).collect::<Vec<_>>(),
        "folders": plan.include.hooks,
        "distributions": distributions,
        "modules": there,
        "missing": missing,
    });
    let output = run(facts, &request.to_string())
        .map_err(|error| format!("PyInstaller hooks cannot be run: {error}"))?;
    let json = output.rsplit_once(MARKER).map(|(_, json)| json.trim());
    json.and_then(|json| serde_json::from_str(json).ok())
        .ok_or_else(|| "PyInstaller hooks were not run: their process ended early".to_owned())
}

/// What it prints. Its input and output are files, so that neither side waits for the other to read.
fn run(facts: &InterpreterFacts, request: &str) -> std::io::Result<String> {
    let (mut input, mut output) = (tempfile::tempfile()?, tempfile::tempfile()?);
    input.write_all(request.as_bytes())?;
    input.seek(SeekFrom::Start(0))?;
    let mut child = Command::new(&facts.executable)
        .args(["-E", "-B", "-W", "ignore", "-c", SCRIPT])
        .current_dir("/")
        // Ctrl-C is for us.
        .process_group(0)
        .stdin(input)
        .stdout(output.try_clone()?)
        .stderr(Stdio::null())
        .spawn()?;
    let deadline = Instant::now() + TIMEOUT;
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Err(std::io::Error::other("they did not end"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut text = Vec::new();
    output.seek(SeekFrom::Start(0))?;
    output.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
