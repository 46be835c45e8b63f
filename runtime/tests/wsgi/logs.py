"""The access log's forms and files: logs.py LIBRARY [NAME...]."""

import json
import os
import re
import signal
import sys
import tempfile
import time
import unittest

from cases import Server

AGENT = 'User-Agent: a "quoted" \\ \xe9 agent\r\n'


class Logs(unittest.TestCase):
    def serve(self, **settings):
        server = Server(access_log=True, **settings).start()
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /hello?q=%22", AGENT).response().body, b"hello\n")
        with server.connect() as connection:
            self.assertEqual(connection.send(b"nonsense\r\n\r\n").response().code, 400)
        return server

    def lines(self, **settings):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "access.log")
            with open(path, "w") as file:
                file.write("before\n")
            server = self.serve(access_log_file=path, **settings)
            self.assertEqual(server.stop(), 0)
            self.assertNotIn(b"/hello", server.log)
            with open(path) as file:
                first, *lines = file.read().splitlines()
            self.assertEqual((first, len(lines)), ("before", 2))
            return lines

    def test_combined_in_a_file(self):
        lines = self.lines()
        self.assertTrue(lines[0].endswith(r'"GET /hello?q=%22 HTTP/1.1" 200 6 "-" "a \"quoted\" \\ \xe9 agent"'), lines)
        self.assertIn('400', lines[1])

    def test_json_in_a_file(self):
        lines = [json.loads(line) for line in self.lines(access_log_format="json")]
        line = lines[0]
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertGreaterEqual(line.pop("seconds"), 0)
        self.assertEqual(line, {
            "client": "127.0.0.1", "request": "GET /hello?q=%22 HTTP/1.1", "status": 200, "bytes": 6, "referer": None,
            "user_agent": 'a "quoted" \\ \ufffd agent',
        })
        self.assertEqual((lines[1]["status"], lines[1]["user_agent"]), (400, None))

    def test_json_on_stderr(self):
        server = self.serve(access_log_format="json")
        line = server.wait_log(r'\{.*"request":"GET /hello[^\n]*\n').group()
        self.assertEqual(json.loads(line)["status"], 200)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk_does_not_stop_the_server(self):
        server = self.serve(access_log_file="/dev/full")
        server.wait_log("the access log loses lines")
        for _ in range(3):
            with server.connect() as connection:
                self.assertEqual(connection.request("GET /hello").response().code, 200)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len(re.findall(b"loses lines", server.log)), 1)

    def test_a_file_that_is_moved_away(self):
        for settings in ({}, {"processes": 2}):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "access.log")
                server = self.serve(access_log_file=path, **settings)
                self.wait_for(path, "hello?q")
                os.rename(path, path + ".1")
                server.process.send_signal(signal.SIGUSR1)
                deadline = time.monotonic() + 20
                while not (os.path.exists(path) and "/hello?after" in self.read(path)):
                    self.assertLess(time.monotonic(), deadline)
                    with server.connect() as connection:
                        self.assertEqual(connection.request("GET /hello?after").response().code, 200)
                    time.sleep(0.05)
                self.assertEqual(server.stop(), 0)
                self.assertIn("hello?q", self.read(path + ".1"))

    def test_a_signal_that_is_for_nobody_ends_no_worker(self):
        server = self.serve(processes=2)
        workers = [int(number) for number in re.findall(rb"worker \d+ \(process (\d+)\) is ready", server.log)]
        for process in [server.process.pid, *workers]:
            os.kill(process, signal.SIGUSR1)
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /hello").response().code, 200)
        self.assertEqual(server.stop(), 0)
        self.assertNotRegex(server.log, rb"ended")

    def test_a_file_that_cannot_be_opened_again(self):
        with tempfile.TemporaryDirectory() as folder:
            inner = os.path.join(folder, "logs")
            os.mkdir(inner)
            server = self.serve(access_log_file=os.path.join(inner, "access.log"))
            os.rename(inner, inner + ".old")
            server.process.send_signal(signal.SIGUSR1)
            server.wait_log("cannot open the access log .* again: .*; the old file is written to")
            with server.connect() as connection:
                connection.request("GET /hello?late").response()
            self.assertEqual(server.stop(), 0)
            self.assertIn("/hello?late", self.read(os.path.join(inner + ".old", "access.log")))

    def read(self, path):
        with open(path) as file:
            return file.read()

    def wait_for(self, path, text):
        deadline = time.monotonic() + 20
        while text not in self.read(path):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_a_file_that_cannot_be(self):
        server = Server(access_log=True, access_log_file="/nowhere/access.log")
        server.process.wait(20)
        self.assertEqual(server.stop(), 1)
        self.assertIn(b"cannot open the access log `/nowhere/access.log`", server.log)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
