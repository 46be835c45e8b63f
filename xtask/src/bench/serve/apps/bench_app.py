"""The applications that `cargo xtask bench serve` loads its servers with; BENCH_APP names one."""

import math
import os
import sys
import threading
import time

TEXT = [("Content-Type", "text/plain"), ("Content-Length", "6")]
LARGE = b"x" * (1 << 20)
ANSWER = b"y" * 1024
WORK = 0.003
SLEEP = 0.001
REPORT = os.environ.get("BENCH_REPORT")
if os.environ.get("BENCH_SWITCH_INTERVAL"):
    sys.setswitchinterval(float(os.environ["BENCH_SWITCH_INTERVAL"]))


def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"hello\n"]


def echo(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def large(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(LARGE)))])
    return [LARGE]


def work(iterations):
    """Pure Python: small integers, a list, a dictionary."""
    total, seen, last = 0, {}, []
    for number in range(iterations):
        total = (total * 31 + number) & 0xFFFF
        seen[total & 63] = number
        if number & 15 == 0:
            last.append(total)
            del last[:-8]
    return total


def calibrate():
    """Iterations of `work` that take WORK seconds when nothing disturbs."""
    best = 0
    for _ in range(30):
        begin = time.perf_counter()
        work(5000)
        best = max(best, 5000 / (time.perf_counter() - begin))
    return int(best * WORK)


def work_for(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        work(20)


class Overrun:
    """How much longer than asked the application's own sleep took: the wait for the GIL, seen without the server's help.

    Counts by powers of 2 in eighths, written to a file of this process now and then. A thread that loses a count to
    another one costs nothing here.
    """

    def __init__(self):
        self.counts, self.since = {}, 0

    def add(self, seconds):
        step = int(math.log2(max(seconds * 1e6, 1)) * 8)
        self.counts[step] = self.counts.get(step, 0) + 1
        self.since += 1
        if REPORT and self.since >= 50:
            self.since = 0
            name = "%s/%d-%d" % (REPORT, os.getpid(), threading.get_ident())
            with open(name + ".new", "w") as file:
                file.write(" ".join("%d:%d" % pair for pair in list(self.counts.items())))
            os.replace(name + ".new", name)


LOCAL = threading.local()


def finish(environ, start_response):
    begin = time.perf_counter()
    time.sleep(SLEEP)
    overrun = getattr(LOCAL, "overrun", None)
    if overrun is None:
        overrun = LOCAL.overrun = Overrun()
    overrun.add(time.perf_counter() - begin - SLEEP)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1024")])
    return [ANSWER]


def fixed(environ, start_response):
    work(ITERATIONS)
    return finish(environ, start_response)


def busy(environ, start_response):
    work_for(WORK)
    return finish(environ, start_response)


def with_flask():
    import flask
    app = flask.Flask(__name__)

    @app.get("/")
    def index():
        return "hello\n"

    return app


def with_django():
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of a benchmark",
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    )
    globals()["urlpatterns"] = [path("", lambda request: HttpResponse("hello\n"))]
    return get_wsgi_application()


def with_mod_wsgi_metrics(app):
    """mod_wsgi tells about the GIL from inside: what it measured since the last question, at /metrics."""
    import json

    import mod_wsgi
    mod_wsgi.start_recording_metrics()

    def asked(environ, start_response):
        if environ["PATH_INFO"] != "/metrics":
            return app(environ, start_response)
        body = json.dumps(mod_wsgi.request_metrics()["gil_wait_time_buckets"]).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return asked


ITERATIONS = int(os.environ.get("BENCH_ITERATIONS", "0"))
NAME = os.environ.get("BENCH_APP", "hello")
application = {"flask": with_flask, "django": with_django}.get(NAME, lambda: globals()[NAME])()
if os.environ.get("BENCH_MOD_WSGI"):
    application = with_mod_wsgi_metrics(application)
