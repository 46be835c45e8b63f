"""What a server holds up, in seconds: holding_up.py LIBRARY [NAME...]. `soak.py` is the long form."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.abspath(sys.argv.pop(1))
sys.path.insert(0, HERE)
from soak import Server, Soak, idle, never_reads, raise_limit  # noqa: E402
from soak_client import Client, Record, hello  # noqa: E402


def start(log=None, **settings):
    def command(port):
        chosen = {"module": "soak_app", "callable": "application", "bind": ["127.0.0.1:%d" % port], "threads": 4,
                  "processes": 1, "switch_interval": None, "graceful_timeout": 30, "access_log": False}
        chosen.update(settings)
        return [sys.executable, os.path.join(HERE, "serve.py"), LIBRARY, json.dumps(chosen)]
    return Server(command, log or subprocess.DEVNULL, env=dict(os.environ, TEST_MODULE="soak_app"))


class Classification(unittest.TestCase):
    """The clients against a server that gives one answer after the other, right or wrong."""

    GOOD = b"HTTP/1.1 200 OK\r\nX-Process: 7\r\nContent-Length: 3\r\n\r\nok\n"

    def counted(self, answers, asked=1, killed=None):
        """The counts after asking; an answer of None closes the connection before it is given."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            left = list(answers)
            while left:
                sock, _ = listener.accept()
                with sock:
                    while left and sock.recv(1000):
                        answer = left.pop(0)
                        if answer is None:
                            break
                        sock.sendall(answer)
                        if answer != self.GOOD:
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        record = Record()
        if killed:
            record.killed(killed)
        client = Client(listener.getsockname(), record, 0)
        for _ in range(asked):
            client.ask("hello", hello(None))
        client.close()
        thread.join()
        return dict(record.counts)

    def test_answers(self):
        self.assertEqual(self.counted([self.GOOD] * 3, 3), {"answered": 3})

    def test_an_idle_connection_may_be_closed_once(self):
        self.assertEqual(self.counted([self.GOOD, None, self.GOOD], 2), {"answered": 2, "sent again on a new connection": 1})
        counts = self.counted([self.GOOD, None, None], 2)
        self.assertEqual(counts, {"answered": 1, "sent again on a new connection": 1, "lost": 1})

    def test_a_new_connection_may_not_be_closed(self):
        self.assertEqual(self.counted([None]), {"lost": 1})

    def test_an_answer_may_not_be_cut(self):
        self.assertEqual(self.counted([self.GOOD[:-1]]), {"lost": 1})
        self.assertEqual(self.counted([self.GOOD, self.GOOD[:10]], 2), {"answered": 1, "lost": 1})

    def test_unless_its_process_was_killed(self):
        self.assertEqual(self.counted([self.GOOD[:-1]], killed=7), {"cut by a killed process": 1})
        self.assertEqual(self.counted([self.GOOD[:-1]], killed=8), {"lost": 1})
        # Nothing has come: it may have been any.
        self.assertEqual(self.counted([None], killed=8), {"cut by a killed process": 1})

    def test_a_wrong_answer_is_a_loss(self):
        self.assertEqual(self.counted([self.GOOD.replace(b"ok", b"ko")]), {"lost": 1})
        self.assertEqual(self.counted([self.GOOD.replace(b"200", b"503")]), {"lost": 1})


class HoldingUp(unittest.TestCase):
    def serve(self, *args, **settings):
        server = start(*args, **settings)
        self.addCleanup(server.kill)
        return server

    def test_mixed_load(self):
        server = self.serve()
        soak = Soak(server, 4, seed=1).run()
        self.assertEqual(soak.faults(), [])
        self.assertGreater(soak.record.counts["answered"], 500)
        self.assertEqual(server.stop(), 0)

    def test_idle_connections(self):
        count = min(1000, (raise_limit(2500) - 200) // 2)
        server = self.serve()
        faults, told = idle(server, count)
        self.assertEqual(faults, [], told)
        self.assertEqual(server.stop(), 0)

    def test_clients_that_never_read(self):
        server = self.serve()
        faults, told = never_reads(server, 3, 2)
        self.assertEqual(faults, [], told)
        self.assertEqual(server.stop(), 0)

    def test_a_full_disk_under_the_access_log(self):
        with open("/dev/full", "w") as full:
            server = self.serve(full, access_log=True)
        soak = Soak(server, 2, seed=2).run()
        self.assertEqual(soak.faults(), [])
        # What serve.py prints at the end does not fit either.
        self.assertIsNotNone(server.stop())

    def test_a_stop_under_load_loses_nothing_that_was_begun(self):
        server = self.serve()
        with socket.create_connection(server.address, timeout=20) as sock:
            sock.sendall(b"GET /slow?1 HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.3)
            self.assertEqual(server.stop(), 0)
            self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
