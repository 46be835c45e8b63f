"""Tries extension modules: which of them refuse an interpreter with a GIL of its own, which need a GIL at all.

Only CPython itself knows for sure, and what it says is said when a module is loaded: then code of the module has run, and
may have done damage. So modules are loaded in child processes, one after the other, a new child after each that was
refused or did not survive. No module is executed: only its initialisation function is called, as an import would.

`pack` runs this with the interpreter that it packs; a packed program does so when it is told of another mode than it was
packed for.
"""

import os
import sys

OWN_GIL = "own-gil"
NO_GIL = "no-gil"

# Runs in the interpreter with a GIL of its own, and in the main one of a free-threaded build. Imports nothing but what is
# part of every interpreter: in a packed program there is no importer in this one.
_LOAD = """
import _imp, _signal, posix
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader

def load(modules, number, pipe, refused):
    kept = []
    posix.write(pipe, b".")
    for name, path in modules[number:]:
        # One that waits for something counts as one that did not survive.
        _signal.alarm(20)
        spec = ModuleSpec(name, ExtensionFileLoader(name, path), origin=path)
        answer = b"+"
        try:
            # Never given back: a module that was not executed need not be able to end.
            kept.append(_imp.create_dynamic(spec))
        except ImportError as error:
            # Other reasons, such as a missing library, are the same everywhere.
            answer = b"-" if "subinterpreters" in str(error) else b"+"
        except BaseException:
            pass
        if refused():
            answer = b"-"
        posix.write(pipe, answer)
        if answer == b"-":
            posix._exit(0)
"""


def refusing(mode, modules):
    """The names among ``modules``, pairs of a name and a path, that ``mode`` is not for."""
    if mode == OWN_GIL:
        # Without it nothing can be tried, which is no answer about the modules.
        _interpreters()
    found = []
    number = 0
    while number < len(modules):
        answers, survived = _try_from(mode, modules, number)
        found += [modules[number + index][0] for index, answer in enumerate(answers) if answer == ord("-")]
        number += len(answers)
        if not survived and number < len(modules):
            found.append(modules[number][0])
            number += 1
    return found


def _try_from(mode, modules, number):
    """One child's answers, a byte for each module from ``number`` on, and whether it came to its end."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            # What initialisation functions print belongs to nobody.
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            _try(mode, modules, number, theirs)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    answers = b""
    while True:
        more = os.read(ours, 4096)
        if not more:
            break
        answers += more
    os.close(ours)
    _, status = os.waitpid(child, 0)
    if not answers:
        raise RuntimeError(f"no interpreter could be made to try extension modules in (status {status})")
    return answers[1:], status == 0


def _try(mode, modules, number, pipe):
    if mode == NO_GIL:
        import warnings

        warnings.simplefilter("ignore")
        namespace = {}
        exec(_LOAD, namespace)
        namespace["load"](modules, number, pipe, sys._is_gil_enabled)
        return
    interpreters = _interpreters()
    text = f"{_LOAD}\nload({modules!r}, {number}, {pipe}, lambda: False)\n"
    if sys.version_info >= (3, 13):
        failed = interpreters.exec(interpreters.create("isolated"), text)
        if failed is not None:
            raise RuntimeError(failed)
    else:
        interpreters.run_string(interpreters.create(isolated=True), text)


def _interpreters():
    if sys.version_info >= (3, 13):
        import _interpreters

        return _interpreters
    import _xxsubinterpreters

    return _xxsubinterpreters


def of_bundle(mode, modules):
    """As :func:`refusing` for modules of this program: triples of a name, a file of the bundle and its index."""
    import _pack

    def pairs():
        for name, file, index in modules:
            try:
                _pack.preload(index)
            except ImportError:
                # It cannot be imported at all.
                continue
            yield name, f"{_pack.meipass}/{file}"

    return refusing(mode, list(pairs()))


if __name__ == "__main__":
    import json

    request = json.load(sys.stdin)
    result = refusing(request["mode"], [tuple(module) for module in request["modules"]])
    print("\n@pack-trial@" + json.dumps(result), flush=True)
