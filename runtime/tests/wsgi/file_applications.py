"""Answers with files that are on disk. See `files.py`."""

import io
import os
from urllib.parse import parse_qs

from applications import EVENTS

FOLDER = os.environ["TEST_FOLDER"]


class Loud(io.FileIO):
    def read(self, size=-1):
        return super().read(size).upper()


def application(environ, start_response):
    asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    if environ["PATH_INFO"] == "/hello":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]
    path = os.path.join(FOLDER, asked["name"])
    kind = asked.get("kind", "buffered")
    file = {"buffered": open, "raw": io.FileIO, "loud": Loud}[kind](path, "rb") if kind != "own" else open(path, "rb")
    if kind == "own":
        read = file.read
        file.read = lambda size: read(size).upper()
    # What was read into the buffer counts as read.
    file.read(int(asked.get("skip", 0)))
    fields = [("Content-Type", "text/plain")]
    if "length" in asked:
        fields.append(("Content-Length", asked["length"]))
    start_response(asked.get("status", "200 OK"), fields)
    result = environ["wsgi.file_wrapper"](file)
    if "unlink" in asked:
        os.unlink(path)
    EVENTS.append("answered")
    return result
