"""Compressed responses: compress.py LIBRARY [NAME...]."""

import os
import unittest
import zlib

os.environ["TEST_MODULE"] = "compress_applications"
from cases import Case, Server  # noqa: E402
import compress_applications  # noqa: E402

GZIP = "Accept-Encoding: gzip\r\n"
ZSTD = b"\x28\xb5\x2f\xfd"


def gunzip(data):
    decoder = zlib.decompressobj(31)
    plain = decoder.decompress(data) + decoder.flush()
    assert decoder.eof and not decoder.unused_data
    return plain


class Compressed(Case):
    threads = 1

    @classmethod
    def setUpClass(cls):
        cls.server = Server(threads=cls.threads, compress=True, request_timeout=0).start()

    def setUp(self):
        """There are no events."""

    def ask(self, query="", headers=GZIP, method="GET"):
        with self.connect() as connection:
            response = connection.request("%s /?%s" % (method, query), headers).response(method)
            # In step for the next request.
            self.assertEqual(connection.request("GET /?size=5").response().body, compress_applications.TEXT[:5])
            return response

    def test_every_way_to_respond(self):
        for kind in ("list", "pieces", "generator", "write", "file"):
            for size in (1, 1023, 1024, 5000, 70000, 300000):
                for length in ("", "&length=1"):
                    query = "kind=%s&size=%d%s" % (kind, size, length) if size > 100 else "kind=list&size=%d" % size
                    plain = self.ask(query, "").body
                    self.assertEqual(plain, compress_applications.TEXT[:size])
                    response = self.ask(query)
                    if size < 1024 and response.field.get("content-encoding") is None:
                        self.assertEqual(response.body, plain)
                        continue
                    self.assertEqual(response.field["content-encoding"], "gzip", query)
                    self.assertEqual(response.field["vary"], "Accept-Encoding")
                    self.assertEqual(gunzip(response.body), plain)
                    self.assertLess(len(response.body), size)

    def test_a_whole_response_has_its_length(self):
        response = self.ask("size=5000")
        self.assertEqual(response.field["content-length"], str(len(response.body)))
        self.assertNotIn("transfer-encoding", response.field)
        response = self.ask("size=300000")
        self.assertEqual(response.field["content-length"], str(len(response.body)))

    def test_what_the_client_likes(self):
        for accepted, coding in (
                ("gzip, deflate, br, zstd", "zstd"), ("gzip;q=1, zstd;q=0.5", "gzip"), ("*", "zstd"),
                ("zstd;q=0, *", "gzip"), ("br", None), ("identity", None), ("gzip;q=0", None), ("", None)):
            response = self.ask("", "Accept-Encoding: %s\r\n" % accepted)
            self.assertEqual(response.field.get("content-encoding"), coding, accepted)
            self.assertEqual(response.field["vary"], "Accept-Encoding")
            if coding == "zstd":
                self.assertEqual(response.body[:4], ZSTD)
                self.assertEqual(response.field["content-length"], str(len(response.body)))
            elif coding is None:
                self.assertEqual(response.body, compress_applications.TEXT[:5000])
        self.assertNotIn("content-encoding", self.ask("", "").field)

    def test_what_stays(self):
        text = compress_applications.TEXT[:5000]
        for query in ("type=image/png", "Cache-Control=no-transform", "Content-Encoding=br", "status=206+Partial+Content",
                      "Content-Range=bytes+0-4999/9999", "Content-Digest=sha-256%3D%3Ax%3A%3D"):
            response = self.ask(query)
            self.assertEqual(response.body, text, query)
            self.assertNotIn("vary", response.field, query)
        response = self.ask("noise=1")
        self.assertEqual((len(response.body), response.field.get("content-encoding")), (5000, None))

    def test_validators(self):
        response = self.ask("ETag=%22a%22&Vary=Cookie&Accept-Ranges=bytes")
        self.assertEqual(response.field["etag"], 'W/"a"')
        self.assertEqual([value for name, value in response.fields if name == "Vary"], ["Cookie", "Accept-Encoding"])
        self.assertNotIn("accept-ranges", response.field)
        self.assertEqual(self.ask("ETag=%22a%22", "").field["etag"], '"a"')
        self.assertEqual(self.ask("status=304+Not+Modified&size=0").field["vary"], "Accept-Encoding")

    def test_head(self):
        for query in ("size=5000", "size=5000&length=1", "kind=generator"):
            response = self.ask(query, method="HEAD")
            self.assertEqual(response.field["content-encoding"], "gzip")
            self.assertNotIn("content-length", response.field)

    def test_http10_and_close(self):
        with self.connect() as connection:
            connection.send("GET /?kind=generator&size=9000 HTTP/1.0\r\n%s\r\n" % GZIP)
            response = connection.head()
            self.assertEqual(response.field["content-encoding"], "gzip")
            while connection.more():
                pass
            self.assertEqual(gunzip(connection.buffer), compress_applications.TEXT[:9000])

    def test_pieces_come_when_they_are_given(self):
        with self.connect() as connection:
            connection.request("POST /?kind=slow", GZIP + "Transfer-Encoding: chunked\r\n", b"4\r\none\n\r\n")
            self.assertEqual(connection.head().field["content-encoding"], "gzip")
            decoder, plain, expected = zlib.decompressobj(31), b"", b"you said: one\n"
            for word in (b"two\n", b"six\n", b""):
                while len(plain) < len(expected):
                    plain += decoder.decompress(connection.chunk())
                self.assertEqual(plain, expected)
                expected += b"you said: " + word
                connection.send(b"%x\r\n%s\r\n" % (len(word), word))
            while not decoder.eof:
                plain += decoder.decompress(connection.chunk())
            self.assertEqual(plain, b"you said: one\nyou said: two\nyou said: six\n")

    def test_a_body_that_breaks_off(self):
        for query in ("kind=raises", "kind=generator&length=1&says=9999"):
            with self.connect() as connection:
                connection.request("GET /?" + query, GZIP)
                self.assertEqual(connection.head().field["content-encoding"], "gzip")
                data = b""
                while connection.more():
                    pass
                data = connection.buffer
                self.assertFalse(data.endswith(b"0\r\n\r\n"), data[-20:])

    def test_files_from_disk(self):
        with open(compress_applications.__file__, "rb") as file:
            content = file.read()
        self.assertEqual(gunzip(self.ask("kind=disk").body), content)
        self.assertEqual(self.ask("kind=disk&type=image/png").body, content)
        response = self.ask("kind=disk", "")
        self.assertEqual((response.body, response.field["vary"]), (content, "Accept-Encoding"))


class CompressedByThreads(Compressed):
    threads = 3


class NotCompressed(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(threads=1).start()

    def setUp(self):
        """There are no events."""

    def test_nothing_is_compressed_unless_wanted(self):
        with self.connect() as connection:
            response = connection.request("GET /?size=5000", GZIP).response()
            self.assertEqual(response.body, compress_applications.TEXT[:5000])
            self.assertNotIn("vary", response.field)


if __name__ == "__main__":
    unittest.main()
