"""What a hostile client may not do, with limits that a test can wait for: limits.py LIBRARY [NAME...].

A server whose settings have no such limits does not start with them: that is told, and nothing is asked.
"""

import os
import socket
import sys
import threading
import time
import unittest

os.environ["TEST_MODULE"] = "trap_applications"
from cases import Server  # noqa: E402

SETTINGS = {
    "max_header_size": 4000, "max_header_count": 20, "max_body_size": 100000, "head_timeout": 1, "keep_alive_timeout": 1,
    "body_timeout": 1, "send_timeout": 1, "queue_limit": 2, "threads": 1,
}
HEAD = "GET /hello HTTP/1.1\r\nHost: a\r\n"


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(**SETTINGS)
        try:
            cls.server.start()
        except AssertionError:
            cls.server.stop()
            if b"served, status -1" not in cls.server.output:
                raise
            print("left out: this server has no settings %s" % ", ".join(SETTINGS), file=sys.stderr)
            raise unittest.SkipTest("no such settings")

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, (status, cls.server.log.decode(errors="replace"))

    def connect(self):
        connection = self.server.connect()
        self.addCleanup(connection.sock.close)
        return connection

    def serves(self):
        with self.server.connect() as connection:
            self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")

    def events(self, expected):
        deadline = time.time() + 10
        while True:
            with self.server.connect() as connection:
                body = connection.request("GET /bad_event_log").response().body
            if expected in body or time.time() > deadline:
                return self.assertIn(expected, body)
            time.sleep(0.05)

    def refused(self, data, code):
        connection = self.connect()
        self.assertEqual(connection.send(data).response().code, code)
        self.assertTrue(connection.ended())

    def test_heads(self):
        self.refused(HEAD + "X: " + "y" * 4000 + "\r\n\r\n", 431)
        self.refused(HEAD + "X: " + "y" * 6000, 431)
        self.refused("GET /" + "y" * 6000, 431)
        self.refused(HEAD + "X: y\r\n" * 20 + "\r\n", 431)
        connection = self.connect()
        self.assertEqual(connection.send(HEAD + "X: y\r\n" * 19 + "\r\n").response().code, 200)

    def test_bodies(self):
        self.refused("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n", 413)
        chunks = b"".join(b"%x\r\n%s\r\n" % (50000, b"x" * 50000) for _ in range(3)) + b"0\r\n\r\n"
        connection = self.connect()
        connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            connection.send(chunks)
        except ConnectionError:
            pass
        self.assertEqual(connection.response().code, 413)
        self.assertTrue(connection.ended())
        connection = self.connect()
        connection.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "x" * 100000)
        self.assertEqual(len(connection.response().body), 100000)

    def test_a_head_that_does_not_come(self):
        # Nothing was asked: nothing is answered.
        self.assertTrue(self.connect().ended())

    def test_a_head_that_does_not_end(self):
        self.refused(HEAD, 408)

    def test_a_head_that_drips(self):
        connection, sent = self.connect(), 0
        connection.send(HEAD)
        connection.sock.settimeout(0.2)
        while sent < 100:
            sent += 1
            try:
                connection.send("X: y\r\n")
                if not connection.more():
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
            break
        self.assertLess(sent, 100, "a byte now and then keeps a head open for ever")
        self.assertTrue(connection.buffer == b"" or connection.buffer.startswith(b"HTTP/1.1 408 "), connection.buffer)

    def test_an_idle_connection(self):
        connection = self.connect()
        connection.request("GET /hello").response()
        self.assertTrue(connection.ended())

    def test_a_body_that_does_not_come(self):
        for fields, part in (("Content-Length: 10", "abc"), ("Content-Length: 90000", "abc"),
                             ("Transfer-Encoding: chunked", "3\r\nabc\r\n"), ("Transfer-Encoding: chunked", "")):
            self.refused("POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s" % (fields, part), 408)
        self.serves()

    def test_a_client_that_never_reads(self):
        connection = self.connect()
        connection.send("GET /bad_endless HTTP/1.1\r\nHost: a\r\n\r\n")
        # The only thread gives up on it.
        self.serves()
        self.events(b"closed endless")

    def test_a_full_queue(self):
        slow = self.connect()
        slow.request("GET /bad_wait")
        time.sleep(0.2)
        waiting = [self.connect() for _ in range(6)]
        codes, fields = [], []

        def ask(connection):
            response = connection.request("GET /hello").response()
            codes.append(response.code)
            fields.append(response.field)

        threads = [threading.Thread(target=ask, args=(connection,)) for connection in waiting]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(503, codes)
        self.assertIn(200, codes)
        for code, found in zip(codes, fields):
            self.assertEqual("retry-after" in found, code == 503)
        self.assertEqual(slow.response().code, 200)

    def test_a_flood_of_connections_that_say_nothing(self):
        flood = [self.connect() for _ in range(300)]
        self.serves()
        for connection in flood:
            self.assertTrue(connection.ended())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
