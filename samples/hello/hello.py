"""The smallest program worth packing: it greets whoever is named on its command line."""

import sys


def greeting(names):
    """The line to print for `names`; the whole world when there are none."""
    return f"Hello, {' and '.join(names) or 'world'}!"


if __name__ == "__main__":
    print(greeting(sys.argv[1:]))
