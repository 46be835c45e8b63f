//! What a build tells at its end, for people and as JSON.

use crate::Built;
use crate::graph::{MissingImport, Origin};
use crate::plan::{BundleMode, Entry};
use crate::report::{Printer, duration, path as show, size};
use serde_json::json;

/// Missing imports that are shown without `-v`.
const SHOWN: usize = 10;

/// The summary, line by line.
#[must_use]
pub fn lines(built: &Built, printer: &Printer) -> Vec<String> {
    let verbose = printer.is_verbose();
    let mut lines = Vec::new();
    let mut missing: Vec<&MissingImport> = built
        .missing
        .iter()
        .filter(|import| verbose || matters(import))
        .collect();
    missing.sort_by_key(|import| importance(import));
    let hidden = if verbose {
        0
    } else {
        missing.len().saturating_sub(SHOWN)
    };
    missing.truncate(missing.len() - hidden);
    let warnings = if verbose {
        built.warnings.len()
    } else {
        built.warnings.len().min(SHOWN)
    };
    lines.extend(
        built.warnings[..warnings]
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    lines.extend(
        missing
            .iter()
            .map(|import| format!("warning: {}", describe(import))),
    );
    let hidden = hidden + built.warnings.len() - warnings;
    if hidden > 0 {
        lines.push(format!("warning: {hidden} more; see them with -v"));
    }
    let name = printer.bold(&show(&built.output));
    let what = if built.plan.mode == BundleMode::OneDir {
        " and the folder beside it"
    } else {
        ""
    };
    lines.push(format!(
        "{name}{what}: {} in {}",
        size(built.size),
        duration(built.elapsed)
    ));
    let (major, minor, micro) = built.python_version;
    let python = show(&built.plan.python);
    lines.push(format!(
        "  Python {major}.{minor}.{micro} from {python} ({})",
        built.plan.python_reason
    ));
    lines.push(format!(
        "  {}, {}, {}",
        count(built.distributions, "distribution"),
        count(built.modules, "module"),
        count(built.files, "file"),
    ));
    if let Some((version, file)) = &built.glibc {
        lines.push(format!(
            "  runs with glibc {version} or later (because of {file})"
        ));
    }
    lines.push(format!("  run it: {}", run_command(built)));
    lines
}

/// The summary as JSON, with all that `-v` shows.
#[must_use]
pub fn json(built: &Built) -> String {
    let (major, minor, micro) = built.python_version;
    let missing = built.missing.iter().map(|import| {
        json!({
            "name": import.name,
            "importer": import.site.importer,
            "line": import.site.line,
            "optional": import.site.optional,
        })
    });
    let value = json!({
        "output": built.output,
        "name": built.plan.name,
        "id": built.plan.id,
        "version": built.plan.version,
        "target": built.plan.target,
        "mode": if built.plan.mode == BundleMode::OneDir { "onedir" } else { "onefile" },
        "size": built.size,
        "seconds": (built.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        "python": {
            "program": built.plan.python,
            "version": format!("{major}.{minor}.{micro}"),
            "reason": built.plan.python_reason,
        },
        "distributions": built.distributions,
        "modules": built.modules,
        "files": built.files,
        "glibc": built.glibc.as_ref().map(|(version, file)| json!({ "version": version.to_string(), "because": file })),
        "warnings": built.warnings,
        "missing": missing.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The application's own imports, and those that others cannot do without. What the standard library asks for on other
/// systems, and what a library tries and does without, is for `-v`.
fn matters(import: &MissingImport) -> bool {
    match import.origin {
        Origin::App => true,
        Origin::ThirdParty => !import.site.optional,
        Origin::Stdlib => false,
    }
}

/// Smaller is shown first.
fn importance(import: &MissingImport) -> (bool, u8, String) {
    let origin = match import.origin {
        Origin::App => 0,
        Origin::ThirdParty => 1,
        Origin::Stdlib => 2,
    };
    (import.site.optional, origin, import.name.clone())
}

fn describe(import: &MissingImport) -> String {
    let optional = if import.site.optional {
        ", which can do without"
    } else {
        ""
    };
    let line = if import.site.line == 0 {
        String::new()
    } else {
        format!(", line {}", import.site.line)
    };
    format!(
        "no module `{}` was found for `{}`{line}{optional}",
        import.name, import.site.importer
    )
}

fn run_command(built: &Built) -> String {
    let program = show(&built.output);
    let program = if program.contains(' ') {
        format!("'{program}'")
    } else {
        program
    };
    let program = if program.contains('/') {
        program
    } else {
        format!("./{program}")
    };
    match &built.plan.entry {
        Entry::Wsgi(wsgi) => format!("{program}, then open http://{}/", reachable(&wsgi.bind[0])),
        _ => program,
    }
}

/// An address to open in a browser on the same machine.
fn reachable(bind: &str) -> String {
    match bind.rsplit_once(':') {
        Some(("0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        _ => bind.to_owned(),
    }
}
