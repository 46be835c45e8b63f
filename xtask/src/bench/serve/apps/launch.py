"""Starts the servers that have no command line of their own: launch.py SERVER PORT PROCESSES"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench_app import application  # noqa: E402


def bjoern(port, processes):
    import bjoern
    for _ in range(processes - 1):
        if os.fork() == 0:
            break
    # A listening socket of its own for each, so that the kernel spreads the connections. It refuses a second one in a process.
    bjoern.run(application, "127.0.0.1", port, reuse_port=processes > 1, listen_backlog=1024)


def fastwsgi(port, processes):
    import warnings
    warnings.simplefilter("ignore")
    import fastwsgi
    fastwsgi.server.tcp_nodelay = 1
    fastwsgi.run(application, "127.0.0.1", port, 0, processes)


globals()[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))
