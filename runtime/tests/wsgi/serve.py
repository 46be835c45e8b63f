"""Loads the runtime into this interpreter and serves the test applications: serve.py LIBRARY SETTINGS-JSON"""

import ctypes
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.append(os.path.join(sys.path[0], *[os.pardir] * 2, "python"))
import applications  # noqa: E402

library = ctypes.PyDLL(sys.argv[1])
library.pack_runtime_serve.argtypes = [ctypes.py_object, ctypes.c_char_p]
name = os.environ.get("TEST_APPLICATION", "application")
status = library.pack_runtime_serve(getattr(applications, name), sys.argv[2].encode())
print("served, status", status, flush=True)
sys.exit(status)
