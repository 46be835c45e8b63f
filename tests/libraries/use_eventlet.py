# /// script
# dependencies = ["eventlet"]
# [tool.libraries]
# environment = "web"
# ///
import eventlet

eventlet.monkey_patch()
import socket

from eventlet import wsgi


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"pack"]


listener = eventlet.listen(("127.0.0.1", 0))
port = listener.getsockname()[1]
eventlet.spawn(wsgi.server, listener, app, log_output=False)
import urllib.request
assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read() == b"pack"
assert list(eventlet.GreenPool().imap(lambda n: n * n, range(3))) == [0, 1, 4]
from eventlet.green import subprocess
assert subprocess.check_output(["echo", "a"]) == b"a\n"
