"""Runs pip with the environment markers of the target, which pip would take from the Python that runs it."""
import json
import runpy
import sys

values = json.loads(sys.argv.pop(1))

from pip._vendor.packaging import markers  # noqa: E402

markers.default_environment = lambda: dict(values)
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
