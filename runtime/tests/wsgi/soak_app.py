"""What a server holds up: soak.py asks, each answer names the process that gave it."""

import os
import time


def application(environ, start_response):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    headers = [("Content-Type", "application/octet-stream"), ("X-Process", str(os.getpid()))]
    if path == "/echo":
        pieces = iter(lambda: environ["wsgi.input"].read(50000), b"")
        body = b"".join(pieces)
        start_response("200 OK", headers + [("Content-Length", str(len(body)))])
        return [body]
    if path == "/stream":
        start_response("200 OK", headers)
        return (bytes([number % 256]) * 16384 for number in range(int(query)))
    if path == "/slow":
        time.sleep(float(query))
    if path == "/raises":
        raise LookupError("on purpose")
    if path == "/work":
        sum(number * number for number in range(int(query)))
    start_response("200 OK", headers + [("Content-Length", "3")])
    return [b"ok\n"]
