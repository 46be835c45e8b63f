"""Standard input and output."""

import select
import sys


def upper():
    """Standard input in capitals."""
    for line in sys.stdin:
        print(line.upper(), end="")


def flood():
    """A line, and once nobody reads any more, many."""
    print("line 0", flush=True)
    # Not before: a write that the pipe takes in part leaves the rest in Python's buffer, and the end is another.
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    poll.poll()
    for number in range(1, 10_000):
        print("line", number)


def question():
    """`input()` with a prompt."""
    print("Hello", input("Name? "))


def binary():
    """Bytes through, unchanged."""
    sys.stdout.buffer.write(sys.stdin.buffer.read())


def text():
    """Characters beyond ASCII."""
    print("é ß 漢 🪶")


ACTIONS = {"upper": upper, "flood": flood, "question": question, "binary": binary, "text": text}
