"""What a packed program can ask about itself.

The runtime library imports the modules of this package before the program's own code runs, so each of them imports
as little as it can.
"""

import sys

__all__ = ["facts"]


def facts():
    """The facts of the build, as in ``sys._pack``: a new dict of strings."""
    return dict(sys._pack)
