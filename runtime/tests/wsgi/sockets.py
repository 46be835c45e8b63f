"""Unix sockets, and sockets that a service manager passes: sockets.py LIBRARY [NAME...]."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

from cases import HERE, LIBRARY, Connection, Server

FORWARDED = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
# Passes descriptor 3 as systemd does, and becomes the server.
PASS = """
import os, sys
descriptor = int(sys.argv[1])
os.dup2(descriptor, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])
os.execv(sys.executable, [sys.executable] + sys.argv[3:])
"""


class Sockets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "a site.sock")

    def serve(self, **settings):
        server = Server(**{"bind": ["unix:" + self.path], **settings})
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        server.wait_log(r"serving .* on unix:.*a site.sock|<end>")
        if "supervise" in settings:
            server.wait_log(r"is ready")
        return server

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(self.path)
        self.addCleanup(client.close)
        return Connection(client)

    def environ(self, headers=""):
        response = self.connect().request("GET /environ", headers).response()
        return json.loads(response.body)

    def test_requests(self):
        server = self.serve(access_log=True, socket_mode=0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        connection = self.connect()
        for _ in range(3):
            self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
        body = b"x" * 300000
        echoed = connection.request("POST /echo", "Content-Length: %d\r\n" % len(body), body).response()
        self.assertEqual(echoed.body, body)
        environ = self.environ()
        self.assertEqual(environ["REMOTE_ADDR"], "")
        self.assertNotIn("REMOTE_PORT", environ)
        self.assertEqual((environ["SERVER_NAME"], environ["SERVER_PORT"]), ("test", "80"))
        old = self.connect().send(b"GET /environ HTTP/1.0\r\nHost: [::1]:8080\r\n\r\n").response()
        environ = json.loads(old.body)
        self.assertEqual((environ["SERVER_NAME"], environ["SERVER_PORT"]), ("[::1]", "8080"))
        old = self.connect().send(b"GET /environ HTTP/1.0\r\n\r\n").response()
        self.assertEqual(json.loads(old.body)["SERVER_NAME"], "localhost")
        self.assertEqual(server.stop(), 0)
        self.assertIn(b'- - - [', server.log)
        self.assertFalse(os.path.exists(self.path))

    def test_who_is_believed(self):
        self.serve(trusted_proxies="unix")
        environ = self.environ(FORWARDED)
        self.assertEqual((environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]), ("203.0.113.9", "https"))

    def test_who_is_not_believed(self):
        self.serve(trusted_proxies="0.0.0.0/0")
        environ = self.environ(FORWARDED)
        self.assertEqual((environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]), ("", "http"))

    def test_a_place_that_is_taken(self):
        self.serve()
        second = Server(bind=["unix:" + self.path])
        self.assertNotEqual(second.process.wait(20), 0)
        second.wait_log("another program listens there")
        second.stop()
        self.assertEqual(self.connect().request("GET /hello").response().code, 200)

    def test_what_is_left_of_a_killed_server(self):
        self.serve().stop(9)
        self.assertTrue(os.path.exists(self.path))
        self.serve()
        self.assertEqual(self.connect().request("GET /hello").response().code, 200)

    def test_other_files_stay(self):
        with open(self.path, "w") as file:
            file.write("precious")
        server = Server(bind=["unix:" + self.path])
        self.assertNotEqual(server.process.wait(20), 0)
        server.wait_log("is no socket")
        server.stop()
        self.assertEqual(open(self.path).read(), "precious")

    def test_workers(self):
        server = self.serve(processes=2, supervise=True)
        for _ in range(5):
            self.assertEqual(self.connect().request("GET /hello").response().code, 200)
        self.assertEqual(server.stop(), 0, server.log)
        self.assertFalse(os.path.exists(self.path))

    def passed(self, listener, count="1", **settings):
        settings = json.dumps(dict(Server.SETTINGS, bind=["127.0.0.1:1"], **settings))
        return subprocess.Popen(
            [sys.executable, "-c", PASS, str(listener.fileno()), count, os.path.join(HERE, "serve.py"), LIBRARY, settings],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[listener.fileno()])

    def test_sockets_of_a_service_manager(self):
        for settings in ({}, {"supervise": True, "processes": 2}):
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen(8)
                # Who knocks before the server is there is answered all the same.
                with Connection(socket.create_connection(listener.getsockname(), timeout=20)) as early:
                    early.request("GET /hello")
                    server = self.passed(listener, **settings)
                    self.assertEqual(early.response().body, b"hello\n")
                server.terminate()
                output = server.communicate(timeout=20)[0].decode()
                self.assertEqual(server.returncode, 0, output)
                if not settings:
                    self.assertIn("http://127.0.0.1:%d" % listener.getsockname()[1], output)

    def test_a_service_manager_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(os.path.dirname(self.path), "notify")
            manager.bind(path)
            manager.settimeout(20)
            os.environ["NOTIFY_SOCKET"] = path
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            for settings in ({}, {"supervise": True, "processes": 2}):
                server = self.serve(**settings)
                self.assertEqual(manager.recv(99), b"READY=1")
                self.assertEqual(self.connect().request("GET /hello").response().code, 200)
                self.assertEqual(server.stop(), 0)
                self.assertEqual(manager.recv(99), b"STOPPING=1")

    def test_what_a_service_manager_must_not_pass(self):
        with open(os.devnull) as file:
            server = self.passed(file)
            output = server.communicate(timeout=20)[0].decode()
        self.assertEqual(server.returncode, 1, output)
        self.assertIn("descriptor 3, named by LISTEN_FDS, is no stream socket that listens", output)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
