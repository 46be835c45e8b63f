"""An application that tells in which interpreter and thread it runs, and whether the others can run beside it."""

import atexit
import json
import os
import sys
import threading
import time
from urllib.parse import parse_qs

if sys.version_info >= (3, 13):
    import _interpreters

    INTERPRETER = _interpreters.get_current()[0]
elif sys.version_info >= (3, 12):
    import _xxsubinterpreters

    INTERPRETER = int(_xxsubinterpreters.get_current())
else:
    INTERPRETER = 0

if os.environ.get("MODES_FAIL_IN") == str(INTERPRETER):
    raise RuntimeError("this interpreter does not want to")

REQUESTS = 0
LOCK = threading.Lock()
LOG = os.environ.get("MODES_LOG")


def note(text):
    if LOG:
        with open(LOG, "a") as file:
            file.write(f"{INTERPRETER} {text}\n")


def last():
    time.sleep(0.2)
    note("thread ended")


note("imported")
atexit.register(note, "exit function")


def facts():
    return {
        "interpreter": INTERPRETER,
        "requests": REQUESTS,
        "frozen": sys.frozen,
        "argv": sys.argv[1:],
        "file": __file__.startswith(sys._MEIPASS),
        "switch": sys.getswitchinterval(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    }


def refusals():
    """What an interpreter with a GIL of its own does not let an application do."""
    import signal

    found = {}
    attempts = {
        "signal": lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
        "fork": os.fork,
        "daemon": lambda: threading.Thread(target=print, daemon=True).start(),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except Exception as error:
            found[name] = type(error).__name__
    return found


def count(total):
    """Fixed work."""
    value = 0
    for number in range(total):
        value += number * number % 7
    return value


def application(environ, start_response):
    global REQUESTS
    with LOCK:
        REQUESTS += 1
    path = environ["PATH_INFO"]
    body = facts()
    if path == "/environ":
        body.update(multithread=environ["wsgi.multithread"], multiprocess=environ["wsgi.multiprocess"])
    elif path == "/refusals":
        body.update(refusals())
    elif path == "/hold":
        # Long enough for another request to need another thread.
        time.sleep(float(parse_qs(environ["QUERY_STRING"])["seconds"][0]))
    elif path == "/thread":
        threading.Thread(target=last).start()
    elif path == "/echo":
        body["sum"] = count(1000) + len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
