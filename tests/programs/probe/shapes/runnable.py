"""Runs as `python -m shapes.runnable`."""

import sys

if __name__ == "__main__":
    print("runnable", sys.argv[1:], __spec__.name)
