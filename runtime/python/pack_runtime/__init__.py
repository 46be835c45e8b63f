"""What a packed program can ask about itself.

The runtime library imports the modules of this package before the program's own code runs, so each of them imports
as little as it can.
"""

import sys

__all__ = ["RequestTimeout", "facts", "metrics"]

# Set by the server when it starts.
_metrics = None


def facts():
    """The facts of the build, as in ``sys._pack``: a new dict of strings."""
    return dict(sys._pack)


def metrics():
    """What the server has measured since it began, as ``/metrics.json`` of the admin listener shows it: a new dict, times
    in seconds. Raises RuntimeError in a program that serves nothing."""
    if _metrics is None:
        raise RuntimeError("nothing is served, so nothing is measured")
    import json

    return json.loads(_metrics())


class RequestTimeout(BaseException):
    """Raised by the server in a thread whose request has run for longer than the setting ``interrupt-timeout``. What is
    not caught is answered with 504. No Exception, so that handlers of ordinary errors let it pass."""
