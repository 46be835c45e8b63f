"""A Flask application that shows what the server does with requests."""

import os
import sys
import time

from flask import Flask, Response, request, send_file

app = Flask(__name__, static_folder=None)

BLOCK = bytes(range(256)) * 256


@app.get("/")
def hello():
    return f"hello from {os.getpid()}"


@app.post("/echo")
def echo():
    return request.get_data()


@app.get("/large")
def large():
    return Response((BLOCK for _ in range(int(request.args["blocks"]))), mimetype="application/octet-stream")


@app.get("/slow")
def slow():
    print("a slow request has begun", flush=True)
    time.sleep(float(request.args["seconds"]))
    return "done"


@app.get("/source")
def source():
    return send_file(__file__, mimetype="text/x-python")


@app.get("/environ")
def environ():
    names = ["SERVER_PROTOCOL", "REMOTE_ADDR", "wsgi.url_scheme", "wsgi.multithread", "wsgi.multiprocess"]
    lines = [f"{name} {request.environ[name]}" for name in names]
    return "\n".join([*lines, f"argv {sys.argv[1:2]}", f"frozen {sys.frozen}"])


@app.get("/die")
def die():
    os._exit(3)
