"""Runs the statements that it is given. What they may import is named here, so that it is packed."""

import sys


def packed():
    import front.one
    import front.two
    import shelf.books
    import shelf.deep.inner
    import shelf.parts
    import shelf.__main__


if __name__ == "__main__":
    exec(compile(sys.argv[1], "<statements>", "exec"))
