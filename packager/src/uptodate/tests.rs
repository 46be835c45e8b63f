//! Each kind of change, after a build that has looked at everything and written next to nothing.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::bytecode::Counts;
use crate::configure::{Request, command_line, resolve};
use crate::facts::InterpreterFacts;
use crate::progress::Silent;
use crate::testing::{pythons, tree};
use crate::write::Output;
use std::fs;
use std::os::unix::fs::symlink;

const SETTINGS: &str = "\
[app]
entry = \"app.py\"
[bundle]
python = \"venv\"
workpath = \"work\"
[include]
data = [\"assets:assets\", \"more/*.txt:more\"]
distributions = [\"shapes\"]
";

/// A project with a virtual environment of its own in which `shapes` is installed.
struct Project {
    folder: tempfile::TempDir,
    request: Request,
    site: PathBuf,
}

impl Project {
    fn new() -> Self {
        let ((major, minor), python) = pythons().pop().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let site = root.join(format!("venv/lib/python{major}.{minor}/site-packages"));
        tree(
            &root,
            &[
                ("pack.toml", SETTINGS),
                ("app.py", "import helper, shapes\n"),
                ("helper.py", "x = 1\n"),
                ("assets/a.txt", "a"),
                ("more/b.txt", "b"),
                ("venv/bin/readme", ""),
                (
                    "venv/pyvenv.cfg",
                    &format!("home = {}\n", python.parent().unwrap().display()),
                ),
            ],
        );
        symlink(&python, root.join("venv/bin/python3")).unwrap();
        install_shapes(&site, "1.0");
        // What is looked at in parts or by another process is sure when it is older than a tick of the clock.
        std::thread::sleep(Duration::from_millis(25));
        let request = Request {
            current: root,
            environment: [("HOME".to_owned(), "/none".to_owned())].into(),
            ..Request::default()
        };
        Self {
            folder,
            request,
            site,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.request.current.join(name)
    }

    fn plan(&self) -> BuildPlan {
        resolve(&self.request).unwrap().0
    }

    fn note(&self) -> Note {
        Note::about(&self.plan(), &self.request.environment).unwrap()
    }

    /// Everything of a build but its writing.
    fn build(&self) {
        let (plan, note) = (self.plan(), self.note());
        let recording = inputs::record(note.made(), || {
            let facts = InterpreterFacts::ask(&plan.python).unwrap();
            let graph = crate::discover::modules(&plan, &facts, &Silent).unwrap();
            crate::collect::files(&plan, &facts, &graph).unwrap();
        });
        let made = self.write(&plan);
        note.keep(&plan, &made, &recording.inputs.unwrap()).unwrap();
        assert_eq!(self.stale(), None, "nothing has changed");
    }

    fn write(&self, plan: &BuildPlan) -> Made {
        let target = plan.dist_dir.join(&plan.name);
        let folder = (plan.mode == BundleMode::OneDir).then_some(target.clone());
        let executable = match &folder {
            Some(folder) => folder.join(&plan.name),
            None => target,
        };
        let name = executable.strip_prefix(&self.request.current).unwrap();
        tree(
            &self.request.current,
            &[(name.to_str().unwrap(), "program")],
        );
        if let Some(folder) = &folder {
            tree(folder, &[("_internal/data.txt", "data")]);
        }
        Made {
            output: Output {
                executable,
                folder,
                size: 7,
                uncompressed: 7,
                entries: 1,
                modules: 1,
                bytecode: Counts::default(),
                glibc: None,
                warnings: Vec::new(),
                content_hash: [1; 32],
            },
            python_version: (3, 9, 1),
            distributions: 1,
            files: 1,
            largest: Vec::new(),
            left_out: Vec::new(),
            stayed_behind: Vec::new(),
            libstdcxx: None,
            found: Vec::new(),
            warnings: vec!["told again".into()],
            missing: Vec::new(),
        }
    }

    fn stale(&self) -> Option<Stale> {
        self.note().unchanged().err()
    }

    /// After `change` there is something to be done because of `name`, and after that no more.
    fn sees(&self, name: &str, change: impl FnOnce()) {
        change();
        assert_eq!(self.stale(), Some(Stale::Input(self.path(name))));
        std::thread::sleep(Duration::from_millis(25));
        self.build();
    }
}

fn install_shapes(site: &Path, version: &str) {
    let info = format!("shapes-{version}.dist-info");
    let record = format!("shapes.py,,\n{info}/METADATA,,\n{info}/RECORD,,\n");
    tree(
        site,
        &[
            ("shapes.py", &format!("version = {version}\n")),
            (
                &format!("{info}/METADATA"),
                &format!("Name: shapes\nVersion: {version}\n"),
            ),
            (&format!("{info}/RECORD"), &record),
        ],
    );
}

#[test]
fn what_was_told_is_told_again() {
    let project = Project::new();
    assert_eq!(project.stale(), Some(Stale::Unknown));
    project.build();
    let made = project.note().unchanged().unwrap();
    assert_eq!(made.warnings, ["told again"]);
    assert_eq!(made.output.executable, project.path("dist/app"));
}

#[test]
fn sources_and_modules() {
    let project = Project::new();
    project.build();
    project.sees("helper.py", || {
        let path = project.path("helper.py");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "x = 2\n").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    });
    // Hides the one of the environment, then becomes a package.
    project.sees("", || fs::write(project.path("shapes.py"), "").unwrap());
    project.sees("", || {
        fs::remove_file(project.path("shapes.py")).unwrap();
        tree(&project.path("shapes"), &[("__init__.py", "")]);
    });
    // Running the program leaves caches.
    tree(
        &project.path("__pycache__"),
        &[("helper.cpython-39.pyc", "")],
    );
    assert_eq!(project.stale(), None);
}

#[test]
fn data() {
    let project = Project::new();
    project.build();
    project.sees("assets", || {
        fs::write(project.path("assets/c.txt"), "c").unwrap();
    });
    project.sees("assets/a.txt", || {
        fs::write(project.path("assets/a.txt"), "b").unwrap();
    });
    project.sees("more", || {
        fs::write(project.path("more/new.txt"), "").unwrap();
    });
    project.sees("assets", || {
        fs::remove_file(project.path("assets/c.txt")).unwrap();
    });
}

#[test]
fn distributions_and_the_path() {
    let project = Project::new();
    let site = project.site.clone();
    let below = |name: &str| {
        let path = site.join(name);
        let path = path.strip_prefix(&project.request.current).unwrap();
        path.to_str().unwrap().to_owned()
    };
    project.build();
    let other = project.path("other");
    fs::create_dir(&other).unwrap();
    // The project's folder has got another name in it.
    assert_eq!(project.stale(), Some(Stale::Input(project.path(""))));
    project.build();
    project.sees(&below(""), || {
        fs::write(site.join("other.pth"), format!("{}\n", other.display())).unwrap();
    });
    project.sees("other", || fs::write(other.join("module.py"), "").unwrap());
    project.sees(&below("other.pth"), || {
        fs::write(site.join("other.pth"), "\n").unwrap();
    });
    fs::remove_dir_all(site.join("shapes-1.0.dist-info")).unwrap();
    install_shapes(&site, "2.0");
    assert!(matches!(project.stale(), Some(Stale::Input(path)) if path.starts_with(&site)));
    project.build();
    project.sees(&below("shapes-2.0.dist-info/RECORD"), || {
        let record = site.join("shapes-2.0.dist-info/RECORD");
        let text = fs::read_to_string(&record).unwrap();
        fs::write(&record, format!("{text}\n")).unwrap();
    });
}

#[test]
fn settings_options_and_variables() {
    let mut project = Project::new();
    project.build();
    let before = fs::read_to_string(project.path("pack.toml")).unwrap();
    let settings = format!("{before}[exclude]\nmodules = [\"json\"]\n");
    fs::write(project.path("pack.toml"), settings).unwrap();
    assert_eq!(project.stale(), Some(Stale::Different));
    project.build();

    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (name, value) in [
        ("PACK_OPTIMIZE", "2"),
        ("PACK_KITS", "/kits"),
        ("SOURCE_DATE_EPOCH", "1"),
    ] {
        project.request.environment.extend([variable(name, value)]);
        assert_eq!(project.stale(), Some(Stale::Different), "{name}");
        project.build();
    }
    project
        .request
        .environment
        .extend([variable("TERM", "dumb")]);
    assert_eq!(project.stale(), None);

    let command = clap::Command::new("build")
        .args(command_line::arguments())
        .args(command_line::foreign_arguments());
    let matches = command.get_matches_from(["build", "--hidden-import", "json"]);
    project.request.arguments = command_line::settings(&matches).unwrap().0;
    assert_eq!(project.stale(), Some(Stale::Different));
}

#[test]
fn the_output() {
    let mut project = Project::new();
    project.build();
    let output = project.path("dist/app");
    let is_stale = |project: &Project| project.stale() == Some(Stale::Output(output.clone()));
    fs::write(&output, "PROGRAM").unwrap();
    assert!(is_stale(&project));
    project.build();
    fs::remove_file(&output).unwrap();
    assert!(is_stale(&project));

    project
        .request
        .environment
        .insert("PACK_MODE".into(), "onedir".into());
    assert_eq!(project.stale(), Some(Stale::Different));
    project.build();
    fs::write(output.join("_internal/data.txt"), "DATA").unwrap();
    assert_eq!(
        project.stale(),
        Some(Stale::Output(output.join("_internal/data.txt")))
    );
    project.build();
    fs::write(output.join("_internal/more.txt"), "").unwrap();
    assert_eq!(
        project.stale(),
        Some(Stale::Output(output.join("_internal")))
    );
}

#[test]
fn the_interpreter() {
    let project = Project::new();
    project.build();
    project.sees("venv/pyvenv.cfg", || {
        let path = project.path("venv/pyvenv.cfg");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            format!("{text}include-system-site-packages = true\n"),
        )
        .unwrap();
    });
    let pythons = pythons();
    let link = project.path("venv/bin/python3");
    fs::remove_file(&link).unwrap();
    symlink(&pythons[0].1, &link).unwrap();
    // Where it is the only one on this machine, the link is as it was.
    if pythons.len() > 1 {
        assert_eq!(project.stale(), Some(Stale::Input(link)));
    }
}

#[test]
fn a_note_that_is_damaged_is_none() {
    let project = Project::new();
    project.build();
    let path = project.note().path;
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(project.stale(), Some(Stale::Unknown));
    assert!(project.folder.path().exists());
}
