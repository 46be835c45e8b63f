//! `pack inspect`.

mod tree;
mod why;

use super::{Failure, open};
use crate::record::{self, Record, Site};
use crate::report::{Printer, path as show, size};
use clap::{Arg, ArgMatches, Command};
use payload::{
    Entry, EntryPoint, Method, Payload, Placement, Program, PythonStart, Target, Unpack,
};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn command() -> Command {
    Command::new("inspect")
        .about("Show what is inside a packed program, and why")
        .long_about(
            "Show what is inside a packed program: its settings, distributions, modules and files. With --why, who \
             asked for a module, a distribution or a file.",
        )
        .arg(open::argument())
        .arg(
            Arg::new("why")
                .long("why")
                .value_name("NAME")
                .help("Say who asked for this module, distribution or file"),
        )
        .args(super::verbosity())
        .arg(super::format())
}

/// A packed program, read.
struct Inside<'a> {
    file: &'a Path,
    size: u64,
    payload: Payload<'a>,
    program: Program,
    entries: Vec<Entry<'a>>,
    modules: Vec<&'a str>,
    record: Record,
}

pub(super) fn run(matches: &ArgMatches, printer: &Printer) -> Result<ExitCode, Failure> {
    printer.data(&shown(matches, printer)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What goes to stdout.
pub(super) fn shown(matches: &ArgMatches, printer: &Printer) -> Result<String, Failure> {
    let file = open::file(matches)?;
    let bytes = open::read(file)?;
    let inside = Inside::read(file, &bytes)?;
    let json = super::is_json(matches);
    match matches.get_one::<String>("why") {
        Some(name) => why::explain(&inside, name, json),
        None if json => Ok(format!("{:#}\n", inside.json())),
        None => Ok(inside.text(printer)),
    }
}

impl<'a> Inside<'a> {
    fn read(file: &'a Path, bytes: &'a [u8]) -> Result<Self, Failure> {
        let payload = open::payload(file, bytes)?;
        let damaged = |source| open::damaged(file, source);
        let entries = payload
            .entries()
            .collect::<Result<_, _>>()
            .map_err(damaged)?;
        let modules = (0..payload.module_count())
            .map(|index| payload.module_at(index).map(|module| module.name))
            .collect::<Result<_, _>>()
            .map_err(damaged)?;
        let record = match payload.find(record::PATH).map_err(damaged)? {
            // A later version may write another record; everything else can still be shown.
            Some(entry) => {
                Record::from_json(&entry.verified().map_err(damaged)?).unwrap_or_default()
            }
            None => Record::default(),
        };
        let program = payload.program().map_err(damaged)?;
        let size = bytes.len() as u64;
        Ok(Self {
            file,
            size,
            payload,
            program,
            entries,
            modules,
            record,
        })
    }

    /// The program's own files: without `.pack/`, which is bytecode and the format's.
    fn files(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries
            .iter()
            .filter(|entry| !entry.path.starts_with(".pack/"))
    }

    fn text(&self, printer: &Printer) -> String {
        let mut text = self.settings(printer);
        if !self.record.distributions.is_empty() {
            let _ = writeln!(text, "\n{}", printer.heading("Distributions"));
            text += &self.distributions();
        }
        let _ = writeln!(text, "\n{}", printer.heading("Modules"));
        text += &self.module_list(printer.is_verbose());
        let _ = writeln!(text, "\n{}", printer.heading("Files"));
        text += &tree::render(self.files(), printer.is_verbose());
        if !printer.is_verbose() {
            text += "\nEvery file and module with -v; who asked for one with --why NAME.\n";
        }
        text
    }

    fn settings(&self, printer: &Printer) -> String {
        let program = &self.program;
        let mut text = printer.heading(&program.name);
        if !program.version.is_empty() {
            let _ = write!(text, " {}", program.version);
        }
        let _ = writeln!(
            text,
            " ({}), {}: {}",
            program.id,
            show(self.file),
            size(self.size)
        );
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<14} {value}");
        };
        for entry in &program.entries {
            let name = if entry.name.is_empty() {
                "runs".to_owned()
            } else {
                format!("{}:", entry.name)
            };
            row(&name, describe(entry));
        }
        let (major, minor, micro) = program.python.version;
        let start = match &program.python.start {
            PythonStart::Library(library) => library,
            PythonStart::Program(program) => program,
        };
        let gil = if program.python.free_threaded {
            ", free-threaded"
        } else {
            ""
        };
        row("Python", format!("{major}.{minor}.{micro}{gil}, {start}"));
        row("unpacks", self.unpacking());
        for (name, value) in &program.facts {
            row(name, value.clone());
        }
        text
    }

    fn unpacking(&self) -> String {
        let placed = |placement: Placement| {
            let entries = self.entries.iter();
            let sizes = entries.filter(|entry| entry.placement == placement);
            let (count, total) = sizes.fold((0, 0), |(count, total), entry| {
                (count + 1, total + entry.size)
            });
            (count, format!("{count} files, {}", size(total)))
        };
        let (_, at_start) = placed(Placement::File);
        let when = match (&self.program.contents_directory, self.program.unpack) {
            (Some(folder), _) => {
                let later = match placed(Placement::Demand) {
                    (0, _) => String::new(),
                    (_, later) => format!(", and {later}"),
                };
                return format!("nothing: {at_start}{later}, lie in `{folder}` beside it");
            }
            (None, Unpack::Reuse) => "once for all runs",
            (None, Unpack::Each) => "for each run",
        };
        match placed(Placement::Demand) {
            (0, _) => format!("{at_start}, {when}"),
            (_, later) => format!("{at_start}, {when}; {later}, when they are asked for"),
        }
    }

    fn distributions(&self) -> String {
        let names = || {
            self.record
                .distributions
                .iter()
                .map(|d| format!("{} {}", d.name, d.version))
        };
        let width = names().map(|name| name.chars().count()).max().unwrap_or(0);
        let rows = names().zip(&self.record.distributions);
        rows.map(|(name, distribution)| {
            let (bytes, why) = (size(distribution.size), &distribution.why);
            format!("  {name:<width$}  {bytes:>9}  {why}\n")
        })
        .collect()
    }

    fn module_list(&self, all: bool) -> String {
        if all {
            return self
                .modules
                .iter()
                .map(|name| format!("  {name}\n"))
                .collect();
        }
        format!(
            "  {}, {} of them reached by imports\n",
            self.modules.len(),
            self.record.modules.len()
        )
    }

    fn json(&self) -> Value {
        let hash: String = self
            .payload
            .content_hash()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let modules = self.modules.iter().map(|name| {
            let sites = self
                .record
                .modules
                .get(*name)
                .map(Vec::as_slice)
                .unwrap_or_default();
            json!({ "name": name, "wanted_by": sites })
        });
        json!({
            "file": self.file,
            "size": self.size,
            "content_hash": hash,
            "program": self.program,
            "distributions": self.record.distributions,
            "modules": modules.collect::<Vec<_>>(),
            "missing": self.record.missing,
            "files": self.entries.iter().map(|entry| self.file_json(entry)).collect::<Vec<_>>(),
        })
    }

    fn file_json(&self, entry: &Entry<'_>) -> Value {
        let method = match entry.method {
            Method::Stored => "stored",
            Method::Zstd => "zstd",
            Method::External => "external",
        };
        json!({
            "path": entry.path,
            "size": entry.size,
            "stored": entry.stored().len(),
            "mode": format!("{:o}", entry.mode),
            "method": method,
            "unpacked": entry.placement != Placement::Memory,
            "on_demand": entry.placement == Placement::Demand,
            "sha256": entry.sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "why": self.record.files.get(entry.path),
        })
    }
}

fn describe(entry: &EntryPoint) -> String {
    match &entry.target {
        Target::Script(path) => format!("the script {path}"),
        Target::Module(module) => format!("the module {module}"),
        Target::Function { module, function } => format!("the function {module}:{function}"),
        Target::Wsgi(wsgi) => format!(
            "the WSGI application {}:{} at {}, {} thread{}",
            wsgi.module,
            wsgi.callable,
            wsgi.bind.join(" and "),
            wsgi.threads,
            if wsgi.threads == 1 { "" } else { "s" },
        ),
    }
}

/// `imported by a, line 3`, or the setting that asked.
fn describe_site(site: &Site) -> String {
    let optional = if site.optional {
        " (which can do without)"
    } else {
        ""
    };
    match (
        site.importer.starts_with('-') || site.importer.contains(' '),
        site.line,
    ) {
        (true, _) => format!("wanted by {}", site.importer),
        (false, 0) => format!("wanted by {}{optional}", site.importer),
        (false, line) => format!("imported by {}, line {line}{optional}", site.importer),
    }
}
