//! `pack doctor`.

use super::{Failure, open, verify};
use crate::doctor::{Finding, Inside, OwnSource, Topic, Verdict, examine};
use crate::pe::is_pe;
use crate::record::{self, Record};
use crate::report::{Printer, path as show};
use clap::{ArgMatches, Command};
use payload::{Entry, FormatError, Method, Payload};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Sources larger than this are no people's.
const MAX_SOURCE: u64 = 4 << 20;

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Explain what Explorer, the window and the taskbar show of a program")
        .long_about(
            "Explain what Explorer, the window and the taskbar will show of a program, and why: its icon's sizes, version \
             information, manifest and signature, the AppUserModelID, the icon files that its sources name and the program has \
             or lacks. Any Windows executable can be looked at; of one that pack has made the sources, too.",
        )
        .arg(open::argument())
        .args(super::verbosity())
        .arg(super::format())
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    let file = open::file(matches)?;
    let bytes = open::read(file)?;
    let inside = match Payload::locate(&bytes) {
        Err(FormatError::Absent) if is_pe(&bytes) => None,
        _ => Some(inside(file, &open::payload(file, &bytes)?)?),
    };
    let findings = examine(&bytes, inside.as_ref());
    let text = match super::is_json(matches) {
        true => format!("{:#}\n", json!({ "file": file, "findings": findings })),
        false => text(file, &findings, printer),
    };
    printer.data(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn inside(file: &Path, payload: &Payload<'_>) -> Result<Inside, Failure> {
    let damaged = |source| open::damaged(file, source);
    let program = payload.program().map_err(damaged)?;
    let record = match payload.find(record::PATH).map_err(damaged)? {
        Some(entry) => Record::from_json(&entry.verified().map_err(damaged)?).unwrap_or_default(),
        None => Record::default(),
    };
    let folder = verify::contents(file, payload)?;
    let mut inside = Inside {
        id: program.id,
        payload_end: payload.prefix_length() + payload.payload_length(),
        toolkit: toolkit(&record),
        ..Inside::default()
    };
    for entry in payload.entries() {
        let entry = entry.map_err(damaged)?;
        if is_own_source(&entry, &record) {
            let content = match (entry.method, &folder) {
                (Method::External, Some(folder)) => fs_err::read(folder.join(entry.path))?,
                _ => entry.verified().map_err(damaged)?.into_owned(),
            };
            inside.sources.push(OwnSource {
                path: entry.path.to_owned(),
                text: String::from_utf8_lossy(&content).into_owned(),
            });
        }
        inside.files.push(entry.path.to_owned());
    }
    Ok(inside)
}

/// One that is neither the standard library's nor a distribution's.
fn is_own_source(entry: &Entry<'_>, record: &Record) -> bool {
    let why = record.files.get(entry.path).map_or("", String::as_str);
    let others = ["", "standard library"].contains(&why) || why.starts_with("distribution ");
    (entry.path.ends_with(".py") || entry.path.ends_with(".pyw"))
        && !others
        && entry.size <= MAX_SOURCE
}

/// The library that makes the program's windows.
fn toolkit(record: &Record) -> Option<&'static str> {
    const TOOLKITS: [(&str, &str); 7] = [
        ("PyQt6", "Qt"),
        ("PySide6", "Qt"),
        ("PyQt5", "Qt"),
        ("PySide2", "Qt"),
        ("wx", "wxWidgets"),
        ("pygame", "pygame"),
        ("tkinter", "Tk"),
    ];
    let reached = |name: &&(&str, &str)| record.modules.contains_key(name.0);
    TOOLKITS.iter().find(reached).map(|(_, toolkit)| *toolkit)
}

fn text(file: &Path, findings: &[Finding], printer: &Printer) -> String {
    let mut text = format!("{}\n", printer.heading(&show(file)));
    let mut topic = None;
    for finding in findings {
        if topic != Some(finding.topic) {
            let _ = writeln!(text, "\n{}", printer.heading(title(finding.topic)));
            topic = Some(finding.topic);
        }
        let mark = match finding.verdict {
            Verdict::Good => "ok",
            Verdict::Note => "note",
            Verdict::Trouble => "trouble",
        };
        let _ = writeln!(text, "  {mark:<8} {}", finding.text);
        if !finding.advice.is_empty() {
            let _ = writeln!(text, "  {:<8} {}", "", finding.advice);
        }
    }
    text
}

fn title(topic: Topic) -> &'static str {
    match topic {
        Topic::Explorer => "Explorer",
        Topic::Window => "Window",
        Topic::Taskbar => "Taskbar",
        Topic::Properties => "Properties and task manager",
        Topic::Start => "Start",
        Topic::Signature => "Signature",
    }
}
