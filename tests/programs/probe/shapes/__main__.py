"""Runs as `python -m shapes`."""

import sys

print("shapes as", __name__, __spec__.name, len(sys.argv))
