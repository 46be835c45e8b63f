"""Asks Tcl where its scripts are, and uses some of them."""

import os
import subprocess
import sys
import tkinter

tcl = tkinter.Tcl()
print(os.path.relpath(tcl.eval("info library"), sys._MEIPASS) == os.path.join("lib", "tcl" + tcl.eval("info tclversion")))
print(tcl.eval("package require msgcat") != "", tcl.eval("clock format 0 -gmt 1 -format %Y"))
# A second one.
print(tkinter.Tcl().eval("clock format 0 -gmt 1 -format %d"))
names = ["TCL_LIBRARY", "TK_LIBRARY"]
print([os.environ.get(name) for name in names])
code = f"import os; print([os.environ.get(name) for name in {names}])"
print(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout.decode().strip())
