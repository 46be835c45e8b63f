#![allow(clippy::unwrap_used)]
use super::*;

/// What is found in a folder called `shop` with these files.
fn check(files: &[(&str, &str)], expect: Option<(Kind, &str, &str)>) -> Option<Found> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    fs_err::create_dir(&root).unwrap();
    for (name, text) in files {
        fs_err::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs_err::write(root.join(name), text).unwrap();
    }
    let found = look(&root);
    let seen = found
        .as_ref()
        .map(|found| (found.kind, found.entry.as_str(), found.with));
    assert_eq!(seen, expect, "{files:?}");
    found
}

/// Folders of data and their places, in one line each.
fn data(found: Option<Found>) -> Vec<String> {
    let rules = found.unwrap().data.into_iter();
    rules
        .map(|(folder, place)| format!("{folder}:{place}"))
        .collect()
}

const FLASK: &str =
    "from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n";

#[test]
fn finds_flask() {
    let found = check(
        &[
            ("app.py", FLASK),
            ("templates/a.html", ""),
            ("static/a.css", ""),
            ("zoo/x.py", ""),
        ],
        Some((Kind::Wsgi, "app:app", "Flask")),
    );
    assert_eq!(data(found), ["static:static", "templates:templates"]);
    let found = check(
        &[("src/shop/web.py", FLASK), ("src/shop/static/a.css", "")],
        Some((Kind::Wsgi, "shop.web:app", "Flask")),
    );
    assert_eq!(data(found), ["src/shop/static:shop/static"]);
    check(
        &[
            ("tests/app.py", FLASK),
            ("venv/pyvenv.cfg", ""),
            ("venv/app.py", FLASK),
        ],
        None,
    );
}

#[test]
fn finds_factories() {
    let factory =
        "from flask import Flask\ndef create_app(config=None):\n    return Flask(__name__)\n";
    let found = check(
        &[
            ("shop/__init__.py", factory),
            ("shop/templates/a.html", ""),
            ("run.py", "import shop\n"),
        ],
        Some((Kind::Wsgi, "shop:create_app()", "Flask")),
    );
    assert_eq!(data(found), ["shop/templates:shop/templates"]);
    let called = "from shop import create_app\napp = create_app()\n";
    check(
        &[("shop/__init__.py", factory), ("wsgi.py", called)],
        Some((Kind::Wsgi, "wsgi:app", "WSGI")),
    );
}

#[test]
fn finds_django() {
    let wsgi =
        "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n";
    let manage = "if __name__ == '__main__':\n    pass\n";
    let found = check(
        &[
            ("manage.py", manage),
            ("site/wsgi.py", wsgi),
            ("site/__init__.py", ""),
            ("polls/__init__.py", ""),
            ("site/settings.py", "DEBUG = False\n"),
        ],
        Some((Kind::Wsgi, "site.wsgi:application", "Django")),
    );
    let found = found.unwrap();
    assert_eq!(found.commands, [("manage".into(), "manage.py".into())]);
    assert_eq!(found.packages, ["polls", "site"]);
}

#[test]
fn finds_windows() {
    for (import, with) in [
        ("from PyQt6.QtWidgets import QApplication", "PyQt6"),
        ("from PyQt5 import QtWidgets", "PyQt5"),
        ("import PySide6.QtCore", "PySide6"),
        ("import tkinter as tk", "Tkinter"),
    ] {
        check(
            &[("window.py", import), ("helper.py", "")],
            Some((Kind::Gui, "window.py", with)),
        );
    }
    check(
        &[
            ("main.py", "import ui\n"),
            ("ui/__init__.py", "import tkinter"),
        ],
        Some((Kind::Script, "main.py", "")),
    );
}

#[test]
fn finds_scripts() {
    check(
        &[("helper.py", ""), ("main.py", "")],
        Some((Kind::Script, "main.py", "")),
    );
    check(
        &[("setup.py", ""), ("tool.py", "")],
        Some((Kind::Script, "tool.py", "")),
    );
    check(
        &[("shop/__main__.py", ""), ("shop/__init__.py", "")],
        Some((Kind::Script, "shop", "")),
    );
    check(
        &[("tools/__main__.py", "")],
        Some((Kind::Script, "tools/__main__.py", "")),
    );
    let found = check(
        &[
            ("tools/run.py", "if __name__ == '__main__':\n    pass\n"),
            ("tools/data/a.txt", ""),
        ],
        Some((Kind::Script, "tools/run.py", "")),
    );
    assert_eq!(data(found), ["tools/data:data"]);
    check(&[("README.md", "")], None);
    check(&[("broken.py", "print 'two'")], None);
}

#[test]
fn what_is_part_of_a_package_runs_as_that() {
    let main = "from . import a\nif __name__ == '__main__':\n    a.run()\n";
    let found = check(
        &[
            ("src/shop/__init__.py", ""),
            ("src/shop/__main__.py", main),
            ("src/shop/data/x.txt", ""),
        ],
        Some((Kind::Script, "shop", "")),
    );
    assert_eq!(data(found), ["src/shop/data:shop/data"]);
    check(
        &[("shop/__init__.py", ""), ("shop/tool.py", main)],
        Some((Kind::Script, "shop.tool", "")),
    );
    check(
        &[("src/__init__.py", ""), ("src/tool.py", main)],
        Some((Kind::Script, "src.tool", "")),
    );
}

#[test]
fn finds_declared_programs() {
    let files = |scripts| {
        [
            ("pyproject.toml", scripts),
            ("src/shop/__init__.py", ""),
            ("src/shop/__main__.py", ""),
            ("src/shop/web.py", FLASK),
            ("src/shop/data/x.txt", ""),
        ]
    };
    let one =
        "[project]\nname = \"the-shop\"\n[project.scripts]\nsell = \"shop.cli : main [fast]\"\n";
    let found = check(&files(one), Some((Kind::Script, "shop.cli:main", ""))).unwrap();
    assert_eq!((found.name.as_str(), found.commands.len()), ("sell", 0));

    let several = "[project]\nname = \"The_Shop\"\n[project.scripts]\nsell = \"shop.cli:main\"\nthe-shop = \"shop.web:run\"\n\
                   [project.gui-scripts]\nwindow = \"shop.gui:main\"\n";
    let found = check(&files(several), Some((Kind::Script, "shop.web:run", "")));
    let commands = [("sell", "shop.cli:main"), ("window", "shop.gui:main")];
    let commands = commands.map(|(word, runs)| (word.to_owned(), runs.to_owned()));
    assert_eq!(found.as_ref().unwrap().commands, commands);
    assert_eq!(found.as_ref().unwrap().name, "the-shop");
    assert_eq!(data(found), ["src/shop/data:shop/data"]);

    let window =
        "[project]\nname = \"other\"\n[project.gui-scripts]\na = \"shop:a\"\nb = \"shop:b\"\n";
    let found = check(&files(window), Some((Kind::Gui, "shop:a", "")));
    assert_eq!(found.unwrap().name, "other");
    check(
        &files("[project]\nname = \"none\"\n"),
        Some((Kind::Wsgi, "shop.web:app", "Flask")),
    );
}
