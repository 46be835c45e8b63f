"""Loads the runtime into this interpreter and serves the test applications: serve.py LIBRARY SETTINGS-JSON

TEST_MODULE and TEST_APPLICATION name the application, `applications:application` without them.
"""

import ctypes
import importlib
import os
import sys

library = ctypes.PyDLL(sys.argv[1])
library.pack_runtime_supervise.argtypes = [ctypes.c_char_p]
status = library.pack_runtime_supervise(sys.argv[2].encode())
if status != -2:
    print("supervised, status", status, flush=True)
    sys.exit(status)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(sys.path[0], *[os.pardir] * 2, "python"))
applications = importlib.import_module(os.environ.get("TEST_MODULE", "applications"))

library.pack_runtime_serve.argtypes = [ctypes.py_object, ctypes.c_char_p]
name = os.environ.get("TEST_APPLICATION", "application")
status = library.pack_runtime_serve(getattr(applications, name), sys.argv[2].encode())
print("served, status", status, flush=True)
sys.exit(status)
