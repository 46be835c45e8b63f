"""Responses to be compressed: what, how and with which fields the query says."""

import io
import random
from urllib.parse import parse_qsl

WORDS = random.Random(7)
TEXT = " ".join(WORDS.choice("spam ham eggs bacon lobster".split()) for _ in range(60000)).encode()


def application(environ, start_response):
    asked = dict(parse_qsl(environ["QUERY_STRING"]))
    fields = [("Content-Type", asked.pop("type", "text/plain"))]
    size, kind = int(asked.pop("size", 5000)), asked.pop("kind", "list")
    status, noise = asked.pop("status", "200 OK"), asked.pop("noise", None)
    body = random.Random(size).getrandbits(8 * size).to_bytes(size, "big") if noise else TEXT[:size]
    if asked.pop("length", None):
        fields.append(("Content-Length", asked.pop("says", str(size))))
    write = start_response(status, fields + list(asked.items()))
    if kind == "list":
        return [body]
    if kind == "pieces":
        return [body[at:at + 4000] for at in range(0, size, 4000)]
    if kind == "generator":
        return (body[at:at + 1000] for at in range(0, size, 1000))
    if kind == "write":
        write(body[:100])
        return [body[100:]]
    if kind == "file":
        return environ["wsgi.file_wrapper"](io.BytesIO(body))
    if kind == "disk":
        file = open(__file__, "rb")
        return environ["wsgi.file_wrapper"](file)
    if kind == "raises":
        return raises(body)
    if kind == "slow":
        return slow(environ)
    raise ValueError(kind)


def raises(body):
    yield body
    raise ValueError("in mid-body")


def slow(environ):
    """The next piece comes when the last was answered."""
    while True:
        line = environ["wsgi.input"].readline()
        if not line:
            return
        yield b"you said: " + line
