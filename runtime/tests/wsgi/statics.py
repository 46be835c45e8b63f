"""Files that are served without the application: statics.py LIBRARY [NAME...]."""

import os
import shutil
import socket
import sys
import tempfile
import time
import unittest

from cases import Server

ROOT = tempfile.mkdtemp()
LARGE = os.urandom(1 << 20) * 24


def write(name, content):
    path = os.path.join(ROOT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def make_files():
    for name, content in {
        "static/a.css": b"body {}\n", "static/empty.txt": b"", "static/sub/caf\u00e9.txt": b"coffee",
        "static/app.js": b"let x = 1;", "static/app.js.br": b"br", "static/app.js.gz": b"gz", "static/app.js.zst": b"zst",
        "static/large.bin": LARGE, "static/.env": b"SECRET", "static/.git/config": b"SECRET", "secret": b"SECRET",
        "static/hello": b"of the folder", "inner/b.txt": b"inner", "root/robots.txt": b"none",
        "static/..a": b"hidden too",
    }.items():
        write(name, content)
    os.symlink("../secret", os.path.join(ROOT, "static/out"))
    os.symlink(ROOT, os.path.join(ROOT, "static/up"))
    os.symlink("/etc", os.path.join(ROOT, "static/etc"))
    os.symlink("a.css", os.path.join(ROOT, "static/link.css"))
    os.mkfifo(os.path.join(ROOT, "static/fifo"))


class Statics(unittest.TestCase):
    threads = 1

    @classmethod
    def setUpClass(cls):
        folders = {"/static": "static", "/static/inner": "inner", "/": "root"}
        static = [(prefix, os.path.join(ROOT, folder)) for prefix, folder in folders.items()]
        cls.server = Server(threads=cls.threads, access_log=True, static=static, static_max_age=60).start()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, (status, cls.server.log.decode(errors="replace"))
        assert b"SECRET" not in cls.server.log

    def ask(self, path, headers="", method="GET"):
        with self.server.connect() as connection:
            return connection.request("%s %s" % (method, path), headers).response(method)

    def test_a_file(self):
        got = self.ask("/static/a.css")
        self.assertEqual((got.code, got.body), (200, b"body {}\n"))
        field = got.field
        self.assertEqual(field["content-type"], "text/css; charset=utf-8")
        self.assertEqual(field["content-length"], "8")
        self.assertEqual(field["cache-control"], "public, max-age=60")
        self.assertEqual(field["vary"], "Accept-Encoding")
        self.assertEqual(field["accept-ranges"], "bytes")
        self.assertEqual(field["x-content-type-options"], "nosniff")
        self.assertIn("date", field)
        self.server.wait_log(r'"GET /static/a.css HTTP/1.1" 200 8 "-"')
        self.assertEqual(self.ask("/static/a.css?v=1").body, b"body {}\n")
        self.assertEqual(self.ask("/static/%61.css").body, b"body {}\n")
        self.assertEqual(self.ask("/static/sub/caf%C3%A9.txt").body, b"coffee")
        self.assertEqual(self.ask("http://test/static/a.css").body, b"body {}\n")
        self.assertEqual(self.ask("/static/link.css").body, b"body {}\n")
        self.assertEqual(self.ask("/static/empty.txt").field["content-length"], "0")
        self.assertEqual(self.ask("/static/inner/b.txt").body, b"inner")

    def test_the_application_has_the_rest(self):
        self.assertEqual(self.ask("/robots.txt").body, b"none")
        self.assertEqual(self.ask("/hello").body, b"hello\n")
        self.assertEqual(self.ask("/echo", "Content-Length: 0\r\n", "POST").code, 200)
        self.assertNotEqual(self.ask("/statically/a.css").body, b"body {}\n")

    def test_head(self):
        with self.server.connect() as connection:
            for _ in range(2):
                head = connection.request("HEAD /static/large.bin").response("HEAD")
                self.assertEqual((head.code, head.field["content-length"]), (200, str(len(LARGE))))
            self.assertEqual(connection.request("GET /static/a.css").response().body, b"body {}\n")
        # Only GET knows parts.
        for wanted in ("0-1", "999999-"):
            head = self.ask("/static/a.css", "Range: bytes=%s\r\n" % wanted, "HEAD")
            self.assertEqual((head.code, head.field["content-length"]), (200, "8"))
        self.assertEqual(self.ask("/static/none", method="HEAD").code, 404)

    def test_other_methods(self):
        with self.server.connect() as connection:
            got = connection.request("POST /static/a.css", "Content-Length: 4\r\n", b"body").response()
            self.assertEqual((got.code, got.field["allow"]), (405, "GET, HEAD"))
            self.assertEqual(connection.request("GET /static/a.css").response().code, 200)

    def test_what_is_not_there(self):
        for path in [
            "/static/none.css", "/static/", "/static/sub", "/static/sub/", "/static//a.css", "/static/a.css/", "/static/a.css/x",
            "/static/../secret", "/static/%2e%2e/secret", "/static/.%2E/secret", "/static/sub/../../secret",
            "/static/%2e%2e%2fsecret", "/static/..%2Fsecret", "/static/sub%2fcaf%C3%A9.txt", "/static/..%5csecret",
            "/static/..\\secret", "/static/a.css%00", "/static/a.css%00.txt", "/static/out", "/static/up/secret",
            "/static/etc/passwd", "/static//etc/passwd", "/static/%2Fetc/passwd", "/static/fifo", "/static/.env",
            "/static/.git/config", "/static/..a", "/static/" + "a/" * 300 + "b", "/static/" + "a" * 300, "/static/%ff%fe",
        ]:
            got = self.ask(path)
            self.assertEqual((path, got.code, got.body), (path, 404, b"not found\n"))

    def test_conditions(self):
        got = self.ask("/static/a.css").field
        tag, date = got["etag"], got["last-modified"]
        for headers, code in [
            ("If-None-Match: " + tag, 304), ("If-None-Match: W/" + tag, 304), ('If-None-Match: "x", ' + tag, 304),
            ("If-None-Match: *", 304), ('If-None-Match: "x"', 200), ("If-Modified-Since: " + date, 304),
            ("If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 200), ("If-Modified-Since: yesterday", 200),
            ('If-None-Match: "x"\r\nIf-Modified-Since: ' + date, 200), ("If-Match: " + tag, 200), ('If-Match: "x"', 412),
            ("If-Match: W/" + tag, 412), ("If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412),
            ("If-Unmodified-Since: " + date, 200),
        ]:
            got = self.ask("/static/a.css", headers + "\r\n")
            self.assertEqual((headers, got.code), (headers, code))
            if code == 304:
                self.assertEqual((got.field["etag"], got.field["vary"]), (tag, "Accept-Encoding"))
                self.assertNotIn("content-length", got.field)
        with self.server.connect() as connection:
            connection.request("GET /static/a.css", "If-None-Match: *\r\n").response()
            self.assertEqual(connection.request("GET /static/a.css").response().code, 200)

    def test_another_content_has_another_tag(self):
        write("static/changed.txt", b"one")
        before = self.ask("/static/changed.txt")
        time.sleep(0.02)
        write("static/changed.txt", b"two")
        after = self.ask("/static/changed.txt", "If-None-Match: %s\r\n" % before.field["etag"])
        self.assertEqual((after.code, after.body), (200, b"two"))

    def test_ranges(self):
        size = len(LARGE)
        for wanted, first, last in [("0-9", 0, 9), ("5-", 5, size - 1), ("-7", size - 7, size - 1), ("100000-300000", 100000, 300000)]:
            got = self.ask("/static/large.bin", "Range: bytes=%s\r\n" % wanted)
            self.assertEqual((got.code, got.field["content-range"]), (206, "bytes %d-%d/%d" % (first, last, size)))
            self.assertTrue(got.body == LARGE[first:last + 1], wanted)
        got = self.ask("/static/a.css", "Range: bytes=8-\r\n")
        self.assertEqual((got.code, got.field["content-range"]), (416, "bytes */8"))
        for ignored in ["bytes=0-1,3-4", "bytes=x", "lines=0-1", "bytes=4-2"]:
            self.assertEqual(self.ask("/static/a.css", "Range: %s\r\n" % ignored).code, 200)
        tag = self.ask("/static/a.css").field["etag"]
        self.assertEqual(self.ask("/static/a.css", "Range: bytes=0-1\r\nIf-Range: %s\r\n" % tag).code, 206)
        self.assertEqual(self.ask("/static/a.css", 'Range: bytes=0-1\r\nIf-Range: "x"\r\n').code, 200)
        part = "Range: bytes=0-1\r\nIf-Range: %s\r\n"
        for ago, code in [(10, 206), (-10, 200)]:  # in its second a file may be written once more
            os.utime(os.path.join(ROOT, "static/a.css"), (time.time() - ago,) * 2)
            date = self.ask("/static/a.css").field["last-modified"]
            self.assertEqual(self.ask("/static/a.css", part % date).code, code, ago)

    def test_compressed_files(self):
        for accepted, body in [
            ("br, gzip, zstd", b"br"), ("gzip", b"gz"), ("gzip, zstd;q=0.5", b"gz"), ("zstd", b"zst"), ("*", b"br"),
            ("br;q=0, gzip;q=0, zstd;q=0", b"let x = 1;"), ("identity", b"let x = 1;"), ("", b"let x = 1;"),
        ]:
            got = self.ask("/static/app.js", "Accept-Encoding: %s\r\n" % accepted)
            self.assertEqual((accepted, got.code, got.body), (accepted, 200, body))
            self.assertEqual(got.field["content-type"], "text/javascript; charset=utf-8")
            self.assertEqual(got.field["vary"], "Accept-Encoding")
            self.assertEqual("content-encoding" in got.field, len(body) < 4)
        tags = {self.ask("/static/app.js", "Accept-Encoding: %s\r\n" % name).field["etag"] for name in ("br", "gzip", "zstd", "")}
        self.assertEqual(len(tags), 4)
        self.assertEqual(self.ask("/static/a.css", "Accept-Encoding: br\r\n").body, b"body {}\n")

    def test_large_files_and_slow_clients(self):
        with self.server.connect() as slow, self.server.connect() as connection:
            slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
            slow.request("GET /static/large.bin")
            # Nobody waits for a client that does not read.
            self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
            self.assertTrue(connection.request("GET /static/large.bin").response().body == LARGE)
            slow.request("GET /static/a.css")
            self.assertTrue(slow.response().body == LARGE)
            self.assertEqual(slow.response().body, b"body {}\n")
        with self.server.connect() as gone:
            gone.request("GET /static/large.bin").head()
        self.assertEqual(self.ask("/static/a.css").code, 200)

    def test_a_file_that_becomes_shorter(self):
        write("static/shrinks.bin", LARGE)
        with self.server.connect() as connection:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
            connection.request("GET /static/shrinks.bin")
            connection.until(b"\r\n\r\n")
            os.truncate(os.path.join(ROOT, "static/shrinks.bin"), 10)
            with self.assertRaises((EOFError, ConnectionError)):
                connection.exactly(len(LARGE))
        self.assertEqual(self.ask("/static/a.css").code, 200)

    def test_requests_in_a_row(self):
        with self.server.connect() as connection:
            for _ in range(40):
                connection.request("GET /static/a.css").request("GET /hello")
            for _ in range(40):
                self.assertEqual(connection.response().body, b"body {}\n")
                self.assertEqual(connection.response().body, b"hello\n")


class WithThreads(Statics):
    threads = 3


class Start(unittest.TestCase):
    def test_a_folder_that_is_not_there(self):
        server = Server(static=[("/static", ROOT + "/none")])
        server.process.wait(20)
        self.assertEqual(server.stop(), 1)
        self.assertIn(b"cannot serve the folder", server.log)
        self.assertIn(b"/none", server.log)


if __name__ == "__main__":
    make_files()
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
    finally:
        shutil.rmtree(ROOT)
