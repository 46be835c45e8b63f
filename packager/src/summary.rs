//! What a build tells at its end, for people and as JSON.

use crate::Built;
use crate::development::StayedBehind;
use crate::graph::{MissingImport, Origin};
use crate::plan::{BundleMode, Entry};
use crate::report::{Printer, duration, path as show, size};
use serde_json::json;

/// Warnings, and missing imports, that are shown without `-v`.
const SHOWN: usize = 10;

/// Prints the summary: warnings first, because what is printed last is read first.
pub fn print(built: &Built, printer: &Printer) {
    for warning in warnings(built, printer.is_verbose()) {
        printer.warning(&warning);
    }
    // A one-folder program is its folder: that is what is copied.
    let made = built
        .made
        .output
        .folder
        .as_ref()
        .unwrap_or(&built.made.output.executable);
    for (file, bytes) in &built.made.left_out {
        printer.detail(&format!("left out: {file} ({})", size(*bytes)));
    }
    for kind in &built.made.stayed_behind {
        printer.detail(&stayed_behind(kind));
    }
    for line in lines(built, &printer.bold(&show(made))) {
        printer.status(&line);
    }
}

/// What was noticed and what was not found, the important first; ten of each unless `all`.
fn warnings(built: &Built, all: bool) -> Vec<String> {
    notices(&built.made.warnings, &built.made.missing, all)
}

/// As [`warnings`], of what was found without building.
pub(crate) fn notices(warnings: &[String], missing: &[MissingImport], all: bool) -> Vec<String> {
    let missing = missing.iter();
    let mut missing: Vec<&MissingImport> =
        missing.filter(|import| all || matters(import)).collect();
    missing.sort_by_key(|import| importance(import));
    let shown = |count: usize| if all { count } else { count.min(SHOWN) };
    let hidden = warnings.len() - shown(warnings.len()) + missing.len() - shown(missing.len());
    let mut lines: Vec<String> = warnings[..shown(warnings.len())].to_vec();
    lines.extend(
        missing[..shown(missing.len())]
            .iter()
            .map(|import| describe(import)),
    );
    if hidden > 0 {
        lines.push(format!("{hidden} more; see them with -v"));
    }
    lines
}

/// What was built, how big, how long, from what, for what, and how to run it. `name` is the output's.
fn lines(built: &Built, name: &str) -> Vec<String> {
    let (major, minor, micro) = built.made.python_version;
    let mut lines = vec![
        if built.up_to_date {
            format!("{name}: {}, up to date", size(built.made.output.size))
        } else {
            let took = duration(built.elapsed);
            format!("{name}: {} in {took}", size(built.made.output.size))
        },
        format!(
            "  Python {major}.{minor}.{micro} from {} ({})",
            show(&built.plan.python),
            built.plan.python_reason
        ),
        format!(
            "  {}, {}, {}",
            count(built.made.distributions, "distribution"),
            count(built.made.output.modules, "module"),
            count(built.made.files, "file"),
        ),
    ];
    if let Some((version, file)) = &built.made.output.glibc {
        lines.push(format!(
            "  runs with glibc {version} or later (because of {file})"
        ));
    }
    if let Some((version, file)) = &built.made.libstdcxx {
        lines.push(format!(
            "  and with a libstdc++ that has GLIBCXX_{version} (because of {file})"
        ));
    }
    lines.extend(found(built));
    if !built.made.left_out.is_empty() {
        let bytes = built.made.left_out.iter().map(|(_, bytes)| bytes).sum();
        lines.push(format!(
            "  left out by --slim: {}, {} unpacked (listed with -v)",
            count(built.made.left_out.len(), "file"),
            size(bytes)
        ));
    }
    if !built.made.largest.is_empty() {
        let largest = built.made.largest.iter();
        let largest: Vec<String> = largest
            .map(|(name, bytes)| format!("{name} {}", size(*bytes)))
            .collect();
        lines.push(format!("  largest, unpacked: {}", largest.join(", ")));
    }
    lines.push(format!("  run it: {}", run_command(built)));
    lines
}

/// `stayed behind: tests, 12 files, 1.5 MB (--keep tests)`.
fn stayed_behind(behind: &StayedBehind) -> String {
    format!(
        "stayed behind: {}, {}, {} (--keep {})",
        behind.kind,
        count(behind.files, "file"),
        size(behind.size),
        behind.kind.word()
    )
}

/// The data that went in because a source names it.
fn found(built: &Built) -> Vec<String> {
    let found = &built.made.found;
    let mut lines: Vec<String> = found
        .iter()
        .take(SHOWN)
        .map(|data| {
            let place = if data.place.is_empty() {
                "."
            } else {
                &data.place
            };
            let files = if data.files == 1 {
                String::new()
            } else {
                format!(", {} files", data.files)
            };
            format!("  data: {place}{files} (named at {})", data.named_at)
        })
        .collect();
    if found.len() > SHOWN {
        lines.push(format!(
            "  data: {} more; `pack inspect` lists them",
            found.len() - SHOWN
        ));
    }
    lines
}

/// The summary as JSON, with all that `-v` shows.
#[must_use]
pub fn json(built: &Built) -> String {
    let (major, minor, micro) = built.made.python_version;
    let missing = built.made.missing.iter().map(|import| {
        json!({
            "name": import.name,
            "importer": import.site.importer,
            "line": import.site.line,
            "optional": import.site.optional,
        })
    });
    let value = json!({
        "output": built.made.output.executable,
        "folder": built.made.output.folder,
        "name": built.plan.name,
        "id": built.plan.id,
        "version": built.plan.version,
        "target": built.plan.target,
        "mode": if built.plan.mode == BundleMode::OneDir { "onedir" } else { "onefile" },
        "size": built.made.output.size,
        "uncompressed": built.made.output.uncompressed,
        "content_hash": built.made.output.content_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "up_to_date": built.up_to_date,
        "seconds": (built.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
        "python": {
            "program": built.plan.python,
            "version": format!("{major}.{minor}.{micro}"),
            "reason": built.plan.python_reason,
        },
        "distributions": built.made.distributions,
        "modules": built.made.output.modules,
        "files": built.made.files,
        "largest": built.made.largest.iter().map(|(name, size)| json!({ "name": name, "size": size })).collect::<Vec<_>>(),
        "data": built.made.found,
        "left_out": built.made.left_out.iter().map(|(file, size)| json!({ "file": file, "size": size })).collect::<Vec<_>>(),
        "stayed_behind": built.made.stayed_behind,
        "glibc": built.made.output.glibc.as_ref().map(|(version, file)| json!({ "version": version.to_string(), "because": file })),
        "libstdcxx": built.made.libstdcxx.as_ref().map(|(version, file)| json!({ "version": version.to_string(), "because": file })),
        "warnings": built.made.warnings,
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
    let program = show(&built.made.output.executable);
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
        Entry::Wsgi(wsgi) if wsgi.bind[0].starts_with("unix:") => {
            format!("{program}, which listens on {}", wsgi.bind[0])
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Made;
    use crate::bytecode::Counts;
    use crate::collection::{FoundData, GlibcVersion};
    use crate::configure::{Request, resolve};
    use crate::development::Development;
    use crate::graph::ImportSite;
    use crate::write::Output;
    use std::path::PathBuf;
    use std::time::Duration;

    fn built(wsgi: &str) -> Built {
        let folder = tempfile::tempdir().unwrap();
        let toml =
            format!("[app]\nname = \"shop\"\n[wsgi]\napp = \"{wsgi}\"\nbind = \"0.0.0.0:80\"\n");
        crate::testing::tree(
            folder.path(),
            &[("pack.toml", &toml), (".venv/bin/python3", "")],
        );
        let request = Request {
            current: folder.path().to_owned(),
            ..Request::default()
        };
        let (mut plan, _) = resolve(&request).unwrap();
        plan.python = PathBuf::from("/venv/bin/python3");
        let output = Output {
            executable: PathBuf::from("/dist/my shop"),
            folder: None,
            size: 16_400_000,
            uncompressed: 50_000_000,
            entries: 900,
            modules: 812,
            bytecode: Counts::default(),
            glibc: Some((GlibcVersion(2, 17), "lib/libpython3.12.so.1.0".into())),
            warnings: Vec::new(),
            content_hash: [0; 32],
        };
        Built {
            plan,
            made: Made {
                output,
                python_version: (3, 12, 1),
                distributions: 1,
                files: 34,
                largest: vec![("numpy".into(), 27_600_000), ("flask".into(), 300_000)],
                found: vec![FoundData {
                    place: "shop/templates".into(),
                    files: 3,
                    named_at: "shop/__init__.py:4".into(),
                }],
                libstdcxx: Some((
                    crate::collection::LibstdcxxVersion(3, 4, 32),
                    "a/b.so".into(),
                )),
                left_out: vec![
                    ("numpy/doc/a.rst".into(), 1_500_000),
                    ("numpy/b.py".into(), 20),
                ],
                stayed_behind: vec![StayedBehind {
                    kind: Development::StaticLibraries,
                    files: 2,
                    size: 1_500_000,
                }],
                warnings: vec!["a file is not readable".into()],
                missing: Vec::new(),
            },
            up_to_date: false,
            elapsed: Duration::from_millis(2345),
        }
    }

    fn missing(name: &str, importer: &str, optional: bool, origin: Origin) -> MissingImport {
        let site = ImportSite {
            importer: importer.into(),
            line: 3,
            optional,
        };
        MissingImport {
            name: name.into(),
            site,
            origin,
        }
    }

    #[test]
    fn says_what_was_built() {
        let built = built("shop:app");
        insta::assert_snapshot!(lines(&built, "dist/shop").join("\n"), @r"
        dist/shop: 16.4 MB in 2.3 s
          Python 3.12.1 from /venv/bin/python3 (.venv of the project)
          1 distribution, 812 modules, 34 files
          runs with glibc 2.17 or later (because of lib/libpython3.12.so.1.0)
          and with a libstdc++ that has GLIBCXX_3.4.32 (because of a/b.so)
          data: shop/templates, 3 files (named at shop/__init__.py:4)
          left out by --slim: 2 files, 1.5 MB unpacked (listed with -v)
          largest, unpacked: numpy 27.6 MB, flask 300.0 kB
          run it: '/dist/my shop', then open http://127.0.0.1:80/
        ");
        let json: serde_json::Value = serde_json::from_str(&json(&built)).unwrap();
        assert_eq!(json["glibc"]["version"], "2.17");
        assert_eq!(json["python"]["version"], "3.12.1");
        assert_eq!(json["size"], 16_400_000);
        assert_eq!(json["up_to_date"], false);
        assert_eq!(json["stayed_behind"][0]["kind"], "static-libraries");
        assert_eq!(
            stayed_behind(&built.made.stayed_behind[0]),
            "stayed behind: static libraries, 2 files, 1.5 MB (--keep static-libraries)"
        );
    }

    #[test]
    fn says_that_nothing_was_to_be_done() {
        let built = Built {
            up_to_date: true,
            ..built("shop:app")
        };
        let first = &lines(&built, "dist/shop")[0];
        assert_eq!(first, "dist/shop: 16.4 MB, up to date");
        let json: serde_json::Value = serde_json::from_str(&json(&built)).unwrap();
        assert_eq!(json["up_to_date"], true);
        assert_eq!(json["warnings"][0], "a file is not readable");
    }

    #[test]
    fn important_imports_come_first() {
        let mut built = built("shop:app");
        built.made.missing = vec![
            missing("winreg", "mimetypes", true, Origin::Stdlib),
            missing("simplejson", "requests", true, Origin::ThirdParty),
            missing("needed", "requests", false, Origin::ThirdParty),
            missing("maybe", "__main__", true, Origin::App),
            missing("own", "__main__", false, Origin::App),
        ];
        insta::assert_snapshot!(warnings(&built, false).join("\n"), @r"
        a file is not readable
        no module `own` was found for `__main__`, line 3
        no module `needed` was found for `requests`, line 3
        no module `maybe` was found for `__main__`, line 3, which can do without
        ");
        assert_eq!(warnings(&built, true).len(), 6);
        built.made.missing = (0..15)
            .map(|n| missing(&format!("m{n}"), "a", false, Origin::App))
            .collect();
        assert_eq!(warnings(&built, false).len(), 12);
        assert_eq!(warnings(&built, false)[11], "5 more; see them with -v");
    }
}
