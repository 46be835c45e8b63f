"""Applications that take their time. See `timeouts.py`."""

import os
import threading
import time

from pack_runtime import RequestTimeout

TEXT = [("Content-Type", "text/plain")]


def answer(start_response, text, status="200 OK"):
    start_response(status, TEXT)
    return [text.encode()]


def hello(seconds, start_response):
    return answer(start_response, "hello")


def blocks(seconds, start_response):
    """In C code, where no exception reaches it."""
    time.sleep(seconds)
    return answer(start_response, "too late")


def loops(seconds, start_response):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return answer(start_response, "looped")


def streams(seconds, start_response):
    start_response("200 OK", TEXT)
    yield b"first"
    time.sleep(seconds)
    yield b"second"


def catches(seconds, start_response):
    try:
        return loops(seconds, start_response)
    except RequestTimeout:
        return answer(start_response, "gave up", "503 Service Unavailable")


def swallows(seconds, start_response):
    """As frameworks do with an error of a view."""
    try:
        return loops(seconds, start_response)
    except Exception:
        return answer(start_response, "an error", "500 Internal Server Error")


def process(seconds, start_response):
    return answer(start_response, "%d %s" % (os.getpid(), threading.current_thread().name))


def application(environ, start_response):
    handler = globals()[environ["PATH_INFO"].lstrip("/")]
    return handler(float(environ.get("QUERY_STRING") or 0), start_response)
