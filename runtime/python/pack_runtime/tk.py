"""Tcl and Tk of the bundle: their scripts, and on Windows the program's icon for their windows."""

import os
import sys

import _pack


def introduce(module):
    """Lets the interpreters that ``_tkinter`` creates find their scripts, whatever the machine has."""
    create = module.create
    names = {"TCL_LIBRARY": "tcl" + module.TCL_VERSION, "TK_LIBRARY": "tk" + module.TK_VERSION}
    folders = {name: os.path.join(_pack.meipass, "lib", folder) for name, folder in names.items()}
    if not os.path.isfile(os.path.join(folders["TCL_LIBRARY"], "init.tcl")):
        # They are inside of the libraries.
        folders = {}

    def create_here(*arguments, **named):
        # For the call alone: children of the program may use the machine's Tcl, which takes none but its own scripts.
        for name, folder in folders.items():
            os.putenv(name, folder)
        try:
            app = create(*arguments, **named)
        finally:
            for name in folders:
                if name in os.environ:
                    os.putenv(name, os.environ[name])
                else:
                    os.unsetenv(name)
        if getattr(_pack, "has_icon", False):
            give_icon(app)
        return app

    create_here.__doc__ = create.__doc__
    module.create = create_here


def give_icon(app):
    """Makes the executable's icon that of all windows which are given none. Tk's own is a feather."""
    if app.eval("info commands wm"):
        try:
            app.call("wm", "iconbitmap", ".", "-default", sys.executable)
        except Exception:
            # A window without its icon is a window still.
            pass
