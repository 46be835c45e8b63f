"""The pages people see."""

from flask import Blueprint, abort, redirect, render_template, request, url_for

from . import assets, store

book = Blueprint("book", __name__)


@book.get("/")
def show():
    """The guestbook with its newest entries."""
    return render_template("guestbook.html", entries=store.latest(), count=store.count(), motto=assets.motto())


@book.post("/sign")
def sign():
    """Adds the entry of a sent form, then shows the book again."""
    name = request.form.get("name", "").strip()
    message = request.form.get("message", "").strip()
    if not name or not message:
        abort(400, "a name and a message, please")
    store.sign(name[:80], message[:2000])
    return redirect(url_for("book.show"), code=303)
