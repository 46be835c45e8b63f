"""Kills a command that has a child, and says whether the child does its work all the same."""

import os
import subprocess
import sys
import time

names = [f"{os.getpid()}.{what}" for what in ("here", "go-on", "alive")]
process = subprocess.Popen([*sys.argv[1:], "leaves", *names], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
print(process.stdout.readline().decode().strip(), flush=True)
process.kill()
print("status", process.wait(), flush=True)
open(names[1], "w").close()
begun = time.monotonic()
while not os.path.exists(names[2]) and time.monotonic() - begun < 60:
    time.sleep(0.02)
print("its child is alive:", os.path.exists(names[2]), flush=True)
