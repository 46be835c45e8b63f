"""What a server is tried with before it is trusted: a large upload, a large download, a slow answer, a failing one."""

import hashlib
import time

from flask import Blueprint, Response, abort, current_app, jsonify, request

checks = Blueprint("checks", __name__, url_prefix="/check")

MEBIBYTE = 1024 * 1024


@checks.post("/upload")
def upload():
    """Reads the body piece by piece; answers with its length and SHA-256."""
    digest = hashlib.sha256()
    length = 0
    while True:
        piece = request.stream.read(64 * 1024)
        if not piece:
            break
        digest.update(piece)
        length += len(piece)
    return jsonify(bytes=length, sha256=digest.hexdigest())


@checks.get("/download/<int:mebibytes>")
def download(mebibytes):
    """A body of so many MiB, made while it is sent; the n-th MiB repeats the byte n % 251."""
    if mebibytes > 1024:
        abort(400, "at most 1024 MiB")
    pieces = (bytes([number % 251]) * MEBIBYTE for number in range(mebibytes))
    return Response(pieces, mimetype="application/octet-stream")


@checks.get("/slow/<float:seconds>")
def slow(seconds):
    """An answer that takes a while."""
    current_app.logger.warning("slow request started")
    time.sleep(min(seconds, 30))
    return Response("done\n", mimetype="text/plain")


@checks.get("/error")
def error():
    """An answer that fails: the server says 500, the log has the traceback."""
    return jsonify(ratio=ratio(1, 0))


def ratio(part, whole):
    """A function for the traceback to name."""
    return part / whole
