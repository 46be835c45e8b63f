//! Interpreters as people have them, and `pack python`: those for Windows in pack's cache.

use crate::harness::{Pack, Run, Scratch, Wine, pythons, root, tool, uv, virtualenv};
use std::path::Path;

#[test]
fn pythons_for_windows_are_added_listed_and_packed() {
    let Some(wine) = Wine::find() else { return };
    let scratch = Scratch::new();
    let ((major, minor), embeddable) = wine.pythons.last().unwrap();
    // The three forms of one interpreter, each into a cache of its own.
    let archive = |name: &str, format: &str| {
        let code = "import shutil, sys; shutil.make_archive(*sys.argv[1:])";
        let base = scratch.join(name).into_os_string().into_string().unwrap();
        let (parent, folder) = match format {
            // As python-build-standalone has it: one folder at the top.
            "gztar" => {
                let top = scratch.join("top");
                crate::harness::copy_tree(embeddable, &top.join("python"));
                (top, "python")
            }
            _ => (embeddable.clone(), "."),
        };
        let parent = parent.to_str().unwrap();
        tool(
            &pythons()[0].base,
            ["-c", code, &base, format, parent, folder],
        );
        base
    };
    let forms = [
        embeddable.display().to_string(),
        archive("embed", "zip") + ".zip",
        archive("standalone", "gztar") + ".tar.gz",
    ];
    let pack = |home: &Path, words: &[&str]| -> Run { Pack::run(words).env("HOME", home) };
    let version = format!("{major}.{minor}");
    for (number, form) in forms.iter().enumerate() {
        let home = scratch.join(format!("home{number}"));
        pack(&home, &["python", "list"])
            .run()
            .success()
            .stderr_has("none");
        let listed = |outcome: &crate::harness::Outcome| -> serde_json::Value {
            outcome.success();
            serde_json::from_str(&outcome.stdout_text()).unwrap()
        };
        pack(&home, &["python", "add", form])
            .run()
            .success()
            .stderr_has("added");
        pack(&home, &["python", "add", form])
            .run()
            .success()
            .stderr_has("already there");
        let all = listed(&pack(&home, &["python", "list", "--format", "json"]).run());
        assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
        assert!(
            all[0]["version"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{version}.")),
            "{all}"
        );
        assert_eq!(all[0]["target"], "x86_64-pc-windows-gnu");
        assert!(
            Path::new(all[0]["path"].as_str().unwrap())
                .join(format!("python{major}{minor}.dll"))
                .is_file()
        );
    }
    let home = scratch.join("home2");
    let host = pythons()
        .iter()
        .find(|python| python.version == (*major, *minor))
        .unwrap();
    let path = format!("{}:/usr/bin:/bin", host.base.parent().unwrap().display());
    let build = |python: &[&str]| {
        pack(
            &home,
            &["build", "--dry-run", "--target", "x86_64-pc-windows-gnu"],
        )
        .args(python)
        .arg(root().join("tests/programs/windows/probe.py"))
        .env("PATH", &path)
        .run()
    };
    for python in [&["--python", &version] as &[&str], &[]] {
        let outcome = build(python);
        outcome.success();
        assert!(
            outcome
                .stdout_text()
                .contains(&format!("python{major}{minor}.dll"))
        );
    }
    build(&["--python", "3.99"])
        .code(2)
        .stderr_has("there is no Python 3.99 for Windows in pack's cache")
        .stderr_has("pack python add 3.99");
}

/// A version is uv's to fetch: what it says when it cannot is passed on.
#[test]
fn a_version_is_fetched_by_uv() {
    let scratch = Scratch::new();
    let add = |path: &str| {
        Pack::run(&["python", "add", "3.13"])
            .env("HOME", scratch.path())
            .env("PATH", path)
            .run()
    };
    add("/nowhere")
        .code(1)
        .stderr_has("fetched by `uv`, which was not found on PATH");
    let uv = scratch.write("uv", "#!/bin/sh\necho \"no such $7\" >&2\nexit 1\n");
    tool(Path::new("/bin/chmod"), ["755".as_ref(), uv.as_os_str()]);
    let path = format!("{}:/usr/bin:/bin", scratch.path().display());
    add(&path)
        .code(1)
        .stderr_has("`uv` does not fetch CPython 3.13")
        .stderr_has("no such");
    assert!(
        Pack::run(&["python", "list"])
            .env("HOME", scratch.path())
            .run()
            .stdout_text()
            .is_empty()
    );
}

/// A script that says what it found of a distribution.
const USES_GREETING: &str = "import importlib.metadata, greeting\n\
    print(greeting.hello(), importlib.metadata.version('greeting'), greeting.data())\n";

/// Puts the distribution that the script uses into a site folder; `conda` keeps no RECORD.
fn install_greeting(site: &Path, conda: bool) {
    let write = |name: &str, text: &str| {
        let path = site.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "greeting/__init__.py",
        "import pathlib\ndef hello():\n    return 'hello'\n\
         def data():\n    return (pathlib.Path(__file__).parent / 'words.txt').read_text()\n",
    );
    write("greeting/words.txt", "words");
    write(
        "greeting-1.5.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: greeting\nVersion: 1.5\n",
    );
    if conda {
        write("greeting-1.5.dist-info/INSTALLER", "conda");
        write("greeting-1.5.dist-info/top_level.txt", "greeting\n");
    } else {
        write(
            "greeting-1.5.dist-info/RECORD",
            "greeting/__init__.py,,\ngreeting/words.txt,,\ngreeting-1.5.dist-info/METADATA,,\n\
             greeting-1.5.dist-info/RECORD,,\n",
        );
    }
}

/// Builds the script with `set` and compares what it prints, packed, with what `python` prints; the summary has to say
/// `summary`.
fn packs_like(python: &Path, summary: &str, set: impl Fn(Run) -> Run) {
    let scratch = Scratch::new();
    let script = scratch.write("app.py", USES_GREETING);
    let expected = String::from_utf8(tool(python, [&script])).unwrap();
    assert_eq!(expected, "hello 1.5 words\n");
    let dist = scratch.join("dist");
    let build = Pack::run(&["build", "--noconfirm", "--onefile"])
        .arg(&script)
        .arg("--distpath")
        .arg(&dist);
    set(build)
        .cwd(scratch.path())
        .run()
        .success()
        .stderr_has(summary);
    Run::new(dist.join("app"))
        .env("TMPDIR", scratch.path())
        .run()
        .success()
        .stdout_is(&expected);
}

/// The site folder of `python`.
fn site_of(python: &Path) -> std::path::PathBuf {
    let code = "import sysconfig; print(sysconfig.get_path('purelib'), end='')";
    String::from_utf8(tool(python, ["-c", code]))
        .unwrap()
        .into()
}

/// Packs from an environment that `make` has made, as its users do: activated, and by its name.
fn packs_from_environment(make: impl Fn(&Path)) {
    let scratch = Scratch::new();
    let environment = scratch.join("environment");
    make(&environment);
    let python = environment.join("bin/python");
    install_greeting(&site_of(&python), false);
    packs_like(
        &python,
        "the active virtual environment, $VIRTUAL_ENV",
        |run| run.env("VIRTUAL_ENV", &environment),
    );
    let named = |run: Run| run.arg("--python").arg(&python);
    packs_like(&python, "named by `--python`", named);
}

#[test]
fn an_environment_of_virtualenv() {
    packs_from_environment(|folder| {
        let base = pythons().last().unwrap().base.as_os_str();
        tool(
            virtualenv(),
            [
                "--quiet".as_ref(),
                "--no-download".as_ref(),
                "--python".as_ref(),
                base,
                folder.as_os_str(),
            ],
        );
    });
}

#[test]
fn an_environment_of_uv() {
    packs_from_environment(|folder| {
        let base = pythons().last().unwrap().base.as_os_str();
        tool(
            uv(),
            [
                "venv".as_ref(),
                "--offline".as_ref(),
                "--quiet".as_ref(),
                "--python".as_ref(),
                base,
                folder.as_os_str(),
            ],
        );
    });
}

/// Conda's prefix holds the interpreter and all libraries, and says by `conda-meta` what was installed.
#[test]
fn a_prefix_of_conda() {
    let scratch = Scratch::new();
    let prefix = scratch.join("conda");
    let base = &pythons().last().unwrap().base;
    let version = pythons().last().unwrap().name();
    // Copies, as conda makes them, but for what is not packed.
    let copy = "import os, shutil, sys\nfrom_, to, version = sys.argv[1:]\n\
        library = 'lib/python' + version\n\
        leave = shutil.ignore_patterns('test', 'site-packages', '__pycache__', 'config-*', 'idlelib', 'ensurepip')\n\
        shutil.copytree(os.path.join(from_, library), os.path.join(to, library), ignore=leave)\n\
        os.makedirs(os.path.join(to, library, 'site-packages'))\nos.mkdir(os.path.join(to, 'bin'))\n\
        shutil.copy(os.path.join(from_, 'bin/python' + version), os.path.join(to, 'bin/python3'))\n\
        for name in os.listdir(os.path.join(from_, 'lib')):\n\
        \x20   if name.startswith('libpython'):\n\
        \x20       shutil.copy(os.path.join(from_, 'lib', name), os.path.join(to, 'lib', name))\n\
        print(end='')";
    let home = "import sys; print(sys.base_prefix, end='')";
    let home = String::from_utf8(tool(base, ["-c", home])).unwrap();
    tool(
        base,
        ["-c", copy, &home, prefix.to_str().unwrap(), &version],
    );
    std::fs::create_dir_all(prefix.join("conda-meta")).unwrap();
    std::fs::write(prefix.join("conda-meta/history"), "").unwrap();
    let python = prefix.join("bin/python3");
    let lib = prefix.join("lib");
    let ask = |code: &str| -> String {
        let outcome = Run::new(&python)
            .env("LD_LIBRARY_PATH", &lib)
            .arg("-c")
            .arg(code)
            .run();
        outcome.success();
        outcome.stdout_text()
    };
    assert_eq!(
        ask("import sys; print(sys.prefix, end='')"),
        prefix.to_str().unwrap()
    );
    let site = ask("import sysconfig; print(sysconfig.get_path('purelib'), end='')");
    install_greeting(Path::new(&site), true);
    let named = |run: Run| {
        run.arg("--python")
            .arg(&python)
            .env("LD_LIBRARY_PATH", &lib)
    };
    packs_like(&python, "named by `--python`", named);
}

/// Debian's own Python, whose distributions lie in `dist-packages`; as anybody's who asks for nothing, by PATH.
#[test]
fn the_python_of_debian() {
    let python = Path::new("/usr/bin/python3");
    let question = "import sys, site\n\
        assert any(folder.endswith('dist-packages') for folder in site.getsitepackages())\n\
        import importlib.metadata as m\nnames = {d.metadata['Name'].lower() for d in m.distributions()}\n\
        print('yes' if names & {'six', 'chardet', 'pyyaml'} else 'no', end='')";
    let answer = std::process::Command::new(python)
        .args(["-I", "-c", question])
        .output();
    let has_some = answer.is_ok_and(|output| output.stdout == b"yes");
    if !has_some {
        eprintln!(
            "skipped: {} has none of the distributions that Debian's has",
            python.display()
        );
        return;
    }
    let scratch = Scratch::new();
    let script = scratch.write(
        "app.py",
        "import importlib.metadata as m\nfound = []\n\
         try:\n    import six; found.append(six.__name__ + m.version('six'))\nexcept ImportError: pass\n\
         try:\n    import chardet; found.append(chardet.__name__ + m.version('chardet'))\nexcept ImportError: pass\n\
         try:\n    import yaml; found.append(yaml.safe_load('[1, 2]'))\nexcept ImportError: pass\n\
         assert found\nprint(found)\n",
    );
    let expected = String::from_utf8(tool(python, ["-I".as_ref(), script.as_os_str()])).unwrap();
    let dist = scratch.join("dist");
    Pack::run(&["build", "--noconfirm", "--onefile"])
        .arg(&script)
        .arg("--distpath")
        .arg(&dist)
        .cwd(scratch.path())
        .run()
        .success()
        .stderr_has("/usr/bin/python3 (python3 on PATH)");
    Run::new(dist.join("app"))
        .env("TMPDIR", scratch.path())
        .run()
        .success()
        .stdout_is(&expected);
}
