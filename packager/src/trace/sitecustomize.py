"""Notes which files a traced program opens, imports and loads.

`pack trace` puts the folder of this file first on PYTHONPATH, so that `site` imports it in the program and in every Python
that the program starts. Notes go into one file, each path at once and followed by a NUL: a process may end in any way.
"""


def install(folder):
    import atexit
    import os
    import sys
    import time

    log = os.path.join(folder, "used")
    maps = "/proc/self/maps"
    seen = {log, maps}
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    module_type = type(sys)
    mapped_at = [time.monotonic()]

    # All that the hook needs is held here: it is called until the last moment, when modules are empty already.
    def note(
        path,
        seen=seen,
        encode=os.fsencode,
        decode=os.fsdecode,
        absolute=os.path.abspath,
        open_=os.open,
        write=os.write,
        close=os.close,
    ):
        if path in seen:
            return
        if isinstance(path, int) or path is None:
            return
        path = absolute(decode(path))
        if path in seen:
            return
        seen.add(path)
        # Opened for each: the program may close any descriptor, or all of them.
        descriptor = open_(log, flags)
        try:
            write(descriptor, encode(path) + b"\0")
        finally:
            close(descriptor)

    def snapshot(getattribute=object.__getattribute__):
        """Libraries that native code has loaded, and modules that came in before this."""
        mapped_at[0] = time.monotonic()
        try:
            with open(maps, "rb") as file:
                lines = file.read().split(b"\n")
        except OSError:
            lines = []
        for line in lines:
            fields = line.split(None, 5)
            if len(fields) == 6 and fields[5].startswith(b"/"):
                note(fields[5])
        for module in list(sys.modules.values()):
            # Not by the module's own means: a lazy one would be loaded by the question.
            if isinstance(module, module_type):
                place = getattribute(module, "__dict__").get("__file__")
                if isinstance(place, str):
                    note(place)

    def hook(event, arguments, note=note, snapshot=snapshot, now=time.monotonic, mapped_at=mapped_at):
        try:
            if event == "open" or event == "ctypes.dlopen":
                note(arguments[0])
            elif event == "import":
                note(arguments[1])
            elif event == "os.exec":
                snapshot()
            else:
                return
            if now() - mapped_at[0] > 1:
                snapshot()
        except Exception:
            # The program goes on as if nobody looked.
            pass

    def last():
        try:
            snapshot()
        except Exception:
            pass

    def leave(status, leave=os._exit):
        last()
        leave(status)

    sys.addaudithook(hook)
    atexit.register(last)
    os._exit = leave


def give_way(folder):
    """Imports the `sitecustomize` that there would be without this one."""
    import os
    import sys

    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != folder]
    own = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if own is not None:
            sys.modules["sitecustomize"] = own
        if error.name != "sitecustomize":
            raise


def start():
    import os

    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        install(folder)
    finally:
        give_way(folder)


start()
