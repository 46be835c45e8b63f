"""Half of a namespace package, and the host of plug-ins."""

import sys
from importlib.metadata import entry_points
from importlib.resources import files

GROUP = "acme.parts"


def greeting():
    return files(__name__).joinpath("words.txt").read_text().strip()


def parts():
    found = entry_points(group=GROUP) if sys.version_info >= (3, 10) else entry_points()[GROUP]
    return sorted(point.load()() for point in found)
