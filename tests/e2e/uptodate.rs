//! A build of what has not changed does nothing, and one of what has changed does not do nothing.

use crate::harness::{Case, Mode, Outcome, Pack, Run, Scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

struct Project {
    scratch: Scratch,
    case: Case,
}

impl Project {
    fn new(mode: Mode) -> Self {
        let scratch = Scratch::new();
        scratch.write("app/app.py", "import helper\nprint(helper.text())\n");
        scratch.write(
            "app/helper.py",
            "def text(): return open(__file__[:-9] + 'data/a.txt').read()\n",
        );
        scratch.write("app/data/a.txt", "first");
        let case = Case {
            mode,
            ..Case::any()
        };
        Self { scratch, case }
    }

    fn build(&self, options: &[&str]) -> Outcome {
        let run = Pack::build(self.case)
            .arg("app.py")
            .args(&["--add-data", "data:data", "--workpath", "work"])
            .args(options)
            .cwd(self.scratch.join("app"));
        let outcome = run.run();
        outcome.success();
        outcome
    }

    /// Whether a build did nothing; what it says and what it has done must agree.
    fn is_up_to_date(&self, options: &[&str]) -> bool {
        let before = self.state();
        let outcome = self.build(options);
        let says = outcome.stderr_text().contains(", up to date\n");
        if says != (self.state() == before) {
            outcome.fail("what it says is not what it has done");
        }
        says
    }

    /// Of each file of the output, which one it is and when it was written.
    fn state(&self) -> Vec<(PathBuf, u64, SystemTime)> {
        use std::os::unix::fs::MetadataExt as _;
        let dist = self.scratch.join("app/dist");
        let stamp = |file: PathBuf| {
            let metadata = fs::metadata(dist.join(&file)).unwrap();
            (file, metadata.ino(), metadata.modified().unwrap())
        };
        crate::harness::files_below(&dist)
            .into_iter()
            .map(stamp)
            .collect()
    }

    fn program(&self) -> PathBuf {
        match self.case.mode {
            Mode::OneFile => self.scratch.join("app/dist/app"),
            Mode::OneDir => self.scratch.join("app/dist/app/app"),
        }
    }

    fn prints(&self, text: &str) {
        let outcome = Run::new(self.program())
            .env("TMPDIR", self.scratch.join("app"))
            .run();
        outcome.success();
        assert_eq!(outcome.stdout_text().trim_end(), text);
    }

    fn write(&self, path: &str, text: &str) {
        self.scratch
            .write(&Path::new("app").join(path).to_string_lossy(), text);
    }
}

fn changes(project: &Project) {
    assert!(!project.is_up_to_date(&[]));
    assert!(project.is_up_to_date(&[]));
    let told = project.build(&["--format", "json"]).json();
    assert_eq!(told["up_to_date"], true);
    project.prints("first");

    project.write("data/a.txt", "other");
    assert!(!project.is_up_to_date(&[]));
    project.prints("other");
    assert!(
        project.is_up_to_date(&[]),
        "the caches of bytecode do not matter"
    );

    project.write("helper.py", "def text(): return 'edited'\n");
    assert!(!project.is_up_to_date(&[]));
    project.prints("edited");

    assert!(!project.is_up_to_date(&["--clean"]));
    assert!(!project.is_up_to_date(&["--no-cache"]));
    assert!(
        !project.is_up_to_date(&[]),
        "the output is that of another build"
    );
    assert!(project.is_up_to_date(&[]));
    assert!(!project.is_up_to_date(&["--hidden-import", "csv"]));

    fs::remove_file(project.program()).unwrap();
    let outcome = project.build(&["--hidden-import", "csv", "-v"]);
    outcome.stderr_has("is not what the last build made");
    project.prints("edited");
}

#[test]
fn a_file() {
    changes(&Project::new(Mode::OneFile));
}

#[test]
fn a_folder() {
    let project = Project::new(Mode::OneDir);
    changes(&project);
    let data = project.scratch.join("app/dist/app/_internal/data/a.txt");
    fs::write(data, "damaged").unwrap();
    assert!(!project.is_up_to_date(&["--hidden-import", "csv"]));
}
