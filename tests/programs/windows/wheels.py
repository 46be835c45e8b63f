"""Uses wheels for Windows: what they bring beside their Python code has to be there."""

import importlib.metadata
import importlib.resources
import sys

import markupsafe
import numpy
import win32api

sys.stdout.reconfigure(encoding="utf-8")
print(markupsafe.escape("<&>"), importlib.metadata.version("markupsafe"))
print(markupsafe._speedups.__file__.rpartition("\\")[2])
print((importlib.resources.files("markupsafe") / "py.typed").is_file())
with open(markupsafe.__file__) as file:
    print("def escape" in file.read())
print((numpy.ones((2, 2)) @ numpy.ones((2, 2))).sum(), numpy.linalg.det(numpy.eye(3)))
print(win32api.GetUserName())
