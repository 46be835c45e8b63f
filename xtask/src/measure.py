"""Runs commands in turn, round after round, and prints what each start cost as JSON.

Standard input: {"rounds": N, "commands": {NAME: {"run": [ARGUMENT...], "home": FOLDER, "clear": [PATH...]}}}. `clear` is
removed before each run. CPU time is user plus system of the process and its children, in microseconds, as wait4(2)
reports it: how busy the machine is does not enter.
"""

import json
import os
import shutil
import sys
import time

OPEN_NULL = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1)]


def start(name, command):
    """One start: [CPU, wall], both in microseconds."""
    for path in command["clear"]:
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(command["home"], exist_ok=True)
    os.chdir(command["home"])
    environment = {"PATH": "/usr/bin:/bin", "HOME": command["home"], "TMPDIR": command["home"]}
    log = os.path.join(command["home"], "stderr.txt")
    streams = [*OPEN_NULL, (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)]
    begin = time.perf_counter()
    child = os.posix_spawn(command["run"][0], command["run"], environment, file_actions=streams)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    if status != 0:
        with open(log, encoding="utf-8", errors="replace") as file:
            sys.exit(f"{name}: {command['run']} ended with wait status {status}\n{file.read()}")
    return [round((usage.ru_utime + usage.ru_stime) * 1e6), round(wall * 1e6)]


def main():
    """Every command once a round, so that what the machine does meanwhile meets them all."""
    plan = json.load(sys.stdin)
    costs = {name: [] for name in plan["commands"]}
    for _ in range(plan["rounds"]):
        for name, command in plan["commands"].items():
            costs[name].append(start(name, command))
    print(json.dumps(costs))


main()
