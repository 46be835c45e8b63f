"""The actions of `probe`, by subject."""

import json


def tell(**answers):
    """Prints `answers` as one line of JSON."""
    print(json.dumps(answers, sort_keys=True))
