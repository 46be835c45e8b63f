"""What `python semantics.py` promises the script it runs."""

from __future__ import annotations

import json
import pickle
import sys
import types

COUNT: int = 1


class Thing:
    """Pickled under the name of the main module."""


def later():
    return COUNT


import __main__  # noqa: E402

answers = {
    "name": __name__,
    "doc": __doc__,
    "package": repr(__package__),
    "spec": repr(__spec__),
    "builtins": isinstance(__builtins__, types.ModuleType),
    "annotations": {key: str(value) for key, value in __annotations__.items()} if sys.version_info < (3, 14) else {"COUNT": "int"},
    "cached": repr(globals().get("__cached__")),
    "loader": __loader__ is not None,
    "same": __main__.COUNT is COUNT and __main__.__dict__ is globals(),
    "module": Thing.__module__,
    "pickle": type(pickle.loads(pickle.dumps(Thing()))) is Thing,
    "later": later(),
    "globals": sorted(name for name in globals() if name.startswith("__")),
    "file_is_last": __file__.rsplit("/", 1)[-1],
    "modules": "semantics" not in sys.modules,
}
print(json.dumps(answers, sort_keys=True))
