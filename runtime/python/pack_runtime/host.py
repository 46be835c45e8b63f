"""Runs a packed program: what ``python app.py``, ``python -m`` and ``python -c`` do, for code in the executable.

The runtime library prepares and reports through these functions and evaluates the program's code itself, so that no
frame of ours stands below the program's.
"""

import sys

import _pack


def set_up(executable, arguments, path, facts):
    """Gives ``sys`` what programs expect of it."""
    sys.frozen = True
    sys._MEIPASS = _pack.meipass
    sys._pack = facts
    sys.executable = sys._base_executable = executable
    sys.argv = [executable, *arguments]
    sys.orig_argv = [executable, *arguments]
    sys.path[:] = path
    sys.prefix = sys.exec_prefix = sys.base_prefix = sys.base_exec_prefix = _pack.meipass
    add_site_builtins()
    if sys.platform == "win32" and sys.stderr is None:
        from pack_runtime import windowed

        windowed.give_streams(facts)


def add_site_builtins():
    """``exit``, ``quit`` and ``help``, which ``site`` gives to every program started with ``python``."""
    import builtins

    import _sitebuiltins

    end = "Ctrl-Z plus Return" if sys.platform == "win32" else "Ctrl-D (i.e. EOF)"
    builtins.quit = _sitebuiltins.Quitter("quit", end)
    builtins.exit = _sitebuiltins.Quitter("exit", end)
    builtins.help = _sitebuiltins._Helper()


def drop_command():
    """Takes the word that selected an entry point out of ``sys.argv``."""
    del sys.argv[1]


def main_namespace():
    """``__main__``'s namespace, cleared of what the start left in it."""
    main = sys.modules["__main__"]
    main.__doc__ = main.__spec__ = main.__package__ = None
    return main.__dict__


def prepare_script(path):
    """The code and the namespace of an entry script, by its path in the bundle."""
    from pack_runtime.importer import PackLoader

    code, full, index = _script(path)
    namespace = main_namespace()
    loader = PackLoader("__main__", full, index)
    namespace.update(__file__=full, __cached__=None, __loader__=loader)
    if path.rpartition("/")[2] == "__main__.py":
        from _frozen_importlib import ModuleSpec

        # As of `python FOLDER` and `python ZIP`. `multiprocessing` goes by it: such a module must not be run again.
        spec = ModuleSpec("__main__", loader, origin=full)
        spec._set_fileattr = True
        spec._cached = full + "c"
        namespace.update(__package__="", __spec__=spec)
    return code, namespace


def prepare_hook(path):
    """The code of a runtime hook and a namespace of its own."""
    code, full, _ = _script(path)
    return code, {"__name__": "__main__", "__file__": full, "__builtins__": __builtins__}


def _script(path):
    from pack_runtime.importer import full_path, load_code

    index, _, file = _pack.find("[script] " + path)
    full = full_path(file)
    return load_code(index, full), full, index


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
    if arguments[:1] == ["--multiprocessing-fork"] and all("=" in pair for pair in arguments[1:]):
        return prepare_worker(arguments[1:])
    rest = _without_flags(arguments)
    if len(rest) >= 2 and rest[0] == "-c" and (started_by_itself or rest[1].startswith(_WORKER_COMMANDS)):
        return prepare_command(rest[1], rest[2:])
    if not started_by_itself or not rest:
        return None
    if rest[0] == "-m" and len(rest) >= 2:
        return prepare_module_command(rest[1], rest[2:])
    if rest == ["-"]:
        return prepare_input()
    if rest[0].endswith((".py", ".pyw", ".pyz")) and _is_file(rest[0]):
        return prepare_file(rest[0], rest[1:])
    return None


def _is_file(path):
    import os

    from pack_runtime.importer import bundle_path

    inside = bundle_path(path)
    if inside:
        _pack.ensure(inside)
    return os.path.isfile(path)


_FLAGS = frozenset("bBdEhiIOqsSuvVxP")


def _without_flags(arguments):
    """``arguments`` without the interpreter options that ``subprocess`` users and ``multiprocessing`` repeat."""
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument in ("-X", "-W"):
            position += 2
        elif argument[:2] in ("-X", "-W"):
            position += 1
        elif len(argument) > 1 and argument[0] == "-" and _FLAGS.issuperset(argument[1:]):
            position += 1
        elif len(argument) > 2 and argument[0] == "-" and argument[-1] in "cm" and _FLAGS.issuperset(argument[1:-1]):
            return ["-" + argument[-1], *arguments[position + 1 :]]
        else:
            break
    return arguments[position:]


def prepare_worker(pairs):
    """The code and the namespace of a ``multiprocessing`` child started with ``--multiprocessing-fork``."""
    keywords = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        keywords[name] = None if value == "None" else int(value)
    # As its own main module would be: `spawn` gives `__main__` its contents from the parent's.
    text = f"from multiprocessing.spawn import spawn_main\nspawn_main(**{keywords!r})\n"
    return compile(text, "<multiprocessing>", "exec"), main_namespace()


def prepare_command(text, arguments):
    """The code and the namespace of ``python -c text arguments``."""
    sys.argv = ["-c", *arguments]
    sys.path.insert(0, "")
    return compile(text, "<string>", "exec"), main_namespace()


def prepare_module_command(name, arguments):
    """The code and the namespace of ``python -m name arguments``."""
    import os

    sys.path.insert(0, os.getcwd())
    prepared = prepare_module(name)
    sys.argv = [prepared[1]["__file__"], *arguments]
    return prepared


def prepare_input():
    """The code and the namespace of ``python -``: a program on standard input."""
    sys.argv = ["-"]
    sys.path.insert(0, "")
    return compile(sys.stdin.buffer.read(), "<stdin>", "exec"), main_namespace()


def prepare_file(path, arguments):
    """The code and the namespace of ``python path arguments``: a script, or an archive with a ``__main__``."""
    import io
    import os
    from pkgutil import get_importer

    sys.argv = [path, *arguments]
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


def finish(kind, value, trace):
    """Reports the exception that ended the program. Returns the exit status, or None for an interrupt."""
    if isinstance(value, SystemExit):
        return exit_status(value)
    try:
        report(kind, value, trace)
    except SystemExit as error:
        # Raised by the program's own excepthook.
        return exit_status(error)
    return None if isinstance(value, KeyboardInterrupt) else 1


def exit_status(error):
    """The exit status that a ``SystemExit`` asks for; what is no number is shown and counts as 1."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        if sys.platform == "win32":
            # Windows has 32 bits for it, and CPython hands on those of larger numbers since 3.12.8 and 3.13.1 (gh-125842).
            hands_on = sys.version_info >= (3, 13, 1) or (3, 12, 8) <= sys.version_info < (3, 13)
            limit = 2**63 if hands_on else 2**31
            return (code + 2**31) % 2**32 - 2**31 if -limit <= code < limit else -1
        return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF
    if sys.stderr is not None:
        print(code, file=sys.stderr, flush=True)
    _tell(str(code))
    return 1


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
            if sys.stderr is not None:
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
    _tell("".join(traceback.format_exception(kind, value, trace)), traceback=True)


def _tell(text, traceback=False):
    """Shows an error of a program without a console in a window."""
    windowed = sys.modules.get("pack_runtime.windowed")
    if windowed is not None:
        windowed.tell(text, traceback)
