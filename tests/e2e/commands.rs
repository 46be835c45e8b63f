//! The commands beside `build`.

use crate::harness::{Case, Mode, Pack, Program, Run, Scratch, files_below, root};
use std::fs;
use std::path::PathBuf;

fn hello(mode: Mode) -> &'static Program {
    Program::packed(
        "samples/hello",
        &["hello.py"],
        Case {
            mode,
            ..Case::any()
        },
    )
}

#[test]
fn help_names_every_command() {
    let outcome = Pack::run(&["--help"]).run();
    let text = outcome.success().stdout_text();
    for command in [
        "build",
        "run",
        "serve",
        "inspect",
        "verify",
        "extract",
        "icon",
        "doctor",
        "init",
        "completions",
    ] {
        assert!(text.contains(command), "{command} is not in\n{text}");
        Pack::run(&[command, "--help"]).run().success();
    }
    Pack::run(&[]).run().code(2);
    Pack::run(&["biuld"]).run().refused(2, &["biuld", "build"]);
}

#[test]
fn verify_tells_whole_from_damaged() {
    for mode in [Mode::OneFile, Mode::OneDir] {
        let scratch = Scratch::new();
        let copy = hello(mode).copy_to(scratch.path());
        Pack::run(&["verify"]).arg(&copy).run().success();
        let mut bytes = fs::read(&copy).unwrap();
        let middle = bytes.len() - 5000;
        bytes[middle] ^= 4;
        fs::write(&copy, bytes).unwrap();
        Pack::run(&["verify"])
            .arg(&copy)
            .run()
            .refused(1, &["error: ", "hello` is damaged"]);
    }
    Pack::run(&["verify", "/bin/true"])
        .run()
        .refused(1, &["bin/true"]);
    Pack::run(&["verify", "/nonexistent"])
        .run()
        .refused(1, &["nonexistent"]);
}

#[test]
fn verify_checks_the_files_of_a_folder() {
    let scratch = Scratch::new();
    let copy = hello(Mode::OneDir).copy_to(scratch.path());
    let folder = copy.parent().unwrap();
    let script = folder.join(
        files_below(folder)
            .iter()
            .find(|path| path.ends_with("hello.py"))
            .unwrap(),
    );
    fs::write(&script, "print('changed')\n").unwrap();
    Pack::run(&["verify"])
        .arg(&copy)
        .run()
        .refused(1, &["error: ", "hello.py"]);
}

#[test]
fn extract_gives_the_files_back() {
    for mode in [Mode::OneFile, Mode::OneDir] {
        let scratch = Scratch::new();
        let program = hello(mode);
        let folder = scratch.join("taken out");
        Pack::run(&["extract"])
            .arg(&program.path)
            .arg(&folder)
            .run()
            .success();
        let script = fs::read(folder.join("hello.py")).unwrap();
        assert_eq!(
            script,
            fs::read(root().join("samples/hello/hello.py")).unwrap()
        );
        let again = Pack::run(&["extract"])
            .arg(&program.path)
            .arg(&folder)
            .run();
        again.refused(1, &["taken out"]);
    }
}

#[test]
fn inspect_shows_what_is_inside_and_why() {
    let guestbook = Program::packed("samples/guestbook", &[], Case::any());
    let text = Pack::run(&["inspect"])
        .arg(&guestbook.path)
        .run()
        .success()
        .stdout_text();
    for word in ["guestbook", "flask", "werkzeug", &Case::any().python.name()] {
        assert!(
            text.to_lowercase().contains(word),
            "{word} is not in\n{text}"
        );
    }
    let json = Pack::run(&["inspect", "--format", "json"])
        .arg(&guestbook.path)
        .run()
        .json();
    assert!(json.is_object(), "{json}");
}

/// Any zip tool lists a packed program.
#[test]
fn the_executable_is_a_zip_archive() {
    let case = Case::any();
    let script = "import sys, zipfile\nnames = zipfile.ZipFile(sys.argv[1]).namelist()\n\
                  assert 'hello.py' in names and '.pack/index' in names, names\nprint(len(names))\n";
    Run::new(&case.python.base)
        .args(&["-c", script])
        .arg(&hello(Mode::OneFile).path)
        .run()
        .success();
}

#[test]
fn completions_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let text = Pack::run(&["completions", shell])
            .run()
            .success()
            .stdout_text();
        assert!(
            text.contains("pack") && text.contains("onefile"),
            "{shell}: {text}"
        );
    }
    let bash = Pack::run(&["completions", "bash"]).run().stdout_text();
    Run::new("/bin/bash")
        .args(&["-n", "-s"])
        .stdin(bash)
        .run()
        .success()
        .stderr_is("");
}

/// `pack init` looks at the folder, writes a pack.toml that says what it saw, and `pack build` builds from it.
#[test]
fn init_sees_what_lies_in_the_folder() {
    let check = |files: &[(&str, &str)], kind: &str, words: &[&str]| {
        let scratch = Scratch::new();
        let folder = scratch.join("project");
        fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            scratch.write(&format!("project/{name}"), text);
        }
        let outcome = Pack::run(&["init"]).cwd(&folder).run();
        outcome.success();
        let written = fs::read_to_string(folder.join("pack.toml")).unwrap();
        for word in words {
            assert!(
                written.contains(word),
                "{kind}: {word} is not in\n{written}"
            );
        }
        assert!(written.contains('#'), "it has no comments:\n{written}");
        let again = Pack::run(&["init"]).cwd(&folder).run();
        assert!(
            !again.status.success(),
            "it wrote over an existing pack.toml"
        );
        assert_eq!(
            fs::read_to_string(folder.join("pack.toml")).unwrap(),
            written
        );
        let build = Pack::build(Case::any()).cwd(&folder).run().listing(&folder);
        build.success();
        (scratch, folder)
    };
    let (scratch, folder) = check(
        &[("report.py", "print('report')\n")],
        "script",
        &["report.py"],
    );
    let built: Vec<PathBuf> = files_below(&folder.join("dist"));
    Run::new(folder.join("dist").join(&built[0]))
        .env("TMPDIR", scratch.path())
        .run()
        .success()
        .stdout_is("report\n");

    check(
        &[(
            "app.py",
            "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef index():\n    return 'hello'\n",
        )],
        "wsgi",
        &["[wsgi]", "app:app"],
    );
}

/// A project with a `src` folder: its script is known by `[project.scripts]`, without that by the package's `__main__`.
#[test]
fn init_sees_what_a_package_runs() {
    let pyproject = "[project]\nname = \"the-shop\"\nversion = \"1.0\"\n";
    let script = format!("{pyproject}[project.scripts]\nshop = \"shop.cli:main\"\n");
    let check = |pyproject: &str, name: &str, entry: &str| {
        let scratch = Scratch::new();
        let folder = scratch.join("project");
        scratch.write("project/pyproject.toml", pyproject);
        scratch.write("project/src/shop/__init__.py", "");
        scratch.write(
            "project/src/shop/__main__.py",
            "from .cli import main\nmain()\n",
        );
        scratch.write(
            "project/src/shop/cli.py",
            "import pathlib\nfrom . import words\n\n\ndef main():\n    \
             print(words.GREETING, pathlib.Path(__file__).with_name('data').joinpath('a' + '.txt').read_text())\n",
        );
        scratch.write("project/src/shop/words.py", "GREETING = 'hello'\n");
        scratch.write("project/src/shop/data/a.txt", "data");
        Pack::run(&["init"]).cwd(&folder).run().success();
        let written = fs::read_to_string(folder.join("pack.toml")).unwrap();
        for line in [
            &format!("name = \"{name}\"\n"),
            &format!("entry = \"{entry}\"\n"),
            "\"src/shop/data:shop/data\"",
        ] {
            assert!(written.contains(line), "{line} is not in\n{written}");
        }
        Pack::build(Case::any()).cwd(&folder).run().success();
        let built = files_below(&folder.join("dist"));
        Run::new(folder.join("dist").join(&built[0]))
            .env("TMPDIR", scratch.path())
            .run()
            .success()
            .stdout_is("hello data\n");
    };
    check(&script, "shop", "shop.cli:main");
    check(pyproject, "the-shop", "shop");
}

/// README's table of settings is that of `pack build --help`.
#[test]
fn readme_lists_every_setting() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let rows = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: Vec<&str> = rows
        .map(|(key, _)| key)
        .filter(|key| key.contains('.') && !key.starts_with('/'))
        .collect();
    let help = Pack::run(&["build", "--help"])
        .run()
        .success()
        .stdout_text();
    // The help wraps its lines.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for key in listed
        .iter()
        .filter(|key| !["commands.WORD", "app.entry", "wsgi.static"].contains(key))
    {
        assert!(
            help.contains(&format!("[pack.toml: {key}]")),
            "README lists {key}, `pack build --help` does not"
        );
    }
    for part in help.split("[pack.toml: ").skip(1) {
        let key = part.split(']').next().unwrap();
        assert!(
            listed.contains(&key) || key == "bundle.sbom",
            "`pack build --help` has {key}, README does not"
        );
    }
}
