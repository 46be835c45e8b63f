"""Ends in the way that its first argument names."""

import os
import subprocess
import sys
import time


def ready():
    print("ready", flush=True)


def sleeps():
    try:
        ready()
        time.sleep(90)
    finally:
        print("finally", flush=True)


def catches():
    try:
        ready()
        time.sleep(90)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(3)


def awaits():
    import asyncio

    async def waiting():
        ready()
        try:
            await asyncio.sleep(90)
        finally:
            print("cancelled", flush=True)

    asyncio.run(waiting())


def joins():
    import threading

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        ready()
        time.sleep(90)
    finally:
        stop.set()
        thread.join()
        print("joined", flush=True)


def handles():
    """Ends by a handler of its own, as `win32api.SetConsoleCtrlHandler` sets one: Wine's C library tells Python of Ctrl-C alone."""
    import ctypes

    @ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)
    def stop(event):
        print("told", event, flush=True)
        os._exit(5)

    ctypes.windll.kernel32.SetConsoleCtrlHandler(stop, True)
    ready()
    while True:
        time.sleep(0.01)


def leaves(here, go_on, alive):
    """Has a child that outlives it."""
    code = (
        "import os, sys, time\n"
        "here, go_on, alive = sys.argv[1:]\n"
        "open(here, 'w').close()\n"
        "for _ in range(4500):\n"
        "    if os.path.exists(go_on):\n"
        "        open(alive, 'w').close()\n"
        "        break\n"
        "    time.sleep(0.02)\n"
    )
    none = subprocess.DEVNULL
    child = subprocess.Popen(
        [sys.executable, "-c", code, here, go_on, alive], stdin=none, stdout=none, stderr=none
    )
    while child.poll() is None and not os.path.exists(here):
        time.sleep(0.02)
    ready()
    time.sleep(90)


def exits(how, *value):
    values = {"number": int, "text": str, "float": float}
    if how == "now":
        os._exit(int(*value))
    if how == "abort":
        os.abort()
    if how == "plain":
        return
    sys.exit(None if how == "none" else values[how](*value))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {each.__name__: each for each in (sleeps, catches, awaits, joins, handles, leaves, exits)}[what](*rest)
