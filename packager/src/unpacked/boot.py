"""Serves a WSGI application in the interpreter of its environment.

`pack serve` becomes `python -c` with this text, and says in PACK_SERVE what is to be served. It is read by the oldest of
Pythons, too, to tell that it is too old.
"""


def fail(message, hint=None):
    import sys

    sys.stderr.write("error: " + message + "\n" + ("hint: " + hint + "\n" if hint else ""))
    sys.exit(1)


def load(request):
    import importlib
    import sys

    name, attributes = request["wsgi"]["module"], request["wsgi"]["callable"]
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(missing + "."):
            places = ", ".join(request["paths"])
            fail(
                "there is no module `{}` in {} or in the environment of `{}`".format(missing, places, sys.executable),
                "name its folder with `--paths DIR`, or the Python it is installed for with `--python`",
            )
        raise
    path = attributes[:-2] if attributes.endswith("()") else attributes
    for attribute in path.split("."):
        found = step(name, found, attribute)
    return found() if attributes.endswith("()") else found


def step(module, found, attribute):
    try:
        return getattr(found, attribute)
    except AttributeError:
        import difflib

        near = difflib.get_close_matches(attribute, [name for name in dir(found) if callable(getattr(found, name, None))], 1)
        place = getattr(found, "__file__", None) or type(found).__name__
        fail(
            "`{}` has no `{}` ({})".format(module, attribute, place),
            "did you mean `{}`?".format(near[0]) if near else None,
        )


def explain(error):
    """Prints the traceback of what the application raised, without our own frames."""
    import importlib
    import sys

    ours = ("<string>", importlib.__file__)
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file not in ours and not file.startswith("<frozen importlib"):
            break
        trace = trace.tb_next
    error = error.with_traceback(trace)
    sys.excepthook(type(error), error, trace)
    sys.exit(1)


def main():
    import json
    import os
    import sys

    request = json.loads(os.environ.pop("PACK_SERVE"))
    if sys.implementation.name != "cpython" or sys.version_info < (3, 9):
        fail(
            "`{}` is {} {}.{}, and the server needs CPython 3.9 or later".format(
                sys.executable, sys.implementation.name, sys.version_info[0], sys.version_info[1]
            ),
            "name another one with `--python`",
        )
    if sys.path[:1] == [""]:
        del sys.path[0]
    sys.path[:0] = request["paths"]
    # The runtime's own modules, behind everything else.
    sys.path.append(request["modules"])
    sys.argv[:] = request["argv"]
    try:
        import ctypes

        library = ctypes.PyDLL(request["library"])
    except (ImportError, OSError) as error:
        fail("cannot load the server into `{}`: {}".format(sys.executable, error))
    for path in (request["library"], request["modules"]):
        descriptor = path.rpartition("/proc/self/fd/")[2]
        if descriptor.isdigit():
            # It is here; programs that the application starts have no use for it.
            os.set_inheritable(int(descriptor), False)
    settings = json.dumps(request["wsgi"]).encode()
    library.pack_runtime_supervise.argtypes = [ctypes.c_char_p]
    finish(library.pack_runtime_supervise(settings))
    application = None
    # Interpreters with a GIL of their own import it themselves.
    if request["wsgi"]["gil"] != "per-interpreter":
        try:
            application = load(request)
        except Exception as error:
            explain(error)
    library.pack_runtime_serve.argtypes = [ctypes.py_object, ctypes.c_char_p]
    finish(library.pack_runtime_serve(application, settings))


def finish(status):
    """Ends the process with the status of the server, or of its supervisor; -2 is none: this one is to serve."""
    import sys

    if status == -1:
        fail("the kit is of another version than `pack`", "build the kits again with `cargo xtask kits`")
    if status != -2:
        sys.exit(status)


main()
