"""A package with a little of everything."""

from .deep import leaf  # noqa: F401
