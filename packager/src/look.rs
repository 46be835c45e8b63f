//! A look at what lies in a project's folder.

mod declared;
mod source;

use crate::configure::file;
use source::Source;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// What a program is; each has a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program for the terminal.
    Script,
    /// A web application.
    Wsgi,
    /// A program with windows.
    Gui,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Script, Self::Wsgi, Self::Gui];

    /// As `--kind` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Wsgi => "wsgi",
            Self::Gui => "gui",
        }
    }

    /// The one called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the program is.
    pub kind: Kind,
    /// The program's name: that of `[project]` or of its script, else the folder's.
    pub name: String,
    /// `app.entry`, or `wsgi.app` for [`Kind::Wsgi`].
    pub entry: String,
    /// Framework or toolkit, for the reader; empty for a plain script.
    pub with: &'static str,
    /// Words and what they run: `manage.py` of a Django project, further scripts of `[project]`.
    pub commands: Vec<(String, String)>,
    /// Packages that Django's settings name by strings: those beside the one with `wsgi.py`.
    pub packages: Vec<String>,
    /// Folders beside the entry that hold data, by convention, relative to the project; and their places in a bundle.
    pub data: Vec<(String, String)>,
    /// False when nothing was found, and `entry` is an example.
    pub certain: bool,
}

impl Found {
    /// An example, where nothing is there to be found.
    #[must_use]
    pub fn nothing(folder: &Path, kind: Kind) -> Self {
        let entry = if kind == Kind::Wsgi {
            "app:app"
        } else {
            "app.py"
        };
        Self {
            kind,
            name: name_of(folder),
            entry: entry.into(),
            with: "",
            commands: Vec::new(),
            packages: Vec::new(),
            data: Vec::new(),
            certain: false,
        }
    }

    /// One line for the reader.
    #[must_use]
    pub fn description(&self) -> String {
        match (self.kind, self.certain) {
            (_, false) => format!(
                "nothing was found to pack; `{}` stands for what you have",
                self.entry
            ),
            (Kind::Wsgi, _) => format!("the {} application `{}`", self.with, self.entry),
            (Kind::Script, _) if !self.is_file() => format!("the program `{}`", self.entry),
            (Kind::Gui, _) if self.with.is_empty() => format!("the program `{}`", self.entry),
            (Kind::Gui, _) => format!("the {} program `{}`", self.with, self.entry),
            (Kind::Script, _) => format!("the script `{}`", self.entry),
        }
    }

    /// What to do with it, for someone who has not said what to pack.
    #[must_use]
    pub fn suggestion(&self) -> String {
        if self.kind != Kind::Wsgi && !self.is_file() {
            return format!(
                "{} is there: `pack init` writes a pack.toml that names it",
                self.description()
            );
        }
        let option = if self.kind == Kind::Wsgi {
            "--wsgi "
        } else {
            ""
        };
        let quote = if self.entry.contains(['(', ' ']) {
            "'"
        } else {
            ""
        };
        let command = format!("pack build {option}{quote}{}{quote}", self.entry);
        format!(
            "{} is there: `{command}`, or keep settings in a pack.toml with `pack init`",
            self.description()
        )
    }

    /// Is the entry a file, and no module or function?
    fn is_file(&self) -> bool {
        self.entry.ends_with(".py")
    }
}

/// Toolkits by the name they are imported by.
const TOOLKITS: &[(&str, &str)] = &[
    ("PyQt6", "PyQt6"),
    ("PySide6", "PySide6"),
    ("PyQt5", "PyQt5"),
    ("PySide2", "PySide2"),
    ("tkinter", "Tkinter"),
    ("customtkinter", "Tkinter"),
    ("wx", "wxPython"),
];
/// Folders that hold data, by convention.
const DATA: &[&str] = &[
    "assets",
    "data",
    "fonts",
    "i18n",
    "icons",
    "images",
    "img",
    "locale",
    "qml",
    "resources",
    "static",
    "templates",
    "translations",
];
/// Folders that hold no part of the program.
const ELSEWHERE: &[&str] = &[
    "build",
    "dist",
    "docs",
    "examples",
    "node_modules",
    "site-packages",
    "test",
    "tests",
];
/// Names that programs' scripts have by convention, likeliest first.
const USUAL: &[&str] = &["__main__", "main", "app", "run", "start", "cli", "gui"];
/// The look is a short one.
const MAX_FILES: usize = 400;
const MAX_SIZE: u64 = 1 << 20;

/// What most probably is the program in `folder`; `None` when nothing is.
#[must_use]
pub fn look(folder: &Path) -> Option<Found> {
    best(folder, None)
}

/// As [`look`], of one kind when it is given.
pub(crate) fn best(folder: &Path, wanted: Option<Kind>) -> Option<Found> {
    let mut candidates: Vec<Candidate> = files(folder)
        .filter_map(|path| Candidate::read(folder, path))
        .collect();
    candidates.sort_by_key(Candidate::rank);
    let find = |kind: Kind| {
        candidates
            .iter()
            .find_map(|candidate| candidate.of(kind, folder))
    };
    let seen = match wanted {
        Some(kind) => find(kind),
        // A script that starts a server or opens a window is more than a script.
        None => [Kind::Wsgi, Kind::Gui, Kind::Script]
            .into_iter()
            .find_map(find),
    };
    // What a project says of itself comes before what it looks like; that it is a site it cannot say there.
    let declared = || declared::program(folder, &file::declared(folder), wanted, seen.as_ref());
    match wanted {
        Some(Kind::Wsgi) => seen,
        _ => declared().or(seen),
    }
}

/// One Python file of the project.
struct Candidate {
    /// Relative to the project.
    path: PathBuf,
    source: Source,
}

impl Candidate {
    fn read(folder: &Path, path: PathBuf) -> Option<Self> {
        let source = Source::read(&fs_err::read_to_string(folder.join(&path)).ok()?)?;
        Some(Self { path, source })
    }

    /// Shallow files first, then those with a usual name, then by name.
    fn rank(&self) -> (usize, usize, PathBuf) {
        let stem = self
            .path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let usual = USUAL
            .iter()
            .position(|name| *name == stem)
            .unwrap_or(USUAL.len());
        (self.path.components().count(), usual, self.path.clone())
    }

    fn of(&self, kind: Kind, folder: &Path) -> Option<Found> {
        match kind {
            Kind::Wsgi => self.wsgi(folder),
            Kind::Gui => self.gui(folder),
            Kind::Script => self.script(folder),
        }
    }

    fn wsgi(&self, folder: &Path) -> Option<Found> {
        let called = self
            .source
            .factories
            .first()
            .map(|name| format!("{name}()"));
        let callable = self.source.applications.first().cloned().or(called)?;
        let framework = [
            ("django", "Django"),
            ("flask", "Flask"),
            ("bottle", "Bottle"),
        ];
        let with = framework
            .iter()
            .find(|(name, _)| self.source.imports.contains(*name));
        let manage = folder
            .join("manage.py")
            .is_file()
            .then(|| ("manage".to_owned(), "manage.py".to_owned()));
        let entry = format!("{}:{callable}", dotted(folder, &self.path)?);
        Some(Found {
            kind: Kind::Wsgi,
            with: with.map_or("WSGI", |(_, with)| with),
            packages: if manage.is_some() {
                packages(folder)
            } else {
                Vec::new()
            },
            commands: manage.into_iter().collect(),
            ..self.found(folder, entry)
        })
    }

    fn gui(&self, folder: &Path) -> Option<Found> {
        let (_, with) = TOOLKITS
            .iter()
            .find(|(name, _)| self.source.imports.contains(*name))?;
        let starts = self.source.has_main || self.path.components().count() == 1;
        starts.then(|| Found {
            kind: Kind::Gui,
            with,
            ..self.found(folder, self.runs(folder))
        })
    }

    fn script(&self, folder: &Path) -> Option<Found> {
        let file = self.path.file_name()?.to_str()?;
        let is_tool = matches!(
            file,
            "setup.py" | "conftest.py" | "__init__.py" | "noxfile.py"
        );
        let starts =
            self.source.has_main || file == "__main__.py" || self.path.components().count() == 1;
        (starts && !is_tool).then(|| self.found(folder, self.runs(folder)))
    }

    fn found(&self, folder: &Path, entry: String) -> Found {
        Found {
            data: data_beside(folder, &self.path, !entry.ends_with(".py")),
            entry,
            certain: true,
            ..Found::nothing(folder, Kind::Script)
        }
    }

    /// The file, or the name to run it by where it is part of a package: run as a file, its relative imports would fail.
    fn runs(&self, folder: &Path) -> String {
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let is_main = self.path.ends_with("__main__.py");
        let in_package = folder.join(beside).join("__init__.py").is_file();
        let name = dotted(folder, &self.path)
            .filter(|_| in_package && (is_main || self.source.relative))
            .filter(|name| name.contains('.'));
        match name {
            Some(name) => name.strip_suffix(".__main__").unwrap_or(&name).to_owned(),
            None => slashes(&self.path),
        }
    }
}

/// The dotted name of the module in `file`, which is relative to the project.
fn dotted(folder: &Path, file: &Path) -> Option<String> {
    let path = below_source(folder, file).with_extension("");
    let path = if path.ends_with("__init__") {
        path.parent()?.to_owned()
    } else {
        path
    };
    let name = slashes(&path).replace('/', ".");
    crate::configure::entry::is_dotted(&name).then_some(name)
}

/// `path` relative to the folder that is searched for its module: `src` is such a folder, unless it is a package itself.
fn below_source<'a>(folder: &Path, path: &'a Path) -> &'a Path {
    match folder.join("src/__init__.py").is_file() {
        true => path,
        false => path.strip_prefix("src").unwrap_or(path),
    }
}

/// Folders beside `file` that hold data, and their places: beside it there, too. A module is in its package, and a script
/// at the top, wherever it was.
fn data_beside(folder: &Path, file: &Path, module: bool) -> Vec<(String, String)> {
    let beside = file.parent().unwrap_or(Path::new(""));
    let place = match module {
        true => below_source(folder, beside),
        false => Path::new(""),
    };
    DATA.iter()
        .filter(|name| is_data(&folder.join(beside).join(name)))
        .map(|name| (slashes(&beside.join(name)), slashes(&place.join(name))))
        .collect()
}

/// The top-level packages of a project.
fn packages(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("__init__.py").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            crate::configure::entry::is_dotted(name) && !ELSEWHERE.contains(&name.as_str())
        })
        .collect();
    names.sort();
    names
}

/// A folder of data, and no package of the program's own: those come along anyway.
fn is_data(folder: &Path) -> bool {
    folder.is_dir() && !folder.join("__init__.py").exists()
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// The name that the project gives itself, else its folder's.
fn name_of(folder: &Path) -> String {
    let own = || Some(folder.file_name()?.to_string_lossy().into_owned());
    let name = file::declared(folder).name.or_else(own);
    as_name(&name.unwrap_or_default())
}

/// `name` without characters that no file should have in its name.
fn as_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() {
        "app".into()
    } else {
        name.to_owned()
    }
}

/// The project's Python files, relative to it.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    WalkDir::new(folder)
        .max_depth(4)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || is_part(entry))
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_type().is_file()
                && entry
                    .path()
                    .extension()
                    .is_some_and(|suffix| suffix == "py")
        })
        .filter(|entry| entry.metadata().is_ok_and(|data| data.len() <= MAX_SIZE))
        .take(MAX_FILES)
        .filter_map(move |entry| entry.path().strip_prefix(folder).ok().map(Path::to_owned))
}

fn is_part(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let elsewhere =
        name.starts_with('.') || name.starts_with("__pycache__") || ELSEWHERE.contains(&&*name);
    !(elsewhere || entry.path().join("pyvenv.cfg").exists())
}

#[cfg(test)]
mod tests;
