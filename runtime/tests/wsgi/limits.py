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

    def test_a_body_that_comes_slowly_takes_no_thread(self):
        # Only what is beyond the first 64 KiB is waited for by one, here the only one.
        slow = [(self.connect(), fields, part) for fields, part in (
            ("Content-Length: 10", "abc"), ("Content-Length: 90000", "x" * 65000), ("Transfer-Encoding: chunked", "3\r\nabc\r\n"))]
        for connection, fields, part in slow:
            connection.send("POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s" % (fields, part))
        time.sleep(0.2)
        self.serves()
        for connection, _, _ in slow:
            connection.sock.settimeout(0)
            self.assertRaises(BlockingIOError, connection.more)
            connection.sock.settimeout(20)
        for (connection, _, part), rest in zip(slow, ("defghij", "y" * 25000, "1\r\nd\r\n0\r\n\r\n")):
            body = connection.send(rest).response().body.decode()
            self.assertEqual(len(body), {"a": 10, "x": 90000, "3": 4}[part[0]])

    def test_bodies_that_pause_leave_a_thread_for_others(self):
        server = Server(**dict(SETTINGS, body_timeout=6, threads=3, queue_limit=10))
        server.start()
        self.addCleanup(server.stop)
        slow = []
        for _ in range(3):
            for fields, part in (("Content-Length: 90000", "abc"), ("Transfer-Encoding: chunked", "3\r\nabc\r\n")):
                slow.append(server.connect())
                self.addCleanup(slow[-1].sock.close)
                slow[-1].send("POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s" % (fields, part))
        # Some are with the application by then, as their clients may wait for it.
        time.sleep(2.6)
        for _ in range(3):
            with server.connect() as other:
                other.sock.settimeout(2)
                self.assertEqual(other.request("GET /hello").response().body, b"hello\n")
        for connection in slow:
            self.assertEqual(connection.response().code, 408)

    def drips(self, start, drop, pause=0.25, most=40):
        """How many drops are taken behind `start` before the connection is ended, with the answer 408 if any."""
        connection, sent = self.connect(), 0
        connection.send(start)
        connection.sock.settimeout(pause)
        while sent < most:
            try:
                connection.send(drop)
                sent += 1
                if not connection.more() or b"\r\n\r\n" in connection.buffer:
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
        self.assertTrue(connection.buffer == b"" or connection.buffer.startswith(b"HTTP/1.1 408 "), connection.buffer)
        return sent

    def test_a_body_that_drips(self):
        post = "POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n"
        for start, drop in ((post % "Content-Length: 1000", "x"),
                            (post % "Content-Length: 90000" + "x" * 70000, "x"),
                            (post % "Transfer-Encoding: chunked", "1\r\nx\r\n"),
                            (post % "Transfer-Encoding: chunked" + "11170\r\n" + "x" * 70000 + "\r\n", "1\r\nx\r\n")):
            self.assertLess(self.drips(start, drop), 20, "a byte now and then keeps a body open: %s" % start[:80])
        self.serves()

    def test_a_slow_body_that_comes(self):
        # 400 bytes a second, for longer than one may send nothing.
        for fields, size in (("Content-Length: 1000", 1000), ("Content-Length: 71000", 71000)):
            connection = self.connect().send("POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n" % fields + "x" * (size - 1000))
            for _ in range(10):
                time.sleep(0.25)
                connection.send("x" * 100)
            self.assertEqual(len(connection.response().body), size)

    def test_a_client_that_reads_slowly(self):
        # The system tells of room only when much of its buffer is free, which takes longer than the timeout.
        server = Server(**dict(SETTINGS, send_timeout=2))
        server.start()
        self.addCleanup(server.stop)
        connection = server.connect()
        self.addCleanup(connection.sock.close)
        connection.send("GET /bad_endless HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(connection.head().code, 200)
        for _ in range(28):
            time.sleep(0.25)
            self.assertTrue(connection.sock.recv(1 << 16))
        # The only thread is still with it.
        other = server.connect()
        self.addCleanup(other.sock.close)
        other.request("GET /hello").sock.settimeout(0.3)
        self.assertRaises(socket.timeout, other.more)
        connection.sock.close()
        other.sock.settimeout(20)
        self.assertEqual(other.response().body, b"hello\n")

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
