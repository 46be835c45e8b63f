"""What the threads of a server are doing, for its log."""

import sys


def render(frames, notes):
    """The stack of every thread, as text. ``frames``: topmost frames by thread; ``notes``: what the server knows of some of
    them."""
    import traceback

    threading = sys.modules.get("threading")
    threads = dict(getattr(threading, "_active", ()))
    lines = []
    for key, frame in sorted(frames.items(), key=lambda item: item[0] not in notes):
        name = notes.get(key)
        if name is None:
            if key in threads:
                name = threads[key].name
            elif _runs_this(frame):
                continue
            else:
                name = "thread %d" % key
        lines.append("%s (most recent call last):\n" % name)
        lines += traceback.format_stack(frame)
    return "".join(lines)


def _runs_this(frame):
    while frame is not None:
        if frame.f_code is render.__code__:
            return True
        frame = frame.f_back
    return False


def dump():
    """Writes the stacks to stderr, without being able to look at frames that run meanwhile."""
    import faulthandler

    faulthandler.dump_traceback(file=2, all_threads=True)
