"""Fails when asked to."""


def fail(reason):
    raise ValueError(f"failed {reason}")  # the line a traceback shows
