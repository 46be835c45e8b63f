"""Signals, as Python programs meet them."""

import signal
import sys
import time


def wait():
    """Sleeps until a signal comes; says how SIGINT showed."""
    try:
        # Inside: the signal may come before `print` returns.
        print("ready", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        print("KeyboardInterrupt", flush=True)
        sys.exit(5)


def wait_unprepared():
    """Sleeps without a handler of its own."""
    print("ready", flush=True)
    time.sleep(30)


def handle():
    """A handler of its own for SIGTERM and SIGUSR1."""
    seen = []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    print("ready", flush=True)
    while len(seen) < 2:
        time.sleep(0.05)
    print([signal.Signals(number).name for number in seen], flush=True)


def show():
    """How the signals stand when the program begins."""
    names = ("SIGINT", "SIGTERM", "SIGPIPE", "SIGHUP", "SIGCHLD")
    print({name: str(signal.getsignal(getattr(signal, name))).split(" at ")[0] for name in names})


ACTIONS = {"wait": wait, "wait-unprepared": wait_unprepared, "handle": handle, "signals": show}
