# /// script
# dependencies = ["pip"]
# [tool.libraries]
# environment = "desktop"
# ///
import tkinter

tcl = tkinter.Tcl()
assert tcl.eval("info patchlevel").startswith(("8.", "9."))
assert tcl.eval("package require msgcat")
assert tcl.eval("clock format 0 -gmt 1 -format %Y") == "1970"
import os
if os.environ.get("DISPLAY"):
    root = tkinter.Tk()
    from tkinter import ttk
    ttk.Label(root, text="pack").pack()
    root.update()
    root.destroy()
