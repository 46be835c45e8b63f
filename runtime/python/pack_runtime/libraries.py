"""Libraries of the bundle for ``ctypes``, which looks for what has no folder in its name where the system keeps its own."""

import os
import sys

import _pack
from pack_runtime.importer import full_path

_FOLDERS = ("", "lib/")
# As a linker would complete `-lname`, and as Windows completes a name without a dot.
_FORMS = ("{}", "{}.dll", "lib{}.dll") if sys.platform == "win32" else ("lib{}.so",)


def introduce(ctypes):
    """Lets ``ctypes.CDLL`` and the classes made of it find a library of the bundle by its name, before any other."""
    load = ctypes.CDLL.__init__

    def __init__(self, name, *arguments, **named):
        load(self, of_bundle(name) or name, *arguments, **named)

    __init__.__wrapped__ = load
    ctypes.CDLL.__init__ = __init__


def introduce_search(util):
    """The same for ``ctypes.util.find_library``; the whole path, for others may load it."""
    find = util.find_library

    def find_library(name):
        found = map(of_bundle, [form.format(name) for form in _FORMS])
        return next(filter(None, found), None) or find(name)

    find_library.__wrapped__ = find
    util.find_library = find_library


def of_bundle(name):
    """The path of the library that is called so in the bundle, or None. It is there, if it waited to be written."""
    if not isinstance(name, str) or not name or "/" in name or "\\" in name:
        return None
    names = [name] if sys.platform != "win32" or "." in name else [name + ".dll"]
    for file in [folder + name for name in names for folder in _FOLDERS]:
        _pack.ensure(file)
        path = full_path(file)
        if os.path.isfile(path):
            return path
    return None
