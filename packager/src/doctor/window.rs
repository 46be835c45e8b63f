//! The icon in the title bar: what the application's sources set, and whether the program has it.

use super::sources::{IDENTITY, IconCall, icon_calls};
use super::{Finding, Topic};

/// What is packed in a program, as far as it matters here.
#[derive(Debug, Clone, Default)]
pub struct Inside {
    /// `app.id`.
    pub id: String,
    /// Where in the file the payload ends.
    pub payload_end: u64,
    /// The library that makes windows, if one is in it.
    pub toolkit: Option<&'static str>,
    /// Paths of all files.
    pub files: Vec<String>,
    /// The application's own sources.
    pub sources: Vec<OwnSource>,
}

/// A source of the application's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSource {
    /// Its path in the program.
    pub path: String,
    /// It.
    pub text: String,
}

pub(super) fn examine(inside: &Inside, windows: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sets_icon = false;
    for source in &inside.sources {
        for call in crate::stack::deep(|| icon_calls(&source.text)).unwrap_or_default() {
            if call.call == IDENTITY {
                findings.push(identity(&source.path, &call));
                continue;
            }
            sets_icon = true;
            findings.extend(judge(&source.path, &call, inside, windows));
        }
    }
    if let (false, Some(toolkit)) = (sets_icon, inside.toolkit) {
        findings.push(without_icon(toolkit, windows));
    }
    findings
}

fn without_icon(toolkit: &str, windows: bool) -> Finding {
    if windows && ["Qt", "Tk"].contains(&toolkit) {
        let text = "no source sets an icon for the window, which then has the executable's";
        return Finding::note(Topic::Window, text);
    }
    let text = format!("no source sets an icon for the window: {toolkit} decides what it shows");
    let advice = "set one in the program: `app.setWindowIcon(QIcon(…))` for Qt, `root.iconbitmap(default=…)` for Tk";
    Finding::note(Topic::Window, text).advise(advice)
}

fn identity(path: &str, call: &IconCall) -> Finding {
    let text = format!(
        "{path}:{} sets an AppUserModelID of its own, which counts from then on",
        call.line
    );
    Finding::note(Topic::Taskbar, text)
        .advise("`--app-id` sets it before Python starts; the call can go")
}

fn judge(path: &str, call: &IconCall, inside: &Inside, windows: bool) -> Option<Finding> {
    let topic = Topic::Window;
    let file = call.file.as_deref()?;
    let place = format!("{path}:{}: `{}` names `{file}`", call.line, call.call);
    if file.starts_with(":/") || file.starts_with("qrc:") {
        let text = format!(
            "{place}, a Qt resource: it must be in a module that `pyrcc` or `rcc` has made"
        );
        return Some(Finding::note(topic, text));
    }
    let is_drive = file.as_bytes().get(1) == Some(&b':');
    if (file.starts_with('/') && !call.anchored) || is_drive {
        let text = format!("{place}, a place on one machine alone");
        return Some(Finding::trouble(topic, text).advise(beside(file)));
    }
    let wanted = file.trim_start_matches('/').trim_start_matches("./");
    let wanted = wanted.rsplit("../").next().unwrap_or(wanted);
    let found = inside
        .files
        .iter()
        .any(|of| of == wanted || of.ends_with(&format!("/{wanted}")));
    if !found {
        let text = format!("{place}, which is not in the program");
        let folder = wanted.rsplit_once('/').map_or(".", |(folder, _)| folder);
        return Some(
            Finding::trouble(topic, text)
                .advise(format!("`--add-data {wanted}:{folder}` puts it in")),
        );
    }
    if !call.anchored {
        let text = format!(
            "{place}, which is in the program, but is looked for in the folder that it is started from"
        );
        return Some(Finding::trouble(topic, text).advise(beside(wanted)));
    }
    if windows
        && call.call.ends_with("iconbitmap")
        && !wanted.to_ascii_lowercase().ends_with(".ico")
    {
        let text = format!("{place}: on Windows Tk takes .ico files there, and no others");
        return Some(Finding::trouble(topic, text).advise("`pack icon FILE -o NEW.ico` makes one"));
    }
    Some(Finding::good(
        topic,
        format!("{place}, which is in the program"),
    ))
}

fn beside(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let name = if file.contains(':') || file.starts_with('/') {
        name
    } else {
        file
    };
    format!("name it from the source: `Path(__file__).parent / \"{name}\"`")
}
