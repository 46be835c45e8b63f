"""Sources and resources of modules, where people look for them."""

import importlib.resources
import inspect
import json
import linecache
import pathlib
import sys
import textwrap

import __main__
import shapes
import shapes.deep.leaf

from . import tell


def sources():
    """`inspect` and `linecache` for the program, a package and the standard library."""
    tell(
        main=inspect.getsource(__main__.main),
        own=inspect.getsource(shapes.deep.leaf.speak),
        stdlib=inspect.getsource(textwrap.dedent).splitlines()[0],
        package=inspect.getsource(json).splitlines()[0],
        line=linecache.getline(textwrap.__file__, 1),
        loader=shapes.deep.leaf.__loader__.get_source("shapes.deep.leaf").splitlines()[0],
        is_package=shapes.__loader__.is_package("shapes"),
        code=shapes.deep.leaf.__loader__.get_code("shapes.deep.leaf").co_name,
    )


def resources():
    """Data of a package: by `__file__`, `importlib.resources`, the loader and `sys._MEIPASS`."""
    beside = pathlib.Path(shapes.__file__).parent / "data" / "note.txt"
    bundle = pathlib.Path(sys._MEIPASS) / "shapes" / "data" / "note.txt"
    with importlib.resources.as_file(importlib.resources.files("shapes.deep") / "leaf.txt") as path:
        as_file = path.read_text(encoding="utf-8")
    tell(
        beside=beside.read_text(encoding="utf-8"),
        files=(importlib.resources.files("shapes") / "data" / "note.txt").read_text(encoding="utf-8"),
        bundle=bundle.read_text(encoding="utf-8"),
        loader=shapes.__loader__.get_data(str(beside)).decode(),
        as_file=as_file,
        listed=sorted(item.name for item in importlib.resources.files("shapes.deep").iterdir() if item.name.endswith(".txt")),
    )


ACTIONS = {"sources": sources, "resources": resources}
