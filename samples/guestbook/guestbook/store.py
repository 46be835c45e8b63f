"""The entries, in a SQLite database that belongs to the user and outlives every version of the program."""

import datetime
import os
import sqlite3
from pathlib import Path

from flask import current_app, g

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    signed_at TEXT NOT NULL
)
"""


def data_directory():
    """GUESTBOOK_DATA, else `guestbook` in the user's data directory. Never beside the program: that may be read-only."""
    chosen = os.environ.get("GUESTBOOK_DATA")
    if chosen:
        return Path(chosen)
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "guestbook"


def prepare(app):
    """Makes the database when there is none and has its connections closed with their requests."""
    folder = data_directory()
    folder.mkdir(parents=True, exist_ok=True)
    app.config["DATABASE"] = str(folder / "guestbook.sqlite3")
    app.teardown_appcontext(close)
    with connect(app.config["DATABASE"]) as database:
        database.execute(SCHEMA)
    database.close()


def connect(path):
    """A connection that waits for another writer instead of failing."""
    database = sqlite3.connect(path, timeout=10)
    database.execute("PRAGMA journal_mode = WAL")
    database.row_factory = sqlite3.Row
    return database


def opened():
    """This request's connection."""
    if "database" not in g:
        g.database = connect(current_app.config["DATABASE"])
    return g.database


def close(_error=None):
    """Closes this request's connection, if it opened one."""
    database = g.pop("database", None)
    if database is not None:
        database.close()


def sign(name, message):
    """Adds an entry."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    with opened() as database:
        database.execute("INSERT INTO entries (name, message, signed_at) VALUES (?, ?, ?)", (name, message, now))


def latest(limit=20):
    """The newest entries, the newest first."""
    return opened().execute("SELECT * FROM entries ORDER BY id DESC LIMIT ?", (limit,)).fetchall()


def count():
    """How many entries there are."""
    return opened().execute("SELECT COUNT(*) FROM entries").fetchone()[0]
