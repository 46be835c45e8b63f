"""Runs a packed program: what ``python app.py``, ``python -m`` and ``python -c`` do, for code in the executable.

The runtime library prepares and reports through these functions and evaluates the program's code itself, so that no
frame of ours stands below the program's.
"""

import sys

import _pack


def main_namespace():
    """``__main__``'s namespace, cleared of what the start left in it."""
    main = sys.modules["__main__"]
    main.__doc__ = main.__spec__ = main.__package__ = None
    return main.__dict__


def prepare_script(path):
    """The code and the namespace of an entry script, by its path in the bundle."""
    from pack_runtime.importer import PackLoader

    name = "[script] " + path
    found = _pack.find(name)
    if found is None:
        raise SystemExit(f"the program holds no script `{path}`")
    index, _, file = found
    namespace = main_namespace()
    full = f"{_pack.meipass}/{file}"
    namespace.update(__file__=full, __cached__=None, __loader__=PackLoader("__main__", full, index))
    return _pack.code(index, full), namespace


def prepare_module(name):
    """The code and the namespace of ``python -m name``."""
    import runpy

    try:
        name, spec, code = runpy._get_module_details(name)
    except runpy._Error as error:
        raise SystemExit(f"{sys.executable}: {error}") from None
    namespace = main_namespace()
    namespace.update(
        __file__=spec.origin, __cached__=spec.cached, __loader__=spec.loader, __package__=spec.parent, __spec__=spec
    )
    return code, namespace


def prepare_function(module, function):
    """The code and the namespace of a console script that calls ``module.function``."""
    text = f"import sys\nfrom {module} import {function.partition('.')[0]}\nsys.exit({function}())\n"
    return compile(text, f"<{module}:{function}>", "exec"), main_namespace()


def prepare_command(text):
    """The code and the namespace of ``python -c text``."""
    namespace = main_namespace()
    namespace.pop("__file__", None)
    return compile(text, "<string>", "exec"), namespace


def prepare_file(path):
    """The code and the namespace of ``python path``: a script, or a folder or archive with a ``__main__``."""
    import io
    import os
    from pkgutil import get_importer

    if get_importer(path) is not None:
        sys.path.insert(0, path)
        import runpy

        _, spec, code = runpy._get_main_module_details()
        namespace = main_namespace()
        namespace.update(__file__=spec.origin, __loader__=spec.loader, __package__=spec.parent, __spec__=spec)
        return code, namespace
    path = os.path.abspath(path)
    sys.path.insert(0, os.path.dirname(path))
    with io.open_code(path) as file:
        source = file.read()
    namespace = main_namespace()
    namespace.update(__file__=path, __cached__=None)
    return compile(source, path, "exec"), namespace


def prepare_input():
    """The code and the namespace of ``python -``: a program on standard input."""
    namespace = main_namespace()
    namespace.pop("__file__", None)
    return compile(sys.stdin.buffer.read(), "<stdin>", "exec"), namespace


def prepare_worker(pairs):
    """The code and the namespace of a ``multiprocessing`` child started with ``--multiprocessing-fork``."""
    keywords = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        keywords[name] = None if value == "None" else int(value)
    namespace = main_namespace()
    namespace["_keywords"] = keywords
    text = "from multiprocessing.spawn import spawn_main\nspawn_main(**_keywords)\n"
    return compile(text, "<multiprocessing>", "exec"), namespace


_WORKER_COMMANDS = (
    "from multiprocessing.spawn import ",
    "from multiprocessing.resource_tracker import ",
    "from multiprocessing.semaphore_tracker import ",
    "from multiprocessing.forkserver import ",
)


def as_interpreter(arguments, started_by_itself):
    """What to run when the program is started as if it were ``python``, or None: it is the program itself.

    ``multiprocessing`` starts its helpers through ``sys.executable``, and so do programs for scripts of theirs. A user
    may have given the program options of the same names: only what ``multiprocessing`` itself writes is taken from
    anyone, all else only from a process of the same program.
    """
    if len(arguments) >= 1 and arguments[0] == "--multiprocessing-fork":
        if all("=" in pair for pair in arguments[1:]):
            return "worker", arguments[1:], arguments
        return None
    rest = _without_flags(arguments)
    if len(rest) >= 2 and rest[0] == "-c" and rest[1].startswith(_WORKER_COMMANDS):
        return "command", rest[1], ["-c", *rest[2:]]
    if not started_by_itself or not rest:
        return None
    if rest[0] == "-c" and len(rest) >= 2:
        return "command", rest[1], ["-c", *rest[2:]]
    if rest[0] == "-m" and len(rest) >= 2:
        return "module", rest[1], ["-m", *rest[2:]]
    if rest == ["-"]:
        return "input", None, rest
    if rest[0].endswith((".py", ".pyw", ".pyz")) and _is_file(rest[0]):
        return "file", rest[0], rest
    return None


def _is_file(path):
    import os

    return os.path.isfile(path)


_FLAGS = frozenset("bBdEhiIOqsSuvVxP")


def _without_flags(arguments):
    """``arguments`` without the interpreter options that ``subprocess`` users and ``multiprocessing`` repeat."""
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument in ("-X", "-W"):
            position += 2
        elif argument[:2] in ("-X", "-W") and len(argument) > 2:
            position += 1
        elif len(argument) > 1 and argument[0] == "-" and _FLAGS.issuperset(argument[1:]):
            position += 1
        elif len(argument) > 2 and argument[0] == "-" and argument[-1] in "cm" and _FLAGS.issuperset(argument[1:-1]):
            return ["-" + argument[-1], *arguments[position + 1 :]]
        else:
            break
    return arguments[position:]


def add_site_builtins():
    """``exit``, ``quit`` and ``help``, which ``site`` gives to every program started with ``python``."""
    import builtins

    import _sitebuiltins

    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.help = _sitebuiltins._Helper()


def report(kind, value, trace):
    """Shows an unhandled exception as the interpreter does, with source lines that lie in the executable."""
    sys.last_type, sys.last_value, sys.last_traceback = kind, value, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = value
    hook = getattr(sys, "excepthook", None)
    sys.audit("sys.excepthook", hook, kind, value, trace)
    if hook is not None and hook is not sys.__excepthook__:
        try:
            hook(kind, value, trace)
            return
        except SystemExit:
            raise
        except BaseException as error:
            sys.stderr.write("Error in sys.excepthook:\n")
            _show(type(error), error, error.__traceback__)
            sys.stderr.write("\nOriginal exception was:\n")
    _show(kind, value, trace)


def _show(kind, value, trace):
    if sys.stderr is None:
        return
    import traceback

    traceback.print_exception(kind, value, trace)
    sys.stderr.flush()
