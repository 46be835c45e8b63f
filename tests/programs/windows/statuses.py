"""Runs a command with further words again and again, and prints the status that each run ends with: all 32 bits of it."""

import subprocess
import sys

CASES = [
    ["plain"], ["none"], ["abort"], ["text", "for a reason"], ["float", "2.5"],
    *(["number", str(number)] for number in [
        0, 1, 255, 256, 70_000, -1, -2, 2**31 - 1, -(2**31), 2**31, 0xC000013A, 2**32, -(2**31) - 1, 2**64
    ]),
    *(["now", str(number)] for number in [0, 256, -1]),
]

for case in CASES:
    ended = subprocess.run([*sys.argv[1:], "exits", *case], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(*case, hex(ended.returncode), flush=True)
