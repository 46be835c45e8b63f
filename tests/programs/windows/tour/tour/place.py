"""Imported by the package's main module, and fails where that is what is wanted."""


def fail():
    raise ValueError("no such place")
