"""The ways a program ends."""

import atexit
import os
import sys
import threading
import time

import shapes.faulty


def leave(status):
    """`sys.exit` with a number, a text or nothing."""
    sys.exit({"none": None}.get(status, int(status) if status.lstrip("-").isdigit() else status))


def fail():
    """An uncaught exception from a module of the program."""
    shapes.faulty.fail("on purpose")


def fail_in_stdlib():
    """An uncaught exception that passes through the standard library."""
    import json

    json.loads("{nonsense")


def fail_in_import():
    """An exception and a warning from the code of a module that is being imported."""
    import shapes.unfinished  # the line that is to blame


def chain():
    """An uncaught exception with a cause."""
    try:
        shapes.faulty.fail("first")
    except ValueError as error:
        raise RuntimeError("second") from error


def at_exit():
    """What runs at the end: threads are waited for, then `atexit` in reverse order."""
    atexit.register(print, "registered first", flush=True)
    atexit.register(print, "registered second", flush=True)
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread", flush=True))).start()
    print("main ends", flush=True)


def hard():
    """`os._exit`."""
    print("not flushed", end="")
    os._exit(7)


def unflushed():
    """Output that only the end of the program flushes."""
    sys.stdout.write("flushed at the end")


def signalled():
    """Death by a signal of its own."""
    os.kill(os.getpid(), 15)
    time.sleep(5)


ACTIONS = {"exit": leave, "fail": fail, "fail-in-stdlib": fail_in_stdlib, "fail-in-import": fail_in_import,
           "chain": chain, "at-exit": at_exit,
           "hard-exit": hard, "unflushed": unflushed, "kill-self": signalled}
