"""Windows programs without a console: what they print goes into a file, and an unhandled error is shown in a window.

Python gives such a program no ``sys.stdout`` and no ``sys.stderr``, and libraries that write there fail.
"""

import io
import os
import sys

import _pack

# A log that has grown larger is begun anew.
_LARGE = 1 << 20

_log = None
_shows_traceback = True


def give_streams(facts):
    """Has ``sys.stdout`` and ``sys.stderr`` write to the program's log, whose path ``facts`` gets as ``log``."""
    global _log, _shows_traceback
    _shows_traceback = facts.get("windowed_traceback") != "no"
    base = os.environ.get("LOCALAPPDATA") or os.path.dirname(_pack.meipass)
    path = os.path.join(base, facts["id"], facts["name"] + ".log")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        is_large = os.path.exists(path) and os.path.getsize(path) > _LARGE
        stream = _open(path, "w" if is_large else "a")
        facts["log"] = _log = path
    except OSError:
        # Better without a log than not at all.
        stream = _open(os.devnull, "w")
    sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = stream
    if sys.stdin is None:
        sys.stdin = sys.__stdin__ = _open(os.devnull, "r")


def _open(path, mode):
    return io.open(path, mode, encoding="utf-8", errors="backslashreplace", buffering=1)


def tell(text, traceback=False):
    """Shows ``text`` in a window, and waits until it is closed; a ``traceback`` only where the program was packed to."""
    where = "This is also in"
    if traceback and not _shows_traceback:
        text, where = "The program has ended because of an error.", "What happened is in"
    if _log is not None:
        text = f"{text.rstrip()}\n\n{where} {_log}"
    _pack.show(text)
