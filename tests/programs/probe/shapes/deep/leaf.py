"""A module two levels down."""

from .. import __name__ as top

NAME = f"{top}.deep.leaf"
loads = globals().get("loads", 0) + 1


def speak():
    return "leaf"  # the line `inspect` shows
