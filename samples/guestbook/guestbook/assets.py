"""Files in the `assets` folder: in the bundle when the program is packed, else beside the package."""

import sys
from pathlib import Path


def folder():
    """`sys._MEIPASS` is where a packed program finds its files; an unpacked one has no such attribute."""
    bundle = getattr(sys, "_MEIPASS", None)
    return (Path(bundle) if bundle else Path(__file__).resolve().parent.parent) / "assets"


def motto():
    """The line above the entries."""
    return (folder() / "motto.txt").read_text(encoding="utf-8").strip()
