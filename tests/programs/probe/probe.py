"""Tells the tests how a packed program sees its world: `probe ACTION [ARGUMENT…]`."""

import sys

from probes import children, exits, facts, imports, signals, sources, streams

ACTIONS = {**children.ACTIONS, **exits.ACTIONS, **facts.ACTIONS, **imports.ACTIONS, **signals.ACTIONS,
           **sources.ACTIONS, **streams.ACTIONS}


def main():
    """Runs the named action with the remaining arguments."""
    ACTIONS[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
