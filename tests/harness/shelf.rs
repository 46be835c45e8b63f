//! tests/programs/shelf, packed: statements run in a program whose libraries wait to be asked for.

use super::files::{copy_tree, kept_folder, root, runs_folder};
use super::{Case, Mode, Pack, Program, Python, Run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Extension modules of the library, `shelf.parts.p00` and so on.
pub(crate) const PARTS: usize = 16;

const SOURCES: &str = "tests/programs/shelf";

/// A program that runs the statements it is given.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The executable.
    pub(crate) path: PathBuf,
}

impl Shelf {
    /// The one whose files are used again.
    pub(crate) fn reused() -> &'static Self {
        static BUILT: OnceLock<Shelf> = OnceLock::new();
        BUILT.get_or_init(|| Self::build("reused", "[bundle]\nunpack = \"reuse\"\n", &[]))
    }

    /// The one that unpacks for each run.
    pub(crate) fn each() -> &'static Self {
        static BUILT: OnceLock<Shelf> = OnceLock::new();
        BUILT.get_or_init(|| Self::build("each", "[bundle]\nunpack = \"each\"\n", &[]))
    }

    /// The one whose files lie in a folder beside it.
    pub(crate) fn beside() -> &'static Self {
        static BUILT: OnceLock<Shelf> = OnceLock::new();
        BUILT.get_or_init(|| Self::build_as(Mode::OneDir, "beside", "", &[]))
    }

    /// A program of the same identity with these settings, and with files of its own.
    pub(crate) fn build(name: &str, settings: &str, data: &[(&str, &[u8])]) -> Self {
        Self::build_as(Mode::OneFile, name, settings, data)
    }

    fn build_as(mode: Mode, name: &str, settings: &str, data: &[(&str, &[u8])]) -> Self {
        let case = Case {
            mode,
            ..Case::any()
        };
        let folder = runs_folder().join("shelves").join(name);
        fs::create_dir_all(folder.join("data")).unwrap();
        fs::copy(root().join(SOURCES).join("app.py"), folder.join("app.py")).unwrap();
        fs::write(folder.join("data/note.txt"), name).unwrap();
        for (file, content) in data {
            fs::write(folder.join("data").join(file), content).unwrap();
        }
        let plan = format!(
            "[app]\nname = \"shelf\"\nid = \"org.example.shelf\"\nentry = \"app.py\"\n\
             [include]\ndata = [\"data:data\"]\ndistributions = [\"shelf\", \"front-one\", \"front-two\"]\n{settings}"
        );
        fs::write(folder.join("pack.toml"), plan).unwrap();
        let dist = folder.join("dist");
        Pack::run(&["build", "--noconfirm", mode.option(), "--python"])
            .arg(with_library(case.python))
            .arg("--distpath")
            .arg(&dist)
            .cwd(&folder)
            .run()
            .success();
        Self {
            path: Program::at(&dist, case).path,
        }
    }

    /// The version of its Python.
    pub(crate) fn version() -> (u8, u8) {
        Case::any().python.version
    }

    /// Runs `statements`, unpacking below `temporary`.
    pub(crate) fn run(&self, temporary: &Path, statements: &str) -> Run {
        Run::new(&self.path)
            .arg(statements)
            .env("TMPDIR", temporary)
    }
}

/// An interpreter that has the library, without a package manager that could have broken the files.
fn with_library(python: &Python) -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = kept_folder().join(format!("shelf-{}", python.name()));
        let own = folder.join("bin/python");
        must(
            Command::new(&python.base)
                .args(["-m", "venv", "--without-pip", "--clear"])
                .arg(&folder),
        );
        let ask = "import sysconfig; print(sysconfig.get_path('purelib'), sysconfig.get_path('include'), \
                   sysconfig.get_config_var('EXT_SUFFIX'), sep='\\n')";
        let facts = must(Command::new(&own).args(["-c", ask]));
        let facts: Vec<&str> = facts.lines().collect();
        let [site, include, suffix] = facts[..] else {
            panic!("{facts:?}")
        };
        let site = Path::new(site);
        for distribution in fs::read_dir(root().join(SOURCES).join("distributions")).unwrap() {
            install(&distribution.unwrap().path(), site, include, suffix);
        }
        own
    })
}

/// Puts a distribution's files into site-packages, and beside them what an installer writes.
fn install(distribution: &Path, site: &Path, include: &str, suffix: &str) {
    let name = distribution.file_name().unwrap().to_str().unwrap();
    let staged = site.join(".staged");
    copy_tree(distribution, &staged);
    compile(&staged.join("shelf/parts"), include, suffix);
    let info = staged.join(format!("{}-1.5.dist-info", name.replace('-', "_")));
    fs::create_dir(&info).unwrap();
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n");
    fs::write(info.join("METADATA"), metadata).unwrap();
    fs::write(info.join("INSTALLER"), "tests\n").unwrap();
    let points = staged.join("entry_points.txt");
    if points.exists() {
        fs::rename(points, info.join("entry_points.txt")).unwrap();
    }
    let files = super::files_below(&staged);
    let mut record: String = files
        .iter()
        .map(|file| format!("{},,\n", file.display()))
        .collect();
    let own = info.strip_prefix(&staged).unwrap().join("RECORD");
    record.push_str(&format!("{},,\n", own.display()));
    fs::write(info.join("RECORD"), record).unwrap();
    copy_tree(&staged, site);
    fs::remove_dir_all(staged).unwrap();
}

fn compile(parts: &Path, include: &str, suffix: &str) {
    let source = parts.join("parts.c");
    if !source.exists() {
        return;
    }
    for number in 0..PARTS {
        let name = format!("p{number:02}");
        must(
            Command::new("cc")
                .args(["-shared", "-fPIC", "-O1", "-I", include])
                .args([
                    format!("-DNAME={name}"),
                    format!("-DNUMBER={number}"),
                    "-o".into(),
                ])
                .arg(parts.join(format!("{name}{suffix}")))
                .arg(&source),
        );
    }
    fs::remove_file(source).unwrap();
}

fn must(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("could not start {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stderr}");
    String::from_utf8(output.stdout).unwrap()
}
