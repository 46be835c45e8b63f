"""Requests that take too long in the application: timeouts.py LIBRARY [NAME...]."""

import os
import sys
import time
import unittest

os.environ["TEST_MODULE"] = "slow_applications"
from cases import GIL, Server  # noqa: E402


class Timeouts(unittest.TestCase):
    def serve(self, **settings):
        server = Server(**settings).start()
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server

    def ask(self, server, path):
        with server.connect() as connection:
            response = connection.request("GET " + path).response()
            self.ended = response.field.get("connection") == "close" and connection.ended()
            return response

    def until(self, server, done):
        deadline = time.monotonic() + 20
        while not done():
            self.assertLess(time.monotonic(), deadline, server.log)
            time.sleep(0.05)

    def is_late(self, server, path):
        response = self.ask(server, path)
        self.assertEqual((response.code, response.body), (504, b"the application did not answer in time\n"))
        self.assertTrue(self.ended)

    def test_a_client_is_answered_without_the_application(self):
        server = self.serve(threads=1, request_timeout=1, access_log=True)
        self.is_late(server, "/blocks?2.5")
        server.wait_log(r'"GET /blocks\?2.5 HTTP/1.1" 504 39')
        server.wait_log(r"GET /blocks\?2.5: not finished within 1 s")
        if GIL == "free":
            # Frames that run cannot be looked at: CPython's own dump, as far as it goes.
            server.wait_log(r"line \d+ in blocks\n")
        else:
            stack = server.wait_log(r"(?s)GET /blocks\?2.5, for 1\.\d s \(most recent call last\):\n.*?MainThread").group()
            self.assertIn(b"in blocks\n    time.sleep(seconds)\n", stack)
        # The thread comes back, and nothing is left of the request.
        self.assertEqual(self.ask(server, "/hello").body, b"hello")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.log.count(b"/blocks?2.5 HTTP/1.1"), 1)

    def test_a_response_that_has_begun_is_cut(self):
        server = self.serve(threads=2, request_timeout=1)
        with server.connect() as connection:
            connection.request("GET /streams?3")
            connection.until(b"first\r\n")
            began = time.monotonic()
            self.assertTrue(connection.ended())
            self.assertLess(time.monotonic() - began, 2.5)
        self.assertEqual(self.ask(server, "/hello").body, b"hello")
        server.wait_log(r"GET /streams\?3: not finished within 1 s")
        self.assertEqual(server.stop(), 0)

    def test_an_exception_is_raised(self):
        server = self.serve(threads=2, interrupt_timeout=1)
        response = self.ask(server, "/loops?30")
        self.assertEqual((response.code, response.body), (504, b"Gateway Timeout\n"))
        trace = server.wait_log(r"(?s)GET /loops\?30: interrupted .*?RequestTimeout\n").group()
        self.assertIn(b"in loops\n", trace)
        response = self.ask(server, "/swallows?30")
        self.assertEqual(response.code, 504)
        response = self.ask(server, "/catches?30")
        self.assertEqual((response.code, response.body), (503, b"gave up"))
        self.assertEqual(server.stop(), 0)

    def test_the_next_request_is_not_interrupted(self):
        server = self.serve(threads=1, interrupt_timeout=1)
        with server.connect() as connection:
            for step in range(8):
                code = connection.request("GET /loops?%.4f" % (0.9988 + 0.0004 * step)).response().code
                self.assertIn(code, (200, 504))
                for _ in range(3):
                    self.assertEqual(connection.request("GET /hello").response().code, 200)
        self.assertEqual(server.stop(), 0)

    def test_both(self):
        server = self.serve(threads=2, interrupt_timeout=1, request_timeout=2)
        self.assertEqual(self.ask(server, "/loops?30").body, b"Gateway Timeout\n")
        self.is_late(server, "/blocks?4")
        # It is interrupted when it comes back, and has nobody to tell.
        server.wait_log(r"(?s)GET /blocks\?4: interrupted .*?RequestTimeout\n")
        self.assertNotIn(b"GET /loops?30: not finished", server.log)
        self.assertEqual(server.stop(), 0)

    def test_interpreters(self):
        if sys.version_info < (3, 12) or GIL == "free":
            self.skipTest("no interpreters with a GIL of their own")
        server = self.serve(gil="per-interpreter", interpreters=2, threads=1, interrupt_timeout=1, request_timeout=2)
        self.assertEqual(self.ask(server, "/loops?30").body, b"Gateway Timeout\n")
        self.is_late(server, "/blocks?4")
        server.wait_log(r"(?s)GET /blocks\?4, for 2\.\d s \(most recent call last\):\n.*?in blocks\n    time.sleep\(seconds\)\n")
        self.assertEqual(self.ask(server, "/hello").body, b"hello")
        self.assertEqual(server.stop(), 0, server.log.decode())

    def test_a_worker_is_replaced(self):
        server = self.serve(threads=2, supervise=True, request_timeout=1, graceful_timeout=1)
        before = int(self.ask(server, "/process").body.split()[0])
        self.is_late(server, "/blocks?60")
        server.wait_log(r"is replaced: a thread of it does not come back")
        self.until(server, lambda: int(self.ask(server, "/process").body.split()[0]) != before)
        self.until(server, lambda: not os.path.exists("/proc/%d" % before))
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
