"""Answers each request with what arrived of it."""

import json


def record(environ, start_response):
    body = environ["wsgi.input"].read()
    arrived = {
        "method": environ["REQUEST_METHOD"],
        "uri": environ["REQUEST_URI"],
        "protocol": environ["SERVER_PROTOCOL"],
        "body": body.decode("latin-1"),
        "variables": {name: value for name, value in environ.items() if isinstance(value, str)},
    }
    answer = json.dumps(arrived).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
