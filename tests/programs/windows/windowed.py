"""Has no console; prints, and fails when it is told to."""

import sys

print("printed")
print("complained", file=sys.stderr)
print(sys.stdin.read() == "", sys._pack["log"])
if len(sys.argv) > 1:
    raise ValueError("no such luck")
