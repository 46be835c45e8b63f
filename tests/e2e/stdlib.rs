//! The standard library in a bundle: what stays behind, and what a program is told that wants it nevertheless.

use crate::harness::{Case, Pack, Scratch, tool};

on_every_python!(onefile: a_part_that_nothing_names, a_part_that_is_named, parts_are_named_by_those_in_front_of_them);

/// A name that no look at the program can find.
const HIDDEN: &str = "import builtins\nname = 'sql' + 'ite3'\nload = getattr(builtins, '__im' + 'port__')\n\
    try:\n    print(load(name).connect(':memory:').execute('select 6 * 7').fetchone()[0])\n\
    except ImportError as error:\n    print(type(error).__name__, error.name, error)\n";

fn a_part_that_nothing_names(case: &Case) {
    let scratch = Scratch::new();
    let script = scratch.write("app.py", HIDDEN);
    let program = Pack::script(&script, &[], *case);
    program.run(&[]).run().success().stdout_is(
        "ModuleNotFoundError _sqlite3 No module named '_sqlite3': nothing in this program names `sqlite3` when it is built; \
         `pack build --hidden-import sqlite3` puts it in\n",
    );
    let why = Pack::run(&["inspect", "--why", "_sqlite3"])
        .arg(&program.path)
        .run();
    why.success();
    assert!(why.stdout_text().contains("`--stdlib whole` takes all"));
    for options in [["--hidden-import", "sqlite3"], ["--stdlib", "whole"]] {
        let program = Pack::script(&script, &options, *case);
        program.run(&[]).run().success().stdout_is("42\n");
    }
}

fn a_part_that_is_named(case: &Case) {
    let scratch = Scratch::new();
    let script = scratch.write(
        "app.py",
        "import sys, curses, shelve, tempfile\nprint(len(curses.version) > 0)\n\
         with tempfile.TemporaryDirectory() as folder:\n    with shelve.open(folder + '/s') as s:\n        s['a'] = [1]\n\
         \x20   print(shelve.open(folder + '/s')['a'])\n",
    );
    let program = Pack::script(&script, &[], *case);
    program.run(&[]).run().success().stdout_is("True\n[1]\n");
}

/// What the packager knows of who imports the parts holds for this interpreter's own sources.
fn parts_are_named_by_those_in_front_of_them(case: &Case) {
    let code = "import ast, os, pathlib\n\
        root = pathlib.Path(os.__file__).parent\n\
        parts = {'_sqlite3', '_curses', '_curses_panel', 'sqlite3', 'curses', 'dbm'}\n\
        known = {'sqlite3', 'dbm', 'shelve', 'curses', '_pyrepl', 'site'}\n\
        others = {'site-packages', 'test', 'tests', 'idlelib', 'lib2to3'}\n\
        for path in root.rglob('*.py'):\n\
        \x20   place = path.relative_to(root)\n\
        \x20   if others & set(place.parts) or place.parts[0].removesuffix('.py') in known:\n\
        \x20       continue\n\
        \x20   for node in ast.walk(ast.parse(path.read_bytes())):\n\
        \x20       names = [name.name for name in node.names] if isinstance(node, ast.Import) else []\n\
        \x20       names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []\n\
        \x20       assert not parts & {name.partition('.')[0] for name in names}, (place, names)\n";
    tool(&case.python.base, ["-W", "ignore", "-c", code]);
}
