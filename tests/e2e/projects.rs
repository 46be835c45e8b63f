//! Whole projects, packed with no option but the interpreter: everything that no import names is found all the same.

use crate::harness::{Case, Pack, Program, Projects, Run, Scratch, Server, copy_tree, root};
use std::path::Path;

/// Copies `source`, a file or a folder of tests/programs, builds it where it is then, and removes it: what runs afterwards
/// has nothing but the executable.
fn pack(source: &str, target: &str, scratch: &Scratch) -> Program {
    let folder = scratch.join("project");
    let from = root().join("tests/programs").join(source);
    if from.is_dir() {
        copy_tree(&from, &folder);
    } else {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(&from, folder.join(target)).unwrap();
    }
    build(&folder, target, scratch)
}

fn build(folder: &Path, target: &str, scratch: &Scratch) -> Program {
    let dist = scratch.join("dist");
    Projects::get()
        .build()
        .arg(target)
        .arg("--distpath")
        .arg(&dist)
        .cwd(folder)
        .run()
        .success();
    std::fs::remove_dir_all(folder).unwrap();
    Program::at(&dist, Case::any())
}

#[test]
fn django_site() {
    let scratch = Scratch::new();
    let site = pack("django_site", ".", &scratch);
    let database = scratch.join("site.sqlite3");
    let run = |arguments: &[&str]| site.run(arguments).env("SITE_DATABASE", &database);
    run(&["manage", "migrate", "--verbosity", "0"])
        .run()
        .success();
    run(&["manage", "loaddata", "first"]).run().success();
    run(&["manage", "count"])
        .run()
        .success()
        .stdout_is("1 questions\n");
    run(&["manage", "makemigrations", "--check", "--dry-run"])
        .run()
        .success();
    for file in ["polls/polls.css", "site.css", "admin/css/base.css"] {
        run(&["manage", "findstatic", file]).run().success();
    }

    let server = Server::start(run(&[]));
    let page = server.get("/polls/").expect(200);
    assert_eq!(page.text(), "<p>Hallo BOOKS</p>polls\n");
    assert_eq!(page.header("x-stamp"), Some("shop"));
    let login = server.get("/admin/login/").expect(200).text();
    assert!(login.contains("Anmelden"), "{login}");
}

/// Two editable distributions share a namespace package; nothing imports the second, a plug-in of the first.
#[test]
fn editable_distributions_of_a_monorepo() {
    let scratch = Scratch::new();
    let projects = Projects::get();
    let folder = scratch.join("app");
    copy_tree(&projects.monorepo.join("app"), &folder);
    let program = build(&folder, "main.py", &scratch);
    // On this machine the sources are still there; elsewhere they are not.
    let away = projects.monorepo.with_extension("away");
    std::fs::rename(&projects.monorepo, &away).unwrap();
    let outcome = program.run(&[]).run();
    std::fs::rename(&away, &projects.monorepo).unwrap();
    outcome.success().stdout_is("hello hammer 1.0 2.0\n");
}

/// The plug-ins are distributions that nothing imports: the host reads entry points of a group of its own. What plugs into
/// somebody else stays behind.
#[test]
fn a_host_of_plug_ins() {
    let scratch = Scratch::new();
    let distribution = |name: &str, points: &str, files: &[(&str, &str)]| {
        let own = format!("{}-1.0.dist-info", name.replace('-', "_"));
        let mut record = format!("{own}/METADATA,,\n{own}/entry_points.txt,,\n");
        for (file, text) in files {
            scratch.write(&format!("vendor/{file}"), text);
            record.push_str(&format!("{file},,\n"));
        }
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
        scratch.write(&format!("vendor/{own}/METADATA"), metadata);
        scratch.write(&format!("vendor/{own}/entry_points.txt"), points);
        scratch.write(&format!("vendor/{own}/RECORD"), record);
    };
    let host = "from importlib.metadata import entry_points\n\n\ndef tools():\n    points = entry_points()\n    \
                found = points.select(group='host.tools') if hasattr(points, 'select') else points.get('host.tools', ())\n    \
                return {point.name: point.load() for point in found}\n";
    distribution("host", "", &[("host/__init__.py", host)]);
    distribution(
        "host-saw",
        "[host.tools]\nsaw = host_saw.tool:use\n",
        &[
            ("host_saw/__init__.py", ""),
            (
                "host_saw/tool.py",
                "from pathlib import Path\n\n\ndef use():\n    return Path(__file__).with_name('teeth.txt').read_text()\n",
            ),
            ("host_saw/teeth.txt", "24 teeth"),
        ],
    );
    let file = "from rasp import ROUGH\n\n\nclass File:\n    @staticmethod\n    def use():\n        return ROUGH\n";
    distribution(
        "host-file",
        "[host.tools]\nfile = host_file:File.use\n",
        &[("host_file.py", file)],
    );
    distribution("rasp", "", &[("rasp.py", "ROUGH = 'rough'\n")]);
    distribution(
        "other",
        "[somebody.else]\nx = other:x\n",
        &[("other.py", "x = 1\n")],
    );
    let script = scratch.write(
        "main.py",
        "from importlib.metadata import distributions\nfrom host import tools\n\nfor name, use in sorted(tools().items()):\n    \
         print(name, use())\nprint(sorted(found.metadata['Name'] for found in distributions()))\n",
    );
    Pack::script(&script, &["--paths", "vendor"], Case::any())
        .run(&[])
        .run()
        .success()
        .stdout_is("file rough\nsaw 24 teeth\n['host', 'host-file', 'host-saw', 'rasp']\n");
}

/// The distribution of the application itself is installed; its sources beside the script are what is packed. Of another one
/// only the version is asked for.
#[test]
fn metadata_that_is_read_comes_along() {
    let scratch = Scratch::new();
    for (name, module) in [("my-app", "my_app"), ("asked", "asked")] {
        let own = format!("vendor/{module}-3.2.1.dist-info");
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 3.2.1\n");
        let record = format!(
            "{module}/__init__.py,,\n{module}-3.2.1.dist-info/METADATA,,\n{module}-3.2.1.dist-info/RECORD,,\n"
        );
        scratch.write(&format!("{own}/METADATA"), metadata);
        scratch.write(&format!("{own}/RECORD"), record);
        scratch.write(&format!("vendor/{module}/__init__.py"), "installed = 1\n");
    }
    scratch.write(
        "my_app/__init__.py",
        "from importlib.metadata import version\n__version__ = version('my-app')\n",
    );
    let script = scratch.write(
        "main.py",
        "import importlib.metadata as metadata\nimport importlib.util\nimport my_app\n\
         print(my_app.__version__, hasattr(my_app, 'installed'))\n\
         print(metadata.version('asked'), importlib.util.find_spec('ask' + 'ed'))\n\
         try:\n    metadata.version('absent')\nexcept metadata.PackageNotFoundError:\n    print('absent')\n\
         if my_app.__version__ == '1':\n    metadata.version('forgotten')\n",
    );
    let dist = scratch.join("dist");
    let build = Pack::build_script(&script, &["--paths", "vendor"], Case::any())
        .arg("--distpath")
        .arg(&dist)
        .run();
    build
        .success()
        .stderr_has("`__main__:11` reads the metadata of `forgotten`, which is not installed");
    assert!(!build.stderr_text().contains("`absent`"));
    Program::at(&dist, Case::any())
        .run(&[])
        .run()
        .success()
        .stdout_is("3.2.1 False\n3.2.1 None\nabsent\n");
}

#[test]
fn processes_and_numpy_as_cron_starts_them() {
    let scratch = Scratch::new();
    let program = pack("multi_numpy.py", "multi_numpy.py", &scratch);
    Run::new(&program.path)
        .no_env()
        .cwd("/")
        .run()
        .success()
        .stdout_is("[0, 27, 108, 243]\n")
        .stderr_is("");
}

#[test]
fn a_dry_run_lists_and_builds_nothing() {
    let scratch = Scratch::new();
    let script = scratch.write(
        "app.py",
        "import numpy\nopen('data/x.json')\nopen('notes.txt', 'w')\n",
    );
    scratch.write("data/x.json", "{}");
    scratch.write("notes.txt", "");
    let build = |options: &[&str]| Projects::get().build().arg(&script).args(options);
    let build = |options: &[&str]| build(options).cwd(scratch.path()).run();
    let outcome = build(&["--dry-run", "--format", "json"]);
    outcome
        .success()
        .stderr_has("app.py:2 opens `data/x.json` in the working directory")
        .stderr_has("`Path(__file__).parent / \"data/x.json\"`");
    let listing = outcome.json();
    let names = |key: &str, name: &str| -> Vec<String> {
        let items = listing[key].as_array().unwrap().iter();
        items
            .map(|item| item[name].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(names("distributions", "name").contains(&"numpy".to_owned()));
    let files = names("files", "path");
    assert!(files.contains(&"data/x.json".to_owned()), "{files:?}");
    assert!(!files.contains(&"notes.txt".to_owned()), "{files:?}");
    build(&["--dry-run"]).success();
    assert!(!scratch.join("dist").exists());
    build(&["--max-glibc", "2.5"]).refused(1, &["because of ", "--max-glibc allows 2.5"]);
    build(&["--max-glibc", "new"]).refused(2, &["a version of glibc, such as `2.28`"]);
    assert!(!scratch.join("dist").exists());
}
