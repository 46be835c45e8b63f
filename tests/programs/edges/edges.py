"""Tells the tests what a program sees in odd surroundings: `edges ACTION [ARGUMENT…]`."""

import json
import locale
import os
import signal
import sys


def tell(**facts):
    """Writes the facts to the file named by OUT, else to standard output."""
    text = json.dumps(facts)
    if "OUT" in os.environ:
        with open(os.environ["OUT"], "w", encoding="ascii") as file:
            file.write(text)
    else:
        print(text)


def facts(*_arguments):
    """What most tests ask."""
    tell(
        frozen=getattr(sys, "frozen", None),
        meipass=getattr(sys, "_MEIPASS", None),
        executable=os.fsencode(sys.executable).hex(),
        argv=[os.fsencode(argument).hex() for argument in sys.argv[2:]],
        home=os.path.expanduser("~"),
        encodings=[sys.getfilesystemencoding(), sys.flags.utf8_mode],
        locale=[locale.setlocale(locale.LC_CTYPE), os.environ.get("LC_CTYPE")],
        environment=sorted(os.environ),
    )


def streams():
    """Which standard streams there are, and what number the first file opened has."""
    facts = {name: getattr(sys, name) is not None for name in ("stdin", "stdout", "stderr")}
    first = os.open("/", os.O_RDONLY)
    os.close(first)
    tell(first=first, **facts)


def descriptors():
    """Which of the first thirty descriptors are open, with what is behind them."""
    found = {}
    for number in range(30):
        try:
            status = os.fstat(number)
        except OSError:
            continue
        found[number] = [status.st_mode, status.st_ino]
    tell(open=found)


def recurse():
    """Recurses until Python refuses."""
    def deeper(depth):
        return deeper(depth + 1)

    try:
        deeper(0)
    except RecursionError:
        tell(refused=True)


def process():
    """What the system says of this process."""
    with open("/proc/self/comm", encoding="utf-8") as file:
        name = file.read().strip()
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        children = file.read().split()
    with open("/proc/self/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    with open("/proc/self/cgroup", encoding="ascii") as file:
        cgroup = file.read()
    tell(
        pid=os.getpid(), name=name, children=children, cgroup=cgroup,
        signals=[status[key] for key in ("SigBlk", "SigIgn", "SigCgt")], threads=status["Threads"],
    )


def activation():
    """What systemd hands to a service."""
    names = ("NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    text = os.read(3, 100).decode("ascii")
    with_pid = {name: os.environ.get(name) for name in names}
    tell(pid=os.getpid(), text=text, **with_pid)


def late():
    """Imports modules that nobody has imported yet, once SIGUSR1 comes."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    print("ready", flush=True)
    signal.sigwait([signal.SIGUSR1])
    import colorsys
    import fractions
    import sqlite3
    import wave
    import xml.dom.minidom

    print(fractions.Fraction(1, 2), colorsys.rgb_to_hsv(1, 1, 1), wave.__name__, sqlite3.__name__,
          xml.dom.minidom.__name__)


def restart(left):
    """Becomes itself again, some times over, then by subprocess once."""
    left = int(left)
    if left > 0:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "restart", str(left - 1)])
    import subprocess

    own = subprocess.run([sys.executable, "facts"], stdout=subprocess.PIPE, check=True)
    print(own.stdout.decode("ascii"), end="")


def die(name):
    """Ends by a signal."""
    os.kill(os.getpid(), getattr(signal, name))
    signal.pause()


def privileged():
    """Which user's rights this process has."""
    tell(ids=[os.getuid(), os.geteuid()], meipass=sys._MEIPASS, owner=os.stat(sys._MEIPASS).st_uid)


ACTIONS = {
    function.__name__: function
    for function in (
        facts, streams, descriptors, recurse, process, activation, late, restart, die, privileged,
    )
}

if __name__ == "__main__":
    ACTIONS[sys.argv[1]](*sys.argv[2:])
