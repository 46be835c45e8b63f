"""Files on disk as responses: files.py LIBRARY [NAME...]."""

import os
import sys
import tempfile
import unittest

os.environ["TEST_MODULE"] = "file_applications"
FOLDER = tempfile.TemporaryDirectory()
os.environ["TEST_FOLDER"] = FOLDER.name
from cases import Case, Server  # noqa: E402
import frames  # noqa: E402

CONTENT = bytes(range(97, 123)) * 40000
HUGE = 64 << 20


class Files(Case):
    @classmethod
    def setUpClass(cls):
        with open(os.path.join(FOLDER.name, "letters"), "wb") as file:
            file.write(CONTENT)
        open(os.path.join(FOLDER.name, "nothing"), "wb").close()
        with open(os.path.join(FOLDER.name, "huge"), "wb") as file:
            file.truncate(HUGE)
        cls.server = Server(threads=1).start()

    def setUp(self):
        """There are no events."""

    def rest(self, connection, expected):
        """How much comes of so many bytes."""
        count = len(connection.buffer)
        while count < expected:
            data = connection.sock.recv(1 << 20)
            if not data:
                break
            count += len(data)
        return count

    def test_whole_files_and_parts(self):
        connection = self.connect()
        for query, expected in (
                ("name=letters", CONTENT), ("name=letters&kind=raw", CONTENT), ("name=letters&skip=3", CONTENT[3:]),
                ("name=letters&kind=raw&skip=5", CONTENT[5:]), ("name=letters&skip=2&length=7", CONTENT[2:9]),
                ("name=letters&length=0", b""), ("name=nothing", b""), ("name=letters&kind=loud", CONTENT.upper()),
                ("name=letters&kind=own", CONTENT.upper()), ("name=letters&status=206+Partial+Content&skip=9&length=3", b"jkl")):
            response = connection.request("GET /?" + query).response()
            self.assertEqual(response.body, expected, query)
            if "kind" not in query and "nothing" not in query:
                self.assertEqual(response.field["content-length"], str(len(expected)), query)

    def test_no_body(self):
        connection = self.connect()
        response = connection.request("HEAD /?name=letters").response("HEAD")
        self.assertEqual(response.field["content-length"], str(len(CONTENT)))
        for status in ("204+No+Content", "304+Not+Modified"):
            self.assertEqual(connection.request("GET /?name=letters&status=" + status).response().code, int(status[:3]))
        self.assertEqual(connection.request("GET /hello").response().body, b"hello")

    def test_too_short_for_its_length(self):
        connection = self.connect()
        response = connection.request("GET /?name=letters&length=%d" % (len(CONTENT) + 10)).head()
        self.assertEqual(response.code, 200)
        with self.assertRaises((EOFError, ConnectionError)):
            connection.exactly(len(CONTENT) + 10)
        self.server.wait_log("10 bytes shorter than its Content-Length")

    def test_an_old_client(self):
        response = self.connect().send(b"GET /?name=letters HTTP/1.0\r\n\r\n").response()
        self.assertEqual(response.body, CONTENT)

    def test_a_file_that_is_gone(self):
        with open(os.path.join(FOLDER.name, "passing"), "wb") as file:
            file.write(CONTENT)
        response = self.connect().request("GET /?name=passing&unlink=1").response()
        self.assertEqual(response.body, CONTENT)

    def test_a_slow_client_keeps_no_thread(self):
        slow = self.connect().request("GET /?name=huge")
        # There is one thread, and the file does not fit into the socket.
        for _ in range(3):
            self.assertEqual(self.connect().request("GET /hello").response().body, b"hello")
        self.assertEqual(slow.head().field["content-length"], str(HUGE))
        self.assertEqual(self.rest(slow, HUGE), HUGE)

    def test_a_file_that_shrinks_meanwhile(self):
        path = os.path.join(FOLDER.name, "shrinking")
        with open(path, "wb") as file:
            file.truncate(50 << 20)
        connection = self.connect().request("GET /?name=shrinking")
        connection.head()
        os.truncate(path, 1 << 20)
        try:
            self.assertLess(self.rest(connection, 50 << 20), 50 << 20)
        except ConnectionError:
            pass
        self.assertEqual(self.connect().request("GET /hello").response().body, b"hello")

    def test_a_client_that_leaves(self):
        for _ in range(5):
            self.connect().request("GET /?name=huge").sock.close()
        self.assertEqual(self.connect().request("GET /hello").response().body, b"hello")


class FilesByHttp2(Files):
    """One thread serves all of it."""

    def connect(self):
        client = frames.connect(self.server.port)
        self.addCleanup(client.sock.close)
        return client

    def test_whole_files_and_parts(self):
        client = self.connect()
        for query, expected in (
                ("name=letters", CONTENT), ("name=letters&skip=3", CONTENT[3:]), ("name=letters&skip=2&length=7", CONTENT[2:9]),
                ("name=letters&length=0", b""), ("name=nothing", b""), ("name=letters&kind=loud", CONTENT.upper())):
            response = client.ask("/?" + query)
            self.assertEqual((response.code, response.body, response.reset), (200, expected, None), query)

    def test_no_body(self):
        response = self.connect().ask("/?name=letters", "HEAD")
        self.assertEqual((response.field["content-length"], response.body), (str(len(CONTENT)), b""))

    def test_too_short_for_its_length(self):
        response = self.connect().ask("/?name=letters&length=%d" % (len(CONTENT) + 10))
        self.assertIsNotNone(response.reset)
        self.assertTrue(CONTENT.startswith(response.body))
        self.server.wait_log("10 bytes shorter than its Content-Length")

    def test_a_slow_client_keeps_no_thread(self):
        client = frames.connect(self.server.port, generous=False)
        self.addCleanup(client.sock.close)
        # Room on the connection; the stream has what it begins with.
        client.send(frames.window_update(0, 1 << 20))
        slow = client.open("/?name=huge")
        self.assertEqual(self.connect().ask("/hello").body, b"hello")
        self.assertEqual(client.ask("/hello").body, b"hello")
        self.assertFalse(client.streams[slow].ended)

    def test_a_file_that_shrinks_meanwhile(self):
        path = os.path.join(FOLDER.name, "shrinking")
        with open(path, "wb") as file:
            file.truncate(10 << 20)
        client = frames.connect(self.server.port, generous=False)
        self.addCleanup(client.sock.close)
        number = client.open("/?name=shrinking")
        while not client.streams[number].body:
            client.read()
        os.truncate(path, 1 << 10)
        client.send(frames.window_update(0, 20 << 20) + frames.window_update(number, 20 << 20))
        self.assertIsNotNone(client.response(number).reset)

    def test_a_client_that_leaves(self):
        for _ in range(5):
            client = self.connect()
            client.open("/?name=huge")
            client.sock.close()
        self.assertEqual(self.connect().ask("/hello").body, b"hello")

    def test_an_old_client(self):
        """There is none."""

    def test_a_file_that_is_gone(self):
        with open(os.path.join(FOLDER.name, "passing"), "wb") as file:
            file.write(CONTENT)
        self.assertEqual(self.connect().ask("/?name=passing&unlink=1").body, CONTENT)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
