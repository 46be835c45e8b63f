#![allow(clippy::unwrap_used)]

use super::*;
use std::collections::BTreeMap;

/// A project in a temporary folder, with a virtual environment.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        crate::testing::tree(folder.path(), &[(".venv/bin/python3", "")]);
        crate::testing::tree(folder.path(), files);
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Resolves a command line, with variables such as `PACK_NAME=x` before it.
    fn resolve(&self, line: &[&str]) -> Result<(BuildPlan, Vec<String>), ConfigError> {
        let is_variable =
            |word: &&&str| word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains('=');
        let variables = line
            .iter()
            .take_while(is_variable)
            .filter_map(|word| word.split_once('='));
        let environment: BTreeMap<_, _> = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let arguments = line.iter().skip(environment.len());
        let command = clap::Command::new("x")
            .args_override_self(true)
            .arg(clap::Arg::new("target-path"))
            .args(command_line::arguments())
            .args(command_line::foreign_arguments());
        let matches = command
            .try_get_matches_from(std::iter::once(&"x").chain(arguments))
            .unwrap();
        let (arguments, mut notes) = command_line::settings(&matches)?;
        let request = Request {
            target: matches.get_one::<String>("target-path").map(PathBuf::from),
            current: self.path().to_owned(),
            arguments,
            environment,
            ..Request::default()
        };
        let (plan, more) = resolve(&request)?;
        notes.extend(more);
        Ok((plan, notes))
    }

    fn plan(&self, line: &[&str]) -> BuildPlan {
        let (plan, notes) = self.resolve(line).unwrap();
        assert!(notes.is_empty(), "{notes:?}");
        plan
    }

    /// The error, with the folder's name replaced.
    fn error(&self, line: &[&str]) -> String {
        let error = self.resolve(line).unwrap_err();
        let hint = error
            .hint()
            .map(|hint| format!("\nhint: {hint}"))
            .unwrap_or_default();
        self.relative(&format!("{error}{hint}"))
    }

    fn notes(&self, line: &[&str]) -> String {
        self.relative(&self.resolve(line).unwrap().1.join("\n"))
    }

    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}", self.path().display()), "[folder]")
    }
}

#[test]
fn defaults_of_a_script() {
    let folder = Folder::new(&[("tools/report.py", "")]);
    let plan = folder.plan(&["tools/report.py"]);
    assert_eq!(plan.name, "report");
    assert_eq!(plan.id, "report");
    assert_eq!(plan.version, None);
    assert_eq!(plan.root, folder.path().join("tools"));
    assert_eq!(
        plan.entry,
        Entry::Script(folder.path().join("tools/report.py"))
    );
    assert_eq!(plan.paths, [folder.path().join("tools")]);
    assert_eq!(plan.mode, BundleMode::OneFile);
    assert_eq!(plan.dist_dir, folder.path().join("dist"));
    assert_eq!(plan.contents_directory, "_internal");
    assert_eq!(plan.optimize, 0);
    assert_eq!(plan.target, host_target());
}

#[test]
fn command_line_then_variables_then_file() {
    let file = "[app]\nname = \"file\"\nentry = \"app.py\"\n[bundle]\noptimize = 1\ncompression-level = 3\n";
    let folder = Folder::new(&[("app.py", ""), ("pack.toml", file)]);
    let plan = folder.plan(&[]);
    assert_eq!(
        (plan.name.as_str(), plan.optimize, plan.compression),
        ("file", 1, 3)
    );
    let plan = folder.plan(&["PACK_NAME=variable", "PACK_OPTIMIZE=2"]);
    assert_eq!(
        (plan.name.as_str(), plan.optimize, plan.compression),
        ("variable", 2, 3)
    );
    let plan = folder.plan(&["PACK_NAME=variable", "PACK_OPTIMIZE=2", "--name", "line"]);
    assert_eq!(
        (plan.name.as_str(), plan.optimize, plan.compression),
        ("line", 2, 3)
    );
}

#[test]
fn pyproject_fills_in() {
    let pyproject = "[project]\nname = \"from-project\"\nversion = \"2.0\"\n";
    let folder = Folder::new(&[("app.py", ""), ("pyproject.toml", pyproject)]);
    let plan = folder.plan(&["app.py"]);
    assert_eq!(
        (plan.name.as_str(), plan.version.as_deref()),
        ("from-project", Some("2.0"))
    );

    let tool = format!("{pyproject}[tool.pack.app]\nentry = \"app.py\"\nname = \"from-tool\"\n");
    let folder = Folder::new(&[("app.py", ""), ("pyproject.toml", &tool)]);
    let plan = folder.plan(&[]);
    assert_eq!(
        (plan.name.as_str(), plan.version.as_deref()),
        ("from-tool", Some("2.0"))
    );

    let folder = Folder::new(&[("pyproject.toml", "[tool.pack.wsgi]\nthread = 2\n")]);
    insta::assert_snapshot!(folder.error(&[]), @r"
    [folder]/pyproject.toml:2:1: there is no setting `tool.pack.wsgi.thread`
    hint: did you mean `threads`?
    ");
}

#[test]
fn the_one_script_of_pyproject_is_what_runs() {
    let pyproject = "[project]\nname = \"the-shop\"\n[project.scripts]\nshop = \"shop.cli:main\"\n";
    let folder = Folder::new(&[("src/shop/cli.py", ""), ("pyproject.toml", pyproject)]);
    let plan = folder.plan(&[]);
    let function = Entry::Function {
        module: "shop.cli".into(),
        function: "main".into(),
    };
    assert_eq!((plan.entry, plan.name.as_str()), (function, "shop"));
    assert_eq!(
        plan.paths,
        [folder.path().to_owned(), folder.path().join("src")]
    );
    assert_eq!(folder.plan(&["--name", "other"]).name, "other");

    // Settings and scripts that are named come before it, and of two none is meant more.
    assert_eq!(folder.plan(&["src/shop/cli.py"]).name, "cli");
    let served = folder.plan(&["--wsgi", "shop:app"]);
    assert!(matches!(served.entry, Entry::Wsgi(_)));
    let two = format!("{pyproject}sell = \"shop.cli:sell\"\n");
    let folder = Folder::new(&[("src/shop/cli.py", ""), ("pyproject.toml", &two)]);
    insta::assert_snapshot!(folder.error(&[]), @r"
    nothing in `[folder]` says what to pack
    hint: the program `shop.cli:main` is there: `pack init` writes a pack.toml that names it
    ");
}

#[test]
fn pack_toml_hides_the_table_of_pyproject() {
    let folder = Folder::new(&[
        ("app.py", ""),
        ("pack.toml", "[app]\nentry = \"app.py\"\n"),
        ("pyproject.toml", "[tool.pack.app]\nname = \"x\"\n"),
    ]);
    insta::assert_snapshot!(folder.notes(&[]), @"[tool.pack] of pyproject.toml is not used: there is a pack.toml");
}

#[test]
fn settings_above_a_script_count() {
    let folder = Folder::new(&[
        ("pack.toml", "[app]\nname = \"top\"\n"),
        ("src/app/run.py", ""),
    ]);
    let plan = folder.plan(&["src/app/run.py"]);
    assert_eq!(
        (plan.name.as_str(), plan.root.as_path()),
        ("top", folder.path())
    );
    assert_eq!(plan.paths, [folder.path().join("src/app")]);
}

#[test]
fn pyinstaller_command_lines_move_over() {
    let folder = Folder::new(&[
        ("app.py", ""),
        ("assets/a.txt", ""),
        ("lib.so", ""),
        ("hook.py", ""),
    ]);
    let line = [
        "-D",
        "-F",
        "-n",
        "x",
        "-w",
        "--add-data",
        "assets:assets",
        "--add-data=assets/a.txt;.",
        "--add-binary",
        "lib.so:.",
        "--hiddenimport",
        "a.b",
        "--hidden-import=c",
        "--collect-all",
        "numpy",
        "--copy-metadata",
        "click",
        "--collect-submodules",
        "d",
        "--exclude-module",
        "tkinter",
        "-p",
        "/one:/two",
        "--runtime-hook",
        "hook.py",
        "--distpath",
        "out",
        "--runtime-tmpdir",
        "/var/tmp",
        "--optimize",
        "2",
        "app.py",
    ];
    let plan = folder.plan(&line);
    assert_eq!(
        (plan.name.as_str(), plan.mode, plan.windowed),
        ("x", BundleMode::OneFile, true)
    );
    let dests: Vec<_> = plan
        .include
        .data
        .iter()
        .map(|rule| rule.dest.as_str())
        .collect();
    assert_eq!(dests, ["assets", "."]);
    assert_eq!(
        plan.include.binaries[0].source,
        folder.path().join("lib.so")
    );
    assert_eq!(plan.include.modules, ["a.b", "c"]);
    assert_eq!(plan.include.distributions, ["numpy", "click"]);
    assert_eq!(plan.include.submodules, ["d"]);
    assert_eq!(plan.exclude.modules, ["tkinter"]);
    assert_eq!(
        plan.paths,
        [folder.path(), Path::new("/one"), Path::new("/two")]
    );
    assert_eq!(plan.runtime_hooks, [folder.path().join("hook.py")]);
    assert_eq!(plan.dist_dir, folder.path().join("out"));
    assert_eq!(plan.runtime_tmpdir, Some("/var/tmp".into()));
    let plan = folder.plan(&["-F", "-D", "--noconsole", "--console", "app.py"]);
    assert_eq!((plan.mode, plan.windowed), (BundleMode::OneDir, false));
}

#[test]
fn options_without_meaning_say_so() {
    let folder = Folder::new(&[("app.py", "")]);
    let line = [
        "--upx-dir",
        "/x",
        "-s",
        "--splash",
        "a.png",
        "--debug",
        "all",
        "-i",
        "absent.ico",
        "--uac-admin",
        "--threads",
        "2",
        "app.py",
    ];
    insta::assert_snapshot!(folder.notes(&line), @r"
    `--splash` changes nothing: splash screens are not supported yet
    `--debug` changes nothing: use -v to see more of the build
    `--strip` changes nothing: debug symbols are always removed
    `--upx-dir` changes nothing: files are compressed with zstd, never with UPX
    `--icon` and `--uac-admin` change nothing: only programs for Windows have them, and this one is for x86_64-unknown-linux-gnu
    `--threads` changes nothing: the program serves no WSGI application
    ");
    insta::assert_snapshot!(folder.notes(&["PACK_NMAE=x", "app.py"]), @"the variable `PACK_NMAE` is no setting; did you mean `PACK_NAME`?");
}

#[test]
fn wsgi() {
    let folder = Folder::new(&[("src/site/wsgi.py", "")]);
    let line = [
        "--wsgi",
        "site.wsgi:application",
        "--bind",
        "0.0.0.0:80",
        "--bind",
        "[::]:80",
        "--switch-interval",
        "0.001",
    ];
    let plan = folder.plan(&line);
    assert_eq!(plan.name, "site");
    assert_eq!(
        plan.paths,
        [folder.path().to_owned(), folder.path().join("src")]
    );
    let Entry::Wsgi(wsgi) = plan.entry else {
        panic!("{:?}", plan.entry)
    };
    assert_eq!(
        (wsgi.module.as_str(), wsgi.callable.as_str()),
        ("site.wsgi", "application")
    );
    assert_eq!(wsgi.bind, ["0.0.0.0:80", "[::]:80"]);
    assert_eq!(
        (wsgi.threads, wsgi.processes, wsgi.switch_interval),
        (4, 1, Some(payload::SwitchInterval::Fixed(1000)))
    );
    assert!(wsgi.access_log);
    insta::assert_snapshot!(folder.error(&["--wsgi", "site.wsgi"]), @"`--wsgi` is `site.wsgi`, but must be MODULE:CALLABLE, such as `guestbook.wsgi:application` or `app:create_app()`");
    insta::assert_snapshot!(folder.error(&["--wsgi", "a:b", "--bind", "8000"]), @"`--bind` is `8000`, but must be HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000, or unix:PATH");
}

#[test]
fn script_and_wsgi() {
    let toml = "[app]\nentry = \"app.py\"\n[wsgi]\napp = \"app:app\"\n";
    let folder = Folder::new(&[("app.py", ""), ("pack.toml", toml)]);
    assert!(matches!(
        folder.resolve(&[]).unwrap().0.entry,
        Entry::Wsgi(_)
    ));
    insta::assert_snapshot!(folder.notes(&[]), @"[folder]/pack.toml:2:9: `app.entry` is not started: [folder]/pack.toml:4:7: `wsgi.app` is what the program runs");
    assert!(matches!(
        folder.resolve(&["app.py"]).unwrap().0.entry,
        Entry::Script(_)
    ));
    insta::assert_snapshot!(folder.notes(&["app.py"]), @"[folder]/pack.toml:4:7: `wsgi.app` is not served: a script is named");
    insta::assert_snapshot!(folder.notes(&["PACK_WSGI_APP=x:y", "app.py"]), @r"
    `PACK_WSGI_APP` is not served: a script is named
    [folder]/pack.toml:4:7: `wsgi.app` is not served: a script is named
    ");
    insta::assert_snapshot!(folder.error(&["app.py", "--wsgi", "a:b"]), @r"
    both a script (`[folder]/app.py`) and `--wsgi` say what the program runs
    hint: leave one of them out
    ");
}

#[test]
fn what_is_not_there_yet_is_refused() {
    let folder = Folder::new(&[("app.py", "")]);
    let check = |line: &[&str]| folder.error(&[line, &["app.py"]].concat());
    insta::assert_snapshot!(check(&["--target", "aarch64-apple-darwin"]), @r"
    `--target`: packing for `aarch64-apple-darwin` is not supported yet
    hint: leave it out to pack for this system, or name `x86_64-pc-windows-gnu`
    ");
    insta::assert_snapshot!(check(&["--target", "x86_64-pc-windows-gnu"]), @r"
    no Python for Windows is named: those of this system do not run there
    hint: `pack python add VERSION` has uv fetch one, and `--python VERSION` takes it then; or name an embeddable package of python.org (python-3.X.Y-embed-amd64.zip or its folder), the folder of an installation, or that of an unpacked python-build-standalone archive with `--python`
    ");
    insta::assert_snapshot!(check(&["--sbom", "x.json"]), @r"
    `--sbom`: writing an SBOM is not supported yet
    hint: leave it out; `pack inspect FILE --format json` lists what is inside
    ");
}

#[test]
fn static_folders_are_packed() {
    let settings = |rows: &str| format!("[wsgi]\napp = \"a:b\"\n[wsgi.static]\n{rows}\n");
    let check = |rows: &str| {
        let settings = settings(rows);
        Folder::new(&[("pack.toml", settings.as_str()), ("site/static/a.css", "")])
    };
    let folder = check("\"/static\" = \"./site/static/\"");
    let plan = folder.plan(&[]);
    let Entry::Wsgi(wsgi) = &plan.entry else {
        panic!("{:?}", plan.entry)
    };
    assert_eq!(wsgi.statics, [("/static".into(), "site/static".into())]);
    let rule = &plan.include.data[0];
    assert_eq!(rule.source, folder.path().join("site/static"));
    assert_eq!(rule.dest, "site/static");
    insta::assert_snapshot!(check("\"/static\" = \"none\"").error(&[]), @"[folder]/pack.toml:4:13: `wsgi.static./static` names `[folder]/none`, which does not exist");
    insta::assert_snapshot!(check("\"/static\" = \"/etc\"").error(&[]), @"[folder]/pack.toml:4:13: `wsgi.static./static` is `/etc`, but must be a folder below that of the settings, such as `static`");
    insta::assert_snapshot!(check("\"static\" = \"site\"").error(&[]), @"[folder]/pack.toml:4:12: `wsgi.static.static` is for `static`, but must be for a URL prefix, such as `/static`");
    insta::assert_snapshot!(check("\"/a/../b\" = \"site\"").error(&[]), @"[folder]/pack.toml:4:13: `wsgi.static./a/../b` is for `/a/../b`, but must be for a URL prefix, such as `/static`");
}

#[test]
fn wrong_values_are_named() {
    let folder = Folder::new(&[("app.py", ""), ("app.spec", ""), ("app.pyz", "")]);
    let check = |line: &[&str]| folder.error(line);
    insta::assert_snapshot!(check(&["app.py", "--threads", "0"]), @"`--threads` is `0`, but must be a whole number from 1 to 1024");
    insta::assert_snapshot!(check(&["app.py", "--name", "a/b"]), @r"`--name` is `a/b`, but must be a file's name: no `/`, `\`, `:` or control characters, at most 200 bytes");
    insta::assert_snapshot!(check(&["app.py", "--app-id", "a b"]), @"`--app-id` is `a b`, but must be letters, digits, `.`, `_` and `-`, at most 128, such as com.example.guestbook");
    insta::assert_snapshot!(check(&["app.py", "--add-data", "assets:assets"]), @"`--add-data` names `[folder]/assets`, which does not exist");
    insta::assert_snapshot!(check(&["app.py", "--hidden-import", "a/b.py"]), @"`--hidden-import` is `a/b.py`, but must be a dotted module name, such as `package.module`");
    insta::assert_snapshot!(check(&["app.py", "--runtime-tmpdir", "."]), @"`--runtime-tmpdir` is `.`, but must be an absolute path on the machine that the program runs on");
    insta::assert_snapshot!(check(&["ap.py"]), @r"
    there is no script `[folder]/ap.py`
    hint: did you mean `[folder]/app.py`?
    ");
    insta::assert_snapshot!(check(&["app.pyz"]), @r"
    `[folder]/app.pyz` is not a Python script
    hint: it is no zip archive, or a damaged one: `python -m zipfile -t FILE` checks it
    ");
    insta::assert_snapshot!(check(&["app.spec"]), @r"
    `[folder]/app.spec` is not a Python script
    hint: a .spec file is a program for PyInstaller; give its options to `pack build`, or keep them in a pack.toml
    ");
    insta::assert_snapshot!(check(&["app.py", "--python", "/no/python"]), @r"
    `--python` names `/no/python`, which is not there
    hint: name the interpreter or virtual environment of the application with `--python PATH`
    ");
    insta::assert_snapshot!(check(&["app.py", "--unpack", "never"]), @r#"`--unpack` is `never`, but must be "reuse" or "each""#);
    insta::assert_snapshot!(check(&["VIRTUAL_ENV=/no", "app.py"]), @r"
    $VIRTUAL_ENV names `/no`, which is not there
    hint: name the interpreter or virtual environment of the application with `--python PATH`
    ");
}

#[test]
fn nothing_to_pack() {
    let folder = Folder::new(&[]);
    insta::assert_snapshot!(folder.error(&[]), @r"
    nothing in `[folder]` says what to pack
    hint: name a script (`pack build app.py`) or an application (`pack build --wsgi module:app`), or write a pack.toml with `pack init`
    ");
    let folder = Folder::new(&[("app.py", "from flask import Flask\nsite = Flask('x')\n")]);
    insta::assert_snapshot!(folder.error(&[]), @r"
    nothing in `[folder]` says what to pack
    hint: the Flask application `app:site` is there: `pack build --wsgi app:site`, or keep settings in a pack.toml with `pack init`
    ");
    let folder = Folder::new(&[("pack.toml", "[wsgi]\nthreads = 2\n")]);
    insta::assert_snapshot!(folder.error(&[]), @r#"
    nothing in `[folder]` says what to pack
    hint: [wsgi] lacks the application: add `app = "module:callable"` to it in [folder]/pack.toml
    "#);
    let folder = Folder::new(&[("main.py", ""), ("pack.toml", "[app]\nname = \"x\"\n")]);
    insta::assert_snapshot!(folder.error(&[]), @r#"
    nothing in `[folder]` says what to pack
    hint: add `entry = "main.py"` to [app] in [folder]/pack.toml, or whatever else runs
    "#);
    let folder = Folder::new(&[("pyproject.toml", "[tool.pack]\napp = 3\n")]);
    insta::assert_snapshot!(folder.error(&[]), @"[folder]/pyproject.toml:2:7: `tool.pack.app` is 3, but must be a table");
    let folder = Folder::new(&[("shop/__main__.py", "")]);
    assert_eq!(folder.plan(&["shop"]).name, "shop");
}

#[test]
fn paths_are_relative_to_where_they_are_given() {
    let toml = "[app]\nentry = \"app.py\"\n[commands]\nmanage = \"tools/manage.py\"\n[include]\ndata = [\"assets:assets\"]\n\
                [bundle]\ndistpath = \"out\"\nworkpath = \"work\"\n";
    let folder = Folder::new(&[
        ("shop/app.py", ""),
        ("shop/tools/manage.py", ""),
        ("shop/assets/x", ""),
        ("shop/pack.toml", toml),
        ("here/y", ""),
    ]);
    let shop = folder.path().join("shop");
    let plan = folder.plan(&["shop", "--add-data", "here:here"]);
    assert_eq!(plan.root, shop);
    assert_eq!(plan.dist_dir, shop.join("out"));
    assert_eq!(plan.cache_dir, Some(shop.join("work/pack")));
    assert_eq!(
        plan.commands,
        [(
            "manage".to_owned(),
            Entry::Script(shop.join("tools/manage.py"))
        )]
    );
    assert_eq!(plan.paths, [shop.clone(), shop.join("tools")]);
    let sources: Vec<_> = plan
        .include
        .data
        .iter()
        .map(|rule| rule.source.clone())
        .collect();
    assert_eq!(sources, [shop.join("assets"), folder.path().join("here")]);
}

#[test]
fn a_link_after_the_last_climb_is_not_followed() {
    let folder = Folder::new(&[("app.py", ""), ("a/x", ""), ("bin/python3", "")]);
    std::os::unix::fs::symlink("python3", folder.path().join("bin/python")).unwrap();
    let real = folder.path().canonicalize().unwrap();
    let plan = folder.plan(&["app.py", "--python", "a/../bin/python"]);
    assert_eq!(plan.python, real.join("bin/python"));
}

#[test]
fn ways_that_climb_end_where_they_lead() {
    let folder = Folder::new(&[("a/b/app.py", ""), ("assets/x", "")]);
    let real = folder.path().canonicalize().unwrap();
    let plan = folder.plan(&[
        "a/b/../b/app.py",
        "--add-data",
        "a/../assets/*:x",
        "--distpath",
        "a/../new/dist",
    ]);
    assert_eq!(plan.entry, Entry::Script(real.join("a/b/app.py")));
    assert_eq!(plan.include.data[0].source, real.join("assets/*"));
    assert_eq!(plan.dist_dir, real.join("new/dist"));
}
