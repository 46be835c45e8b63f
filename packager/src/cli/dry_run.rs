//! `pack build --dry-run`: what a build would put in, and why, without building it.

use crate::graph::MissingImport;
use crate::report::{Printer, size};
use crate::{Planned, summary};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Begins the reason of a file of a distribution; distributions are told as a whole.
const OF_DISTRIBUTION: &str = "distribution ";

/// What goes to stdout.
pub(super) fn text(planned: &Planned, printer: &Printer) -> String {
    let mut text = String::new();
    let (major, minor, micro) = planned.python_version;
    let _ = writeln!(
        text,
        "{} {} ({major}.{minor}.{micro}, {})",
        printer.heading("Python"),
        planned.plan.python.display(),
        planned.plan.python_reason
    );
    let collection = &planned.collection;
    let _ = writeln!(text, "\n{}", printer.heading("Distributions"));
    for distribution in &collection.distributions {
        let label = format!("{} {}", distribution.name, distribution.version);
        let bytes = size(distribution.size);
        let _ = writeln!(text, "  {label:<36} {bytes:>9}  {}", distribution.why);
    }
    let _ = writeln!(text, "\n{}", printer.heading("Other files"));
    for file in own_files(planned, printer.is_verbose()) {
        let _ = writeln!(text, "  {:<46} {}", file.dest.as_str(), file.why);
    }
    if !printer.is_verbose() {
        text += "  and the standard library; all of it with -v\n";
    }
    if let Some((version, file)) = &collection.glibc {
        let _ = writeln!(text, "\nneeds glibc {version} (because of {file})");
    }
    if let Some((version, file)) = &collection.libstdcxx {
        let _ = writeln!(
            text,
            "needs libstdc++ with GLIBCXX_{version} (because of {file})"
        );
    }
    text
}

/// The same for programs, with everything.
pub(super) fn json(planned: &Planned) -> String {
    let collection = &planned.collection;
    let distributions = collection.distributions.iter().map(
        |one| json!({ "name": one.name, "version": one.version, "size": one.size, "why": one.why }),
    );
    let files = collection
        .files
        .iter()
        .map(|file| json!({ "path": file.dest.as_str(), "why": file.why }));
    let missing = planned.missing.iter().map(missing);
    let (major, minor, micro) = planned.python_version;
    let value = json!({
        "name": planned.plan.name,
        "python": { "program": planned.plan.python, "version": format!("{major}.{minor}.{micro}") },
        "distributions": distributions.collect::<Vec<_>>(),
        "modules": collection.modules.iter().map(|module| &module.name).collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "glibc": collection.glibc.as_ref().map(|(version, _)| version.to_string()),
        "warnings": collection.warnings,
        "missing": missing.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

/// What was noticed, on stderr.
pub(super) fn warn(planned: &Planned, printer: &Printer) {
    let all = printer.is_verbose();
    for line in summary::notices(&planned.collection.warnings, &planned.missing, all) {
        printer.warning(&line);
    }
}

fn missing(import: &MissingImport) -> Value {
    json!({
        "name": import.name,
        "importer": import.site.importer,
        "line": import.site.line,
        "optional": import.site.optional,
    })
}

/// Files of no distribution, in the order of their places; those of the standard library when `all` is set.
fn own_files(planned: &Planned, all: bool) -> Vec<&crate::collection::CollectedFile> {
    let stdlib = format!(
        "lib/python{}.{}/",
        planned.python_version.0, planned.python_version.1
    );
    let files = planned.collection.files.iter();
    let mut files: Vec<_> = files
        .filter(|file| !file.why.starts_with(OF_DISTRIBUTION))
        .filter(|file| all || !file.dest.as_str().starts_with(&stdlib))
        .collect();
    files.sort_by(|a, b| a.dest.as_str().cmp(b.dest.as_str()));
    files
}
