"""A guestbook: visitors sign it, and what they wrote stays."""

from flask import Flask, render_template

from . import checks, pages, store

MAX_UPLOAD = 32 * 1024 * 1024


def create_app():
    """The WSGI application, with its database made ready."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD
    store.prepare(app)
    app.register_blueprint(pages.book)
    app.register_blueprint(checks.checks)
    app.register_error_handler(404, page_not_found)
    return app


def page_not_found(_error):
    """The page for an address that leads nowhere."""
    return render_template("404.html"), 404
