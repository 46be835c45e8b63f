//! The import system, sources and resources, as libraries ask for them.

use crate::harness::{Case, Pack, Program, Projects, Scratch, shared_library, tools};
use serde_json::json;

on_every_python!(both: names, resources, namespaces_without_modules; onefile: specs, lazy_imports, lazy_stubs, sources, distributions);

fn names(case: &Case) {
    let seen = case.probe().run(&["names"]).run().json();
    assert_eq!(
        seen["children"],
        json!([
            "__main__",
            "deep",
            "faulty",
            "runnable",
            "unfinished",
            "unreached"
        ])
    );
    let walked = [
        "shapes.__main__",
        "shapes.deep",
        "shapes.deep.leaf",
        "shapes.faulty",
        "shapes.runnable",
        "shapes.unfinished",
        "shapes.unreached",
    ];
    assert_eq!(seen["walked"], json!(walked));
    assert_eq!(
        seen["stdlib"],
        json!(["decoder", "encoder", "scanner", "tool"])
    );
    assert_eq!(seen["data"], json!("beside the package\n"));
}

fn resources(case: &Case) {
    let seen = case.probe().run(&["resources"]).run().json();
    let expected = json!({
        "beside": "beside the package\n", "files": "beside the package\n", "bundle": "beside the package\n",
        "loader": "beside the package\n", "as_file": "a leaf\n", "listed": ["leaf.txt"],
    });
    assert_eq!(seen, expected);
}

fn specs(case: &Case) {
    let probe = case.probe();
    let bundle = probe.run(&["facts"]).run().json()["meipass"]
        .as_str()
        .unwrap()
        .to_owned();
    let seen = probe.run(&["specs"]).run().json();
    let expected = json!({
        "leaf": format!("{bundle}/shapes/deep/leaf.py"), "parent": "shapes.deep", "is_package": true,
        "absent": true, "absent_child": true, "builtin": "built-in", "extension": true,
    });
    assert_eq!(seen, expected);
}

fn lazy_imports(case: &Case) {
    let seen = case.probe().run(&["lazy"]).run().json();
    let expected = json!({
        "relative": "shapes.deep.leaf", "namespace": "lone.inside", "before": 1, "after": 2,
        "error": "No module named 'shapes.absent' / shapes.absent", "has_file": false,
    });
    assert_eq!(seen, expected);
}

fn sources(case: &Case) {
    let seen = case.probe().run(&["sources"]).run().json();
    let starts = |name: &str, text: &str| {
        assert!(
            seen[name].as_str().unwrap().starts_with(text),
            "{name}: {}",
            seen[name]
        );
    };
    starts("main", "def main():\n    \"\"\"Runs the named action");
    assert_eq!(
        seen["own"],
        json!("def speak():\n    return \"leaf\"  # the line `inspect` shows\n")
    );
    starts("stdlib", "def dedent(text):");
    starts("package", "r\"\"\"JSON");
    starts("line", "\"\"\"Text wrapping and filling.");
    starts("loader", "\"\"\"A module two levels down.\"\"\"");
    assert_eq!(
        (&seen["is_package"], &seen["code"]),
        (&json!(true), &json!("<module>"))
    );
}

/// No distribution is in a program that imports none; Flask brings those it requires, with their metadata and plug-ins.
fn distributions(case: &Case) {
    let seen = case.probe().run(&["metadata"]).run().json();
    assert_eq!(seen["distributions"], json!([]));

    let scratch = Scratch::new();
    let script = scratch.write("script.py", DISTRIBUTIONS);
    let program: Program = Pack::script(&script, &[], *case);
    let seen = program.run(&[]).run().json();
    let required = [
        "blinker",
        "click",
        "flask",
        "itsdangerous",
        "jinja2",
        "markupsafe",
        "werkzeug",
    ];
    for name in required {
        assert!(
            seen["names"].as_array().unwrap().contains(&json!(name)),
            "{name} is not in {seen}"
        );
    }
    assert!(
        !seen["names"].as_array().unwrap().contains(&json!("pip")),
        "{seen}"
    );
    assert_eq!(
        (&seen["version"], &seen["imported"]),
        (&json!("3"), &json!("Flask"))
    );
    assert_eq!(seen["entry_point"], json!("flask.cli:main"));
    assert_eq!(seen["compiled"], json!(true));
}

const DISTRIBUTIONS: &str = r#"
import importlib.metadata as metadata
import json

import flask
import markupsafe._speedups

points = metadata.distribution("flask").entry_points
print(json.dumps({
    "names": sorted(d.metadata["Name"].lower() for d in metadata.distributions()),
    "version": metadata.version("flask").split(".")[0],
    "imported": flask.Flask.__name__,
    "entry_point": [point.value for point in points if point.name == "flask"][0],
    "compiled": markupsafe._speedups.__file__.endswith(".so"),
}))
"#;

/// A package that puts its vendored copies first on the path, and what lies at the top under the same name: the modules of
/// a package come from where the package came from, unless it extends its path.
#[test]
fn modules_of_a_package_lie_in_its_path() {
    let scratch = Scratch::new();
    scratch.write(
        "other/__init__.py",
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '_vendored'))\n",
    );
    scratch.write("other/_vendored/tool/__init__.py", "from .mod import X\n");
    scratch.write("other/_vendored/tool/mod.py", "X = 'vendored'\n");
    scratch.write("tool/__init__.py", "from .mod import X\n");
    scratch.write("tool/mod.py", "X = 'at the top'\n");
    scratch.write("tool/only.py", "");
    scratch.write(
        "wide/__init__.py",
        "import os\n__path__ = [os.path.dirname(__path__[0]) + '/further']\n",
    );
    scratch.write("further/far.py", "print('far')\n");
    let script = scratch.write(
        "app.py",
        "import other, tool, wide\nprint(tool.X)\ntry:\n    import tool.only\nexcept ImportError:\n    print('none')\n\
         import further.far, wide.far\n",
    );
    let program = Pack::script(
        &script,
        &["--add-data", "other/_vendored:other/_vendored"],
        Case::any(),
    );
    program
        .run(&[])
        .run()
        .success()
        .stdout_is("vendored\nnone\nfar\nfar\n");
}

/// `ctypes` finds a library of the bundle by its bare name, and before one of the system's; others are found as ever.
#[test]
fn libraries_by_name() {
    let Some([compiler]) = tools(["gcc"]) else {
        return;
    };
    let scratch = Scratch::new();
    let source = scratch.write("own.c", "int own(void) { return 42; }\n");
    let library = scratch.join("libown.so");
    shared_library(&compiler, &source, &library);
    let script = scratch.write("app.py", LIBRARIES);
    let program = Pack::script(&script, &["--add-binary", "libown.so:."], Case::any());
    program
        .run(&[])
        .run()
        .success()
        .stdout_is("42\n42\n42\n42\nlibabsent.so\nTrue\n");
}

const LIBRARIES: &str = r#"
import ctypes, ctypes.util

print(ctypes.CDLL("libown.so").own())
print(ctypes.PyDLL(name="libown.so", mode=ctypes.RTLD_GLOBAL).own())
print(ctypes.cdll.LoadLibrary("libown.so").own())
print(ctypes.CDLL(ctypes.util.find_library("own")).own())
try:
    ctypes.CDLL("libabsent.so")
except OSError as error:
    print(error.args[0].partition(":")[0])
print(ctypes.CDLL("libc.so.6").getpid() == ctypes.CDLL(None).getpid())
"#;

/// Without a `distutils` of Python's own (3.12 and later), setuptools answers for that name as it does in an environment.
#[test]
fn distutils_of_setuptools() {
    let scratch = Scratch::new();
    let script = scratch.write(
        "app.py",
        "from distutils.version import LooseVersion\nimport distutils\n\
         print(LooseVersion.__module__, distutils.__name__, '_distutils' in distutils.__file__)\n",
    );
    let dist = scratch.join("dist");
    let build = Projects::get().build().arg(&script).arg("--distpath");
    build.arg(&dist).cwd(scratch.path()).run().success();
    Program::at(&dist, Case::any())
        .run(&[])
        .run()
        .success()
        .stdout_is("distutils.version distutils True\n");
}

/// What programs ask of PyInstaller's splash screen changes nothing.
#[test]
fn no_splash_screen() {
    let scratch = Scratch::new();
    let script = scratch.write(
        "app.py",
        "import pyi_splash\npyi_splash.update_text('ready')\npyi_splash.close()\n\
         print(pyi_splash.is_alive(), pyi_splash._initialized)\n",
    );
    let outcome = Pack::build_script(&script, &["--dry-run"], Case::any()).run();
    outcome.success();
    assert!(!outcome.stderr_text().contains("pyi_splash"));
    let program = Pack::script(&script, &["--splash", "none.png"], Case::any());
    program.run(&[]).run().success().stdout_is("False False\n");
}

/// Folders without any module are packages, too; of what lies in them only what somebody names goes in.
fn namespaces_without_modules(case: &Case) {
    let scratch = Scratch::new();
    scratch.write("plain/texts/a.txt", "");
    scratch.write("plain/named/b.txt", "b");
    let script = scratch.write("app.py", NAMESPACES);
    let options = ["--add-data", "plain/named/b.txt:plain/named"];
    let program = Pack::script(&script, &options, *case);
    let expected = "plain texts named\nb True\n";
    program.run(&[]).run().success().stdout_is(expected);
}

const NAMESPACES: &str = r#"
import os, sys
import plain, plain.texts, plain.named
from importlib.resources import files

print(*[os.path.basename(list(package.__path__)[0]) for package in (plain, plain.texts, plain.named)])
if sys.version_info < (3, 10):
    # Its `files` knows no namespace packages.
    print("b True")
else:
    print((files("plain") / "named" / "b.txt").read_text(), files(plain.texts).is_dir())
"#;

/// What `lazy_loader` does, in short: modules and names of a package stand in a stub that is read at run time.
fn lazy_stubs(case: &Case) {
    let scratch = Scratch::new();
    scratch.write(
        "lazy.py",
        "import ast, importlib, os\ndef attach_stub(package, file):\n    stub = file[:-3] + '.pyi'\n\
         \x20   assert os.path.exists(stub)\n    owners = {}\n\
         \x20   for node in ast.parse(open(stub).read()).body:\n\
         \x20       owners.update((name.name, node.module) for name in node.names)\n\
         \x20   def get(name):\n\
         \x20       return getattr(importlib.import_module(package + '.' + owners[name]), name)\n    return get\n",
    );
    scratch.write(
        "shapes/__init__.py",
        "import lazy\n__getattr__ = lazy.attach_stub(__name__, __file__)\n",
    );
    scratch.write("shapes/__init__.pyi", "from .circle import area\n");
    scratch.write(
        "shapes/circle.py",
        "def area(radius):\n    return 3 * radius\n",
    );
    let script = scratch.write("app.py", "import shapes\nprint(shapes.area(2))\n");
    let program = Pack::script(&script, &[], *case);
    program.run(&[]).run().success().stdout_is("6\n");
}
