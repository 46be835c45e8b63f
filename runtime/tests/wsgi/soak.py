"""Holds a server under load while it is reloaded and its processes are killed: soak.py [OPTION]... -- COMMAND...

The command is started with `--bind 127.0.0.1:PORT` behind it, and serves soak_app.py. Ends with 1 when a request was lost that
its client had a right to expect, when memory grew, or when the server did not stop in order.
"""

import argparse
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

from soak_client import Client, Record


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def stat(process):
    """(parent, state) of a process."""
    with open("/proc/%d/stat" % process) as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[1]), fields[0]


def children(parent):
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and stat(int(name)) == (parent, stat(int(name))[1]) and stat(int(name))[1] != "Z":
                found.append(int(name))
        except (OSError, ValueError):
            pass
    return found


def family(root):
    found = [root]
    for process in found:
        found.extend(children(process))
    return found


def memory(root):
    """Proportional memory of a process and its descendants, in MB."""
    total = 0
    for process in family(root):
        try:
            with open("/proc/%d/smaps_rollup" % process) as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            pass
    return total / 1000


class Server:
    """A server that is up."""

    def __init__(self, command, log, **more):
        self.port = free_port()
        self.process = subprocess.Popen(command(self.port), stdout=log, stderr=log, **more)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(self.address, timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise SystemExit("the server did not start: %s" % self.process.returncode)
                time.sleep(0.05)

    @property
    def address(self):
        return "127.0.0.1", self.port

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, patience=60):
        """The exit status after SIGTERM; None when it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class Soak:
    """Load on a server, what is done to it meanwhile, and what came of it."""

    def __init__(self, server, seconds, clients=8, seed=0, reload=0, kill=0):
        self.server, self.record = server, Record()
        self.end = time.monotonic() + seconds
        self.reloads, self.samples = 0, []
        self.random = random.Random(seed)
        self.clients = [Client(server.address, self.record, seed * 1000 + number) for number in range(clients)]
        self.actions = [(period, action) for period, action in ((reload, self.reload), (kill, self.kill_one), (1, self.sample)) if period]

    def reload(self):
        self.server.process.send_signal(signal.SIGHUP)
        self.reloads += 1

    def kill_one(self):
        workers = children(self.server.process.pid)
        if workers:
            process = self.random.choice(workers)
            self.record.killed(process)
            os.kill(process, signal.SIGKILL)

    def sample(self):
        self.samples.append(memory(self.server.process.pid))

    def act(self):
        due = [[time.monotonic() + period, period, action] for period, action in self.actions]
        while time.monotonic() < self.end:
            for entry in due:
                if time.monotonic() >= entry[0]:
                    entry[0] += entry[1]
                    entry[2]()
            time.sleep(0.05)

    def run(self):
        threads = [threading.Thread(target=client.run, args=(lambda: self.end,)) for client in self.clients]
        for thread in threads:
            thread.start()
        self.act()
        for thread in threads:
            thread.join()
        return self

    def growth(self):
        """Memory of the second quarter and of the last one, in MB; twice the same of a run that is too short to tell."""
        quarter = len(self.samples) // 4
        if quarter < 5:
            last = self.samples[-1] if self.samples else 0.0
            return last, last
        return statistics.median(self.samples[quarter:2 * quarter]), statistics.median(self.samples[-quarter:])

    def faults(self):
        """What is wrong, as lines; nothing is good."""
        found = list(self.record.losses)
        if not self.record.counts["answered"]:
            found.append("not one request was answered")
        before, after = self.growth()
        if after > before * 1.2 + 10:
            found.append("memory grew from %.1f to %.1f MB" % (before, after))
        if self.server.process.poll() is not None:
            found.append("the server ended with %s" % self.server.process.returncode)
        return found

    def told(self):
        counts = ", ".join("%d %s" % (count, kind) for kind, count in self.record.counts.most_common())
        return "%s; %d reloads, %d processes killed; memory %.1f MB, then %.1f MB" % (
            counts, self.reloads, len(self.record.kills), *self.growth())


def raise_limit(wanted):
    """Lets this process and its children open that many files; how many they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    elif soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def idle(server, count):
    """Opens `count` connections that ask once and then are idle; what is wrong, and what they cost."""
    record, before = Record(), memory(server.process.pid)
    clients = [Client(server.address, record, number) for number in range(count)]
    for client in clients:
        client.ask("hello", [(b"GET / HTTP/1.1\r\nHost: soak\r\n\r\n", "GET", 200, b"ok\n")])
    each = (memory(server.process.pid) - before) * 1000 / count
    # Others are served meanwhile, and after it the idle ones.
    other = Client(server.address, record, 0)
    for _ in range(100):
        other.one()
    for client in clients[::max(1, count // 200)]:
        used = client.used
        client.ask("hello after a pause", [(b"GET / HTTP/1.1\r\nHost: soak\r\n\r\n", "GET", 200, b"ok\n")])
        if client.used != used + 1:
            record.lose("an idle connection was closed")
    for client in [*clients, other]:
        client.close()
    return record.losses, "%d idle connections, %.1f KB each" % (count, each)


def never_reads(server, count, seconds):
    """Clients that ask for much and read nothing, for some seconds; what is wrong, and what it cost."""
    record, before = Record(), memory(server.process.pid)
    deaf = [socket.create_connection(server.address, timeout=20) for _ in range(count)]
    for sock in deaf:
        sock.sendall(b"GET /stream?100000 HTTP/1.1\r\nHost: soak\r\n\r\n" * 3)
    other, end, most = Client(server.address, record, 0), time.monotonic() + seconds, 0
    while time.monotonic() < end:
        other.ask("hello", [(b"GET / HTTP/1.1\r\nHost: soak\r\n\r\n", "GET", 200, b"ok\n")])
        most = max(most, memory(server.process.pid) - before)
    for sock in deaf:
        sock.close()
    other.close()
    if most > 2 * count + 10:
        record.lose("%d clients that read nothing cost %.1f MB" % (count, most))
    return record.losses, "%d clients that read nothing cost %.1f MB" % (count, most)


def main():
    parser = argparse.ArgumentParser(prog="soak.py")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--reload", type=float, default=0, help="seconds between two SIGHUP; 0: none")
    parser.add_argument("--kill", type=float, default=0, help="seconds between two kills of a child; 0: none")
    parser.add_argument("--idle", type=int, default=10000, help="idle connections; 0: none")
    parser.add_argument("--deaf", type=int, default=3, help="clients that read nothing, fewer than there are threads; 0: none")
    parser.add_argument("--log", default=os.devnull, help="where the server's own output goes")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    limit, faults = raise_limit(2 * options.idle + 200), []
    print("seed %d" % options.seed, flush=True)
    with open(options.log, "w") as log:
        server = Server(lambda port: [*options.command, "--bind", "127.0.0.1:%d" % port], log)
    try:
        if options.idle:
            found, told = idle(server, min(options.idle, limit - 200))
            print(told, flush=True)
            faults += found
        if options.deaf:
            found, told = never_reads(server, options.deaf, 5)
            print(told, flush=True)
            faults += found
        soak = Soak(server, options.seconds, options.clients, options.seed, options.reload, options.kill).run()
        print(soak.told(), flush=True)
        faults += soak.faults()
        status = server.stop()
        if status != 0:
            faults.append("the server stopped with %s" % status)
    finally:
        server.kill()
    for fault in faults:
        print("FAULT: " + fault, flush=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
