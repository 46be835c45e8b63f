# /// script
# dependencies = ["flask"]
# [tool.libraries]
# environment = "core"
# ///
import threading
import urllib.request

import flask
from werkzeug.serving import make_server

app = flask.Flask(__name__)
app.secret_key = "x"


@app.get("/<name>")
def hello(name):
    flask.session["name"] = name
    return flask.render_template_string("Hello {{ name }}", name=name)


server = make_server("127.0.0.1", 0, app)
threading.Thread(target=server.serve_forever, daemon=True).start()
answer = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/<pack>", timeout=10)
assert answer.read() == b"Hello &lt;pack&gt;"
assert "session=" in answer.headers["Set-Cookie"]
server.shutdown()
from flask.cli import routes_command
assert "hello" in app.test_cli_runner().invoke(routes_command).output
