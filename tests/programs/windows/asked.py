"""Uses what requirements ask for: a web framework with an extension module, and what is for Windows alone."""

import importlib.metadata
import sys

import flask
import markupsafe._speedups

app = flask.Flask(__name__)


@app.get("/<name>")
def greet(name):
    return flask.render_template_string("<b>{{ name }}</b>", name=name)


def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


print(app.test_client().get("/<&>").text)
print(markupsafe._speedups.__file__.replace("\\", "/").rpartition("/")[2].rpartition(".")[2])
print(sys.platform, version("flask"), version("colorama"), version("uvloop"))
