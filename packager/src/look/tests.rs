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
    assert_eq!(found.unwrap().data, ["static", "templates"]);
    check(
        &[("src/shop/web.py", FLASK)],
        Some((Kind::Wsgi, "shop.web:app", "Flask")),
    );
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
    assert_eq!(found.unwrap().data, ["shop/templates"]);
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
    assert_eq!(found.manage.as_deref(), Some("manage.py"));
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
        Some((Kind::Script, "shop/__main__.py", "")),
    );
    check(&[("README.md", "")], None);
    check(&[("broken.py", "print 'two'")], None);
}
