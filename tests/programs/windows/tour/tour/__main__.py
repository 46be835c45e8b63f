"""Shows how it was started and where its modules are."""

import inspect
import sys

from . import place

sys.stdout.reconfigure(encoding="utf-8")
print(__name__, __package__, __spec__.name, sys.flags.optimize)
print(__file__ == f"{sys._MEIPASS}\\tour\\__main__.py", place.__file__ == f"{sys._MEIPASS}\\tour\\place.py")
print(inspect.getsource(place.fail).splitlines()[1].strip())
if "fail" in sys.argv:
    place.fail()
