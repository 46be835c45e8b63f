"""Real servers, as the system's packages install them, each in a folder of its own. Where there is none, the script ends
with the status that says so."""

import contextlib
import os
import glob
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SKIPPED = 77


def need(program, *patterns):
    """Where `program` is."""
    found = [path for pattern in patterns for path in sorted(glob.glob(pattern))]
    path = found[-1] if found else shutil.which(program)
    if not path:
        print(f"there is no {program} on this machine")
        sys.exit(SKIPPED)
    return path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def running(command, port, **options):
    """A server, once it listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {process.returncode}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def redis_server():
    """The port of a Redis."""
    program, port = need("redis-server"), free_port()
    with tempfile.TemporaryDirectory() as folder:
        with running([program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder], port):
            yield port


@contextlib.contextmanager
def postgres():
    """The URL of a PostgreSQL."""
    initdb, port = need("initdb", "/usr/lib/postgresql/*/bin/initdb"), free_port()
    with tempfile.TemporaryDirectory() as folder:
        user = {}
        if os.getuid() == 0:
            # It refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            try:
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            except OSError:
                print("PostgreSQL cannot be run as another user here")
                sys.exit(SKIPPED)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data = os.path.join(folder, "data")
        subprocess.run([initdb, "-D", data, "-U", "pack", "-A", "trust", "-E", "UTF8", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd=folder, **user)
        server = os.path.join(os.path.dirname(initdb), "postgres")
        with running([server, "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"], port, cwd=folder, **user):
            url = f"postgresql://pack@127.0.0.1:{port}/postgres"
            for _ in range(100):
                ready = subprocess.run([os.path.join(os.path.dirname(initdb), "pg_isready"), "-q", "-h", "127.0.0.1",
                                        "-p", str(port)]).returncode == 0
                if ready:
                    break
                time.sleep(0.1)
            yield url
