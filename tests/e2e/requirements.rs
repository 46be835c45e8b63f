//! `--requirements`: distributions are resolved for the target and packed in the place of the interpreter's own.

use crate::harness::{Pack, Run, Scratch, Wine, pythons, root, uv};
use std::fs;
use std::path::Path;

/// `colorama` is for Windows alone, `uvloop` has no wheel for it.
const REQUIREMENTS: &str =
    "-r more.txt\ncolorama==0.4.6; sys_platform == 'win32'\nuvloop; sys_platform == 'nowhere'\n";

fn requirements(folder: &Path) -> String {
    fs::write(folder.join("more.txt"), "flask==3.1.0\n").unwrap();
    let file = folder.join("requirements.txt");
    fs::write(&file, REQUIREMENTS).unwrap();
    file.into_os_string().into_string().unwrap()
}

/// Folders for PATH: with uv, and with pip alone.
pub(super) fn installers() -> [String; 2] {
    let usual = "/usr/bin:/bin";
    let uv = uv().parent().unwrap().display();
    [format!("{uv}:{usual}"), usual.to_owned()]
}

#[test]
fn requirements_of_this_system_take_the_place_of_what_is_installed() {
    let python = pythons().last().unwrap();
    let scratch = Scratch::new();
    let file = requirements(scratch.path());
    for path in installers() {
        let build = |more: &[&str]| {
            Pack::run(&["build", "--noconfirm", "--name", "asked", "--python"])
                .arg(&python.base)
                .args(&["--requirements", &file, "--distpath"])
                .arg(scratch.path())
                .arg("--workpath")
                .arg(scratch.join("work"))
                .args(more)
                .arg(root().join("tests/programs/windows/asked.py"))
                .env("PATH", &path)
                .with_network()
                .run()
        };
        build(&[]).success();
        let program = || {
            Run::new(scratch.join("asked"))
                .env("TMPDIR", scratch.path())
                .run()
        };
        let seen = program();
        seen.success();
        assert_eq!(
            seen.stdout_text(),
            "<b>&lt;&amp;&gt;</b>\nso\nlinux 3.1.0 None None\n"
        );
        build(&["-v"]).success().stderr_has("up to date");
        // Another file that is included is another build.
        fs::write(scratch.join("more.txt"), "flask==3.0.3\n").unwrap();
        build(&[]).success();
        let seen = program().stdout_text();
        assert!(seen.contains("linux 3.0.3"), "{seen}");
        fs::write(scratch.join("more.txt"), "flask==3.1.0\n").unwrap();
    }
}

#[test]
fn requirements_of_a_windows_program() {
    let Some(wine) = Wine::find() else { return };
    let scratch = Scratch::new();
    let file = requirements(scratch.path());
    let version = wine.pythons.last().unwrap().0;
    for (installer, path) in ["uv", "pip"].into_iter().zip(installers()) {
        let options = ["--requirements", &file, "--no-cache"];
        let name = format!("asked-{installer}");
        let program = wine.packed_on_path(&name, "asked.py", version, &options, &path);
        let seen = wine.run(&program, &[]).run();
        seen.success();
        assert_eq!(
            seen.lines(),
            "<b>&lt;&amp;&gt;</b>\npyd\nwin32 3.1.0 0.4.6 None\n"
        );
    }
}

/// A distribution that is not for Windows is named; so is one whose file is another than the lock's.
#[test]
fn requirements_that_cannot_be_had_are_named() {
    let Some(wine) = Wine::find() else { return };
    let scratch = Scratch::new();
    let (version, windows) = wine.pythons.last().unwrap();
    let host = pythons().iter().find(|python| python.version == *version);
    let host = host.unwrap().base.parent().unwrap();
    let zeros = "0".repeat(64);
    let lock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"tests\"\n[[packages]]\nname = \"itsdangerous\"\nversion = \"2.2.0\"\n\
         wheels = [{{ url = \"https://example.org/itsdangerous-2.2.0-py3-none-any.whl\", hashes = {{ sha256 = \"{zeros}\" }} }}]\n"
    );
    for path in installers() {
        let build = |name: &str, content: &str| {
            let file = scratch.join(name);
            fs::write(&file, content).unwrap();
            Pack::run(&["build", "--dry-run", "--no-cache", "--target"])
                .args(&["x86_64-pc-windows-gnu", "--python"])
                .arg(windows)
                .arg("--requirements")
                .arg(file)
                .arg(root().join("tests/programs/windows/probe.py"))
                .env("PATH", format!("{}:{path}", host.display()))
                .with_network()
                .run()
        };
        build("requirements.txt", "uvloop==0.21.0\n")
            .code(1)
            .stderr_has("`uvloop` cannot be had for Windows (x86-64), CPython 3.")
            .stderr_has("hint: leave `uvloop` out there with a marker");
        build("pylock.toml", &lock)
            .code(1)
            .stderr_has("does not install the requirements")
            .stderr_has("itsdangerous");
    }
}

#[test]
fn projects_and_their_locks_say_what_is_packed() {
    let python = pythons().last().unwrap();
    let scratch = Scratch::new();
    let folder = scratch.join("project");
    fs::create_dir(&folder).unwrap();
    let project = "[project]\nname = \"site\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n\
                   dependencies = [\"markupsafe>=2\", \"colorama; sys_platform == 'win32'\"]\n";
    fs::write(folder.join("pyproject.toml"), project).unwrap();
    let app = "import markupsafe, sys\nsys.exit(0 if markupsafe.escape('<') == '&lt;' else 1)\n";
    fs::write(folder.join("app.py"), app).unwrap();
    let [with_uv, without] = installers();
    for words in [&["lock"] as &[&str], &["export", "-o", "pylock.toml"]] {
        let uv = Run::new(uv()).args(words).cwd(&folder);
        uv.env("PATH", &with_uv)
            .env("HOME", scratch.path())
            .with_network()
            .run()
            .success();
    }
    for (name, path) in [
        ("pyproject.toml", &without),
        ("pylock.toml", &with_uv),
        ("pylock.toml", &without),
        ("uv.lock", &with_uv),
    ] {
        let build = Pack::run(&[
            "build",
            "app.py",
            "--name",
            "app",
            "--noconfirm",
            "--no-cache",
            "--python",
        ])
        .arg(&python.base)
        .args(&["--requirements", name])
        .cwd(&folder)
        .env("PATH", path)
        .with_network()
        .run();
        build.success();
        Run::new(folder.join("dist/app"))
            .env("TMPDIR", scratch.path())
            .run()
            .success();
    }
    Pack::run(&["build", "app.py", "--no-cache", "--python"])
        .arg(&python.base)
        .args(&["--requirements", "uv.lock"])
        .cwd(&folder)
        .env("PATH", &without)
        .run()
        .code(1)
        .stderr_has("is read by `uv`, which was not found on PATH");
}
