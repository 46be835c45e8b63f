"""Standard input and output."""

import sys


def upper():
    """Standard input in capitals."""
    for line in sys.stdin:
        print(line.upper(), end="")


def flood():
    """More output than any pipe holds."""
    for number in range(200_000):
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
