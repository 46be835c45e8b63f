//! Builds that cannot succeed: a clear error each, and what was there before stays.

use crate::harness::{
    Case, Outcome, Pack, Program, Run, Scratch, copy_tree, files_below, is_root, mount_namespace,
    shared_library, tools,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A build failed.
const FAILED: i32 = 1;
/// A setting or an option is wrong.
const USAGE: i32 = 2;
const INTERRUPTED: i32 = 130;

/// A folder with a script and what an earlier build left.
struct Project {
    scratch: Scratch,
    script: PathBuf,
    /// The output folder, with a program that must not be touched.
    dist: PathBuf,
}

const EARLIER: &str = "what an earlier build left";

impl Project {
    fn new(source: &str) -> Self {
        let scratch = Scratch::new();
        let script = scratch.write("app/app.py", source);
        scratch.write("app/dist/app", EARLIER);
        let dist = scratch.join("app/dist");
        Self {
            scratch,
            script,
            dist,
        }
    }

    fn folder(&self) -> &Path {
        self.script.parent().unwrap()
    }

    fn build(&self) -> Run {
        Pack::build(Case::any())
            .arg(&self.script)
            .arg("--distpath")
            .arg(&self.dist)
            .cwd(self.folder())
    }

    /// The earlier output is there, and nothing else is.
    fn is_untouched(&self, outcome: &Outcome) {
        if fs::read_to_string(self.dist.join("app")).ok().as_deref() != Some(EARLIER) {
            outcome.fail("the earlier output was touched");
        }
        if files_below(&self.dist) != [PathBuf::from("app")] {
            outcome.fail(&format!(
                "the build left something: {:?}",
                files_below(&self.dist)
            ));
        }
    }
}

#[test]
fn syntax_error() {
    let project = Project::new("import json\n\ndef broken(:\n    pass\n");
    let outcome = project.build().run();
    outcome.refused(FAILED, &["error: ", "app.py", "3"]);
    project.is_untouched(&outcome);
}

#[test]
fn missing_script() {
    let project = Project::new("");
    fs::remove_file(&project.script).unwrap();
    let outcome = project.build().run();
    assert!(
        matches!(outcome.status.code(), Some(FAILED | USAGE)),
        "{:?}",
        outcome.status
    );
    outcome.stderr_has("error: ").stderr_has("app.py");
    project.is_untouched(&outcome);
}

#[test]
fn not_an_interpreter() {
    let project = Project::new("print(1)\n");
    let text = project.scratch.write("not-a-program", "print(1)\n");
    for python in [
        Path::new("/bin/true"),
        Path::new("/bin/false"),
        Path::new("/nonexistent/python3"),
        &text,
    ] {
        let outcome = project.build().arg("--python").arg(python).run();
        assert!(
            matches!(outcome.status.code(), Some(FAILED | USAGE)),
            "{:?} {}",
            outcome.status,
            outcome.stderr_text()
        );
        outcome
            .stderr_has("error: ")
            .stderr_has(python.file_name().unwrap().to_str().unwrap());
        project.is_untouched(&outcome);
    }
}

/// What PyInstaller's users have in their build scripts and surroundings: names of modules that are gone, shortened options,
/// and a TMPDIR that is no folder. All of it is told, and the program is built.
#[test]
fn what_does_no_harm_is_told_and_ends_no_build() {
    let project = Project::new(
        "import own\nfrom importlib.resources import files\nprint(files('own').joinpath('words').read_text())\n",
    );
    // No UTF-8, and nothing says what it is: in a comment CPython overlooks it.
    let module = project.folder().join("own/__init__.py");
    fs::create_dir(module.parent().unwrap()).unwrap();
    fs::write(&module, b"# comm\xe9nt\n").unwrap();
    fs::write(module.with_file_name("words"), "words").unwrap();
    let elsewhere = project.scratch.join("no-folder");
    project
        .build()
        .args(&["--name", "built", "--hidden-imp", "gone"])
        .env("TMPDIR", &elsewhere)
        .run()
        .success()
        .stderr_has("no module `gone`")
        .stderr_has(elsewhere.to_str().unwrap());
    Run::new(project.dist.join("built"))
        .run()
        .success()
        .stdout_is("words\n");
}

/// What a distribution's RECORD lists must be there: half a library is none.
#[test]
fn missing_file_of_a_distribution() {
    let project = Project::new("import whole\n");
    let site = project.scratch.join("site");
    project
        .scratch
        .write("site/whole/__init__.py", "from . import part\n");
    project.scratch.write("site/whole/part.py", "");
    project.scratch.write(
        "site/whole-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: whole\nVersion: 1.0\n",
    );
    project.scratch.write("site/whole-1.0.dist-info/RECORD", "whole/__init__.py,,\nwhole/part.py,,\nwhole/gone.bin,,\nwhole-1.0.dist-info/METADATA,,\nwhole-1.0.dist-info/RECORD,,\n");
    let python = environment_with(&project, &site);
    let outcome = project.build().arg("--python").arg(python).run();
    outcome.refused(FAILED, &["error: ", "whole", "gone.bin"]);
    project.is_untouched(&outcome);
}

/// A virtual environment without pip whose site-packages is `site`'s content.
fn environment_with(project: &Project, site: &Path) -> PathBuf {
    let python = Case::any().python;
    let folder = project.scratch.join("environment");
    Run::new(&python.base)
        .args(&["-m", "venv", "--without-pip"])
        .arg(&folder)
        .run()
        .success();
    copy_tree(
        site,
        &folder.join(format!("lib/python{}/site-packages", python.name())),
    );
    folder.join("bin/python")
}

#[test]
fn wrong_type_and_unknown_key_in_pack_toml() {
    let check = |text: &str, words: &[&str]| {
        let project = Project::new("print(1)\n");
        project.scratch.write("app/pack.toml", text);
        let outcome = Pack::build(Case::any()).cwd(project.folder()).run();
        outcome.refused(USAGE, &["error: ", "pack.toml"]);
        for word in words {
            outcome.stderr_has(word);
        }
        project.is_untouched(&outcome);
    };
    check(
        "[app]\nentry = \"app.py\"\nwindowed = \"yes\"\n",
        &["3", "windowed"],
    );
    check(
        "[app]\nentry = \"app.py\"\nversion = 1\n",
        &["3", "version"],
    );
    check(
        "[app]\nentry = \"app.py\"\n\n[include]\ndata = \"assets\"\n",
        &["5", "data"],
    );
    check(
        "[app]\nentry = \"app.py\"\nicn = \"app.ico\"\n",
        &["3", "icn", "icon"],
    );
    check(
        "[app]\nentry = \"app.py\"\n[bundel]\nmode = \"onefile\"\n",
        &["bundel", "bundle"],
    );
    check("[app]\nentry = \"app.py\n", &["2"]);
    check(
        "[bundle]\nmode = \"onefiel\"\n[app]\nentry = \"app.py\"\n",
        &["onefiel", "onefile"],
    );
}

#[test]
fn unknown_option() {
    let project = Project::new("print(1)\n");
    let outcome = project.build().arg("--onefiel").run();
    outcome.refused(USAGE, &["--onefiel", "--onefile"]);
    project.is_untouched(&outcome);
}

#[test]
fn unwritable_output_folder() {
    let project = Project::new("print(1)\n");
    let file = project.scratch.write("file", "");
    for place in [
        file.join("dist"),
        PathBuf::from("/proc/dist"),
        PathBuf::from("/dev/null"),
    ] {
        let outcome = Pack::build(Case::any())
            .arg(&project.script)
            .arg("--distpath")
            .arg(&place)
            .cwd(project.folder())
            .run();
        outcome.refused(FAILED, &["error: ", place.to_str().unwrap()]);
        project.is_untouched(&outcome);
    }
    if is_root() {
        let read_only =
            "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"";
        let outcome = in_mount_namespace(&project, read_only, Pack::build(Case::any()));
        outcome.refused(FAILED, &["error: ", "dist"]);
        project.is_untouched(&outcome);
    }
}

/// `SCRIPT dist pack build … app.py --distpath dist`, with mounts of its own.
fn in_mount_namespace(project: &Project, script: &str, build: Run) -> Outcome {
    let run = mount_namespace(script).arg(&project.dist).seconds(300);
    run.command_of(build)
        .arg(&project.script)
        .arg("--distpath")
        .arg(&project.dist)
        .cwd(project.folder())
        .run()
}

#[test]
fn full_disk() {
    if !is_root() {
        eprintln!("skipped: a small file system needs root");
        return;
    }
    let project = Project::new("print(1)\n");
    // The mount hides the real folder, so what is on it is told by the script.
    let script = format!(
        "mount -t tmpfs -o size=3m none \"$1\" && printf '%s' '{EARLIER}' > \"$1/app\" && dist=\"$1\" && shift && \
         {{ \"$@\"; status=$?; }} ; echo \"left: $(ls -A \"$dist\")\"; echo \"content: $(cat \"$dist/app\")\"; exit $status"
    );
    for mode in ["--onefile", "--onedir"] {
        let build = Pack::build(Case::any())
            .arg(mode)
            .arg("--name")
            .arg(if mode == "--onefile" { "app" } else { "folder" });
        let outcome = in_mount_namespace(&project, &script, build);
        outcome.refused(FAILED, &["error: ", "No space left on device"]);
        let told = outcome.stdout_text();
        if !told.ends_with(&format!("left: app\ncontent: {EARLIER}\n")) {
            outcome.fail("the earlier output was touched, or something was left");
        }
    }
}

/// Ctrl-C at any moment of a build.
#[test]
fn interrupted() {
    let project = Project::new("import json, sqlite3, ssl, email, http.server, xml.dom.minidom\n");
    let mut stopped = 0;
    for milliseconds in [20, 60, 120, 250, 500, 900] {
        let running = project.build().arg("--no-cache").spawn();
        std::thread::sleep(Duration::from_millis(milliseconds));
        running.signal("INT");
        let outcome = running.finish();
        match outcome.status.code() {
            Some(INTERRUPTED) => {
                stopped += 1;
                project.is_untouched(&outcome);
                if outcome.stderr_text().contains("Traceback")
                    || outcome.stderr_text().contains("error")
                {
                    outcome.fail("an interrupted build has no error to tell");
                }
            }
            Some(0) => {
                // It was done already.
                project.scratch.write("app/dist/app", EARLIER);
            }
            // Before anything watches for the signal, it ends the process.
            None if milliseconds < 50 => project.is_untouched(&outcome),
            _ => outcome.fail("expected exit code 130"),
        }
    }
    assert!(stopped >= 2, "only {stopped} builds were interrupted");
}

/// A one-folder output is replaced as a whole; a folder that is none of ours is not thrown away.
#[test]
fn folder_in_the_way() {
    let project = Project::new("print('new')\n");
    fs::remove_file(project.dist.join("app")).unwrap();
    project
        .scratch
        .write("app/dist/app/precious.txt", "not made by pack");
    let run = || {
        Pack::run(&["build", "--onedir", "--python"])
            .arg(Case::any().python.with_flask())
            .arg(&project.script)
            .arg("--distpath")
            .arg(&project.dist)
            .cwd(project.folder())
            .run()
    };
    let outcome = run();
    assert!(
        !outcome.status.success(),
        "it replaced a folder without being told to"
    );
    outcome.stderr_has("--noconfirm");
    assert_eq!(
        files_below(&project.dist),
        [PathBuf::from("app/precious.txt")]
    );
    fs::remove_dir_all(project.dist.join("app")).unwrap();
    project.build().arg("--onedir").run().success();
    project.build().arg("--onedir").run().success();
    Run::new(project.dist.join("app/app"))
        .env("TMPDIR", project.scratch.path())
        .run()
        .success()
        .stdout_is("new\n");
}

/// A library of C++ brings its libstdc++ along; left to the target, what that must have is told.
#[test]
fn the_libstdcxx_that_is_left_to_the_target_is_told() {
    let Some([compiler]) = tools(["g++"]) else {
        return;
    };
    let scratch = Scratch::new();
    let source = scratch.write(
        "part.cc",
        "#include <string>\nextern \"C\" int part(const char *text) { return std::string(text).append(\"!\").size(); }\n",
    );
    let library = scratch.join("libpart.so");
    shared_library(&compiler, &source, &library);
    let script = scratch.write(
        "app.py",
        "import ctypes, os, sys\nprint(ctypes.CDLL(os.path.join(sys._MEIPASS, 'libpart.so')).part(b'four'))\n",
    );
    let build = |dist: &str, options: &[&str]| {
        let options = [
            &["--add-binary", "libpart.so:.", "--distpath", dist],
            options,
        ]
        .concat();
        let outcome = Pack::build_script(&script, &options, Case::any()).run();
        outcome.success();
        let program = Program::at(&scratch.join(dist), Case::any());
        program.run(&[]).run().success().stdout_is("5\n");
        outcome.stderr_text() + &outcome.stdout_text()
    };
    assert!(!build("own", &[]).contains("GLIBCXX"));
    let told = build("left", &["--exclude-library", "libstdc++.so.6"]);
    assert!(
        told.contains("and with a libstdc++ that has GLIBCXX_3.4."),
        "{told}"
    );
    assert!(told.contains("(because of libpart.so)"), "{told}");
}
