"""The import system, asked the questions libraries ask it."""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
import zlib

import shapes

from . import tell


def names():
    """`pkgutil` finds what a plug-in scan looks for."""
    tell(
        children=sorted(module.name for module in pkgutil.iter_modules(shapes.__path__)),
        walked=sorted(module.name for module in pkgutil.walk_packages(shapes.__path__, "shapes.")),
        stdlib=sorted(module.name for module in pkgutil.iter_modules(importlib.import_module("json").__path__)),
        data=pkgutil.get_data("shapes", "data/note.txt").decode(),
    )


def specs():
    """Specs and loaders say where a module comes from."""
    leaf = importlib.util.find_spec("shapes.deep.leaf")
    json = importlib.util.find_spec("json")
    tell(
        leaf=leaf.origin,
        parent=leaf.parent,
        is_package=json.submodule_search_locations is not None,
        absent=importlib.util.find_spec("no_such_module") is None,
        absent_child=importlib.util.find_spec("shapes.no_such_module") is None,
        builtin=importlib.util.find_spec("sys").origin,
        extension=hasattr(zlib, "compress"),
    )


def lazy():
    """Imports by name, relative imports, a namespace package, a reload."""
    relative = importlib.import_module(".leaf", "shapes.deep")
    namespace = importlib.import_module("lone.inside")
    before = relative.loads
    importlib.reload(relative)
    try:
        importlib.import_module("shapes.absent")
        error = ""
    except ModuleNotFoundError as problem:
        error = f"{problem} / {problem.name}"
    tell(relative=relative.NAME, namespace=namespace.NAME, before=before, after=relative.loads, error=error,
         has_file=getattr(sys.modules["lone"], "__file__", None) is not None)


def metadata():
    """The distributions of the bundle."""
    found = sorted({distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()})
    tell(distributions=found)


ACTIONS = {"names": names, "specs": specs, "lazy": lazy, "metadata": metadata}
