//! Modules in zips: zipapps, archives on the search path, eggs.

use crate::harness::{Case, Pack, Program, Run, Scratch, pythons};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program in a package of its own, which reads data by each of the ways that work in a zip.
const MAIN: &str = "\
import importlib.resources, pkgutil, sys
import inner.deep
print(inner.deep.VALUE, pkgutil.get_data('inner', 'words.txt').decode())
print(importlib.resources.files('inner').joinpath('words.txt').read_text(), sys.argv[1:])
print(__import__('inner.la' + 'zy').lazy.NAME)
";

/// What a program that is run by its folder knows of itself.
const SPEC: &str = "\
import multiprocessing, sys
import __main__
print(__spec__.name, repr(__package__), __main__ is sys.modules['__main__'])
print(__spec__.origin == __file__, __spec__.loader is __loader__, __spec__.has_location)
# No `if __name__ == ...`: a process of it must not begin the program anew.
worker = multiprocessing.get_context('spawn').Process(target=print, args=('in a process',))
worker.start()
worker.join()
print(worker.exitcode, flush=True)
";

/// Runs a Python that packs things up.
fn python(folder: &Path, arguments: &[&str]) {
    let made = Command::new(&pythons().last().unwrap().base)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{arguments:?}: {text}");
}

fn build(scratch: &Scratch, run: Run) -> Program {
    let dist = scratch.join("dist");
    run.arg("--distpath")
        .arg(&dist)
        .cwd(scratch.path())
        .run()
        .success();
    Program::at(&dist, Case::any())
}

#[test]
fn a_zipapp_and_a_folder_with_a_main_module() {
    let scratch = Scratch::new();
    for (name, text) in [
        ("tool/__main__.py", MAIN),
        ("tool/inner/__init__.py", ""),
        ("tool/inner/deep.py", "VALUE = 42\n"),
        ("tool/inner/lazy.py", "NAME = __name__\n"),
        ("tool/inner/words.txt", "words"),
    ] {
        scratch.write(name, text);
    }
    python(
        scratch.path(),
        &[
            "-m",
            "zipapp",
            "tool",
            "-c",
            "-p",
            "/usr/bin/env python3",
            "-o",
            "small.pyz",
        ],
    );
    fs::copy(scratch.join("small.pyz"), scratch.join("small")).unwrap();
    let expected = "42 words\nwords ['a', 'b']\ninner.lazy\n";
    for target in ["small.pyz", "small"] {
        let program = build(&scratch, Pack::build(Case::any()).arg(target));
        program.run(&["a", "b"]).run().success().stdout_is(expected);
        let again = Pack::build(Case::any())
            .arg(target)
            .arg("--distpath")
            .arg(scratch.join("dist"))
            // With what has changed, if something has.
            .arg("-v");
        again
            .cwd(scratch.path())
            .run()
            .success()
            .stderr_has("up to date");
        fs::remove_dir_all(scratch.join("dist")).unwrap();
    }
    let unpacked = Pack::run(&["run", "--python"]).arg(Case::any().python.with_flask());
    let unpacked = unpacked.args(&["small.pyz", "a", "b"]).cwd(scratch.path());
    unpacked.run().success().stdout_is(expected);
    scratch.write(
        "tool/__main__.py",
        "import inner.deep\nprint(inner.deep.VALUE)\n",
    );
    let program = build(&scratch, Pack::build(Case::any()).arg("tool"));
    program.run(&[]).run().success().stdout_is("42\n");
    scratch.write("tool/__main__.py", SPEC);
    let program = build(&scratch, Pack::build(Case::any()).arg("tool"));
    program
        .run(&[])
        .run()
        .success()
        .stdout_is("__main__ '' True\nTrue True True\nin a process\n0\n");
}

#[test]
fn archives_on_the_path_and_eggs() {
    let scratch = Scratch::new();
    for (name, text) in [
        (
            "lib/zipped/__init__.py",
            "import pkgutil\nDATA = pkgutil.get_data(__name__, 'data.txt').decode()\n",
        ),
        ("lib/zipped/data.txt", "zipped data"),
        ("other/named.py", "NAME = 'by PYTHONPATH'\n"),
        (
            "egg/hatched/__init__.py",
            "import importlib.metadata\nVERSION = importlib.metadata.version('hatched')\n",
        ),
        ("egg/hatched/yolk.txt", "yolk"),
        (
            "egg/EGG-INFO/PKG-INFO",
            "Metadata-Version: 1.0\nName: hatched\nVersion: 2.5\n",
        ),
        ("egg/EGG-INFO/top_level.txt", "hatched\n"),
        (
            "app.py",
            "import importlib.metadata, zipped, named, hatched, pkgutil, unzipped\n\
             print(zipped.DATA, named.NAME, hatched.VERSION, pkgutil.get_data('hatched', 'yolk.txt').decode())\n\
             egg = importlib.metadata.distribution('unzipped')\n\
             print(egg.version, egg.requires, [point.name for point in egg.entry_points], pkgutil.get_data('unzipped', 'white.txt'))\n",
        ),
    ] {
        scratch.write(name, text);
    }
    let zip = |archive: &str, folder: &str| {
        let text = format!("import shutil; shutil.make_archive('{archive}', 'zip', '{folder}')");
        python(scratch.path(), &["-c", &text]);
    };
    zip("lib", "lib");
    zip("other", "other");
    zip("egg", "egg");
    python(scratch.path(), &["-m", "venv", "--without-pip", "venv"]);
    let version = pythons().last().unwrap().name();
    let site = scratch.join(format!("venv/lib/python{version}/site-packages"));
    let egg = format!("hatched-2.5-py{version}.egg");
    fs::rename(scratch.join("egg.zip"), site.join(&egg)).unwrap();
    let folder = format!("unzipped-1.5-py{version}.egg");
    for (name, text) in [
        ("unzipped/__init__.py", "import hatched\n"),
        ("unzipped/white.txt", "white"),
        (
            "EGG-INFO/PKG-INFO",
            "Metadata-Version: 1.0\nName: unzipped\nVersion: 1.5\n",
        ),
        ("EGG-INFO/requires.txt", "hatched\n"),
        ("EGG-INFO/entry_points.txt", "[of.eggs]\nwhite = unzipped\n"),
    ] {
        let path = site.join(&folder).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(
        site.join("easy-install.pth"),
        format!("./{egg}\n./{folder}\n"),
    )
    .unwrap();
    for folder in ["lib", "other", "egg"] {
        fs::remove_dir_all(scratch.join(folder)).unwrap();
    }
    let run = Pack::run(&["build", "app.py", "--python", "venv", "--paths", "lib.zip"]);
    let program = build(&scratch, run.env("PYTHONPATH", scratch.join("other.zip")));
    let outcome = program.run(&[]).run();
    outcome
        .success()
        .stdout_is("zipped data by PYTHONPATH 2.5 yolk\n1.5 ['hatched'] ['white'] b'white'\n");
}

#[test]
fn an_archive_without_a_program_is_refused() {
    let scratch = Scratch::new();
    scratch.write("lib/a.py", "");
    scratch.write("broken.pyz", "no zip at all");
    python(
        scratch.path(),
        &[
            "-c",
            "import shutil; shutil.make_archive('lib', 'zip', 'lib')",
        ],
    );
    for (name, words) in [
        (
            "lib.zip",
            ["is not a Python script", "no `__main__.py` to run"],
        ),
        (
            "broken.pyz",
            ["is not a Python script", "no zip archive, or a damaged one"],
        ),
    ] {
        let run = Pack::build(Case::any()).arg(name).cwd(scratch.path());
        run.run().refused(2, &words);
    }
}
