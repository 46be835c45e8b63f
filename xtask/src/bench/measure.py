"""Runs commands one after the other and prints what each cost, as JSON: {NAME: [[CPU, WALL], ...]}, in microseconds.

Standard input is the list of runs. Each has a `name`; whether it `counts`; `run`, the command line; `home`, which is also
where it runs, and `temporary`, both made when they are missing; `variables` beyond HOME, TMPDIR and PATH; and `edit`, a
source that gets one more statement before the run, or null. Nothing is removed here: ext4 passes over inodes that were
freed a moment ago one by one, and a program that creates files would pay for it.

CPU time is user plus system of the process and of all children that were waited for, as wait4(2) reports it: how busy the
machine is does not enter, or only by way of its caches.
"""

import json
import os
import sys
import time

OPEN_NULL = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1)]


def prepare(run):
    """The file actions and the environment of a run, after making what it needs."""
    for folder in (run["home"], run["temporary"]):
        os.makedirs(folder, exist_ok=True)
    if run["edit"]:
        with open(run["edit"], "a", encoding="utf-8") as source:
            source.write(f"EDITED_AT = {time.time_ns()}\n")
    log = os.path.join(run["home"], "stderr.txt")
    streams = [*OPEN_NULL, (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)]
    places = {"PATH": "/usr/bin:/bin", "HOME": run["home"], "TMPDIR": run["temporary"]}
    return log, streams, places | run["variables"]


def cost(run):
    """Runs one command: [CPU, wall]. Ends this script, with what the command said, when it fails."""
    log, streams, environment = prepare(run)
    os.chdir(run["home"])
    begin = time.perf_counter()
    child = os.posix_spawn(run["run"][0], run["run"], environment, file_actions=streams)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    if status != 0:
        with open(log, encoding="utf-8", errors="replace") as file:
            sys.exit(f"{run['name']}: {run['run']} ended with wait status {status}\n{file.read()}")
    return [round((usage.ru_utime + usage.ru_stime) * 1e6), round(wall * 1e6)]


def main():
    """Runs the plan in its order."""
    costs = {}
    for run in json.load(sys.stdin):
        spent = cost(run)
        if run["counts"]:
            costs.setdefault(run["name"], []).append(spent)
    print(json.dumps(costs))


main()
