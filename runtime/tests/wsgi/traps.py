"""Traps that some server fell into, over real sockets: traps.py LIBRARY [NAME...]. Extends `cases.py`."""

import json
import os
import socket
import sys
import time
import unittest

os.environ["TEST_MODULE"] = "trap_applications"
from cases import Case, Server  # noqa: E402


class Trap(Case):
    def send(self, data):
        connection = self.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock.settimeout(5)
        return connection.send(data)

    def refused(self, data, *codes):
        connection = self.send(data)
        self.assertIn(connection.response().code, codes or (400,), data)
        self.assertTrue(connection.ended(), data)


class Starting(Trap):
    def test_subclasses_of_str_and_tuple(self):
        response = self.get("/bad_subclasses")
        self.assertEqual((response.code, response.field["x-a"], response.body), (200, "b", b"subclasses"))

    def test_start_response_after_an_empty_piece(self):
        response = self.get("/bad_late_start_in_iterator")
        self.assertEqual((response.code, response.body), (202, b"late"))

    def test_a_body_without_start_response(self):
        self.assertEqual(self.get("/bad_never_starts").code, 500)

    def test_replaced_twice(self):
        response = self.get("/bad_exc_info_twice")
        self.assertEqual((response.code, response.field["x-n"], response.field["content-type"]), (503, "3", "text/html"))
        self.assertNotIn("x-one", response.field)
        self.assertNotIn("set-cookie", response.field)

    def test_the_exception_after_output_is_the_same_object(self):
        self.get("/bad_exc_info_raises_the_same")
        self.events(["same"])

    def test_lengths_that_are_none(self):
        for value in ("5 ", " 5", "05x", "5_0", "\xb2", "0x5", "5,5", "5.0", "99999999999999999999", "-0"):
            if value.strip() == value:
                self.assertEqual(self.get("/bad_length", "X-Length: %s\r\n" % value).code, 500, value)
        self.assertEqual(self.get("/bad_length", "X-Length: 005\r\n").body, b"hello")

    def test_hop_by_hop_fields_in_any_case(self):
        for name in ("connection", "KEEP-ALIVE", "Proxy-Authenticate", "te", "Trailer", "transfer-ENCODING", "upgrade"):
            self.assertEqual(self.get("/bad_field", "X-Name: %s\r\nX-Value: x\r\n" % name).code, 500, name)

    def test_names_that_are_no_tokens(self):
        for name in ("a:b", "a b", "a(b", "a,b", "a/b", "a[b", "a=b", "a\"b", "\xe4", "a;b", "a@b", "a?b", "a{b", "a\\b"):
            self.assertEqual(self.get("/bad_field", "X-Name: %s\r\nX-Value: x\r\n" % name).code, 500, name)

    def test_latin1_values(self):
        value = "".join(map(chr, range(0xA0, 0x100)))
        response = self.get("/bad_field", "X-Name: X-Back\r\nX-Value: %s\r\n" % value)
        self.assertEqual(response.field["x-back"], value)

    def test_date_and_server_of_the_application(self):
        names = [name.lower() for name, _ in self.get("/date_and_server").fields]
        self.assertEqual((names.count("date"), names.count("server")), (1, 1))
        self.assertEqual(self.get("/date_and_server").field["server"], "mine")

    def test_fields_of_the_same_name_are_all_sent_in_order(self):
        fields = [(name.lower(), value) for name, value in self.get("/same_name").fields]
        self.assertEqual([value for name, value in fields if name == "vary"], ["a", "b"])
        self.assertEqual([value for name, value in fields if name == "set-cookie"], ["c=1", "d=2"])


class Bodies(Trap):
    def cut(self, target, version="1.1"):
        """What arrived of the body, and whether the client can tell that it is not all."""
        connection = self.send("GET %s HTTP/%s\r\nHost: a\r\n\r\n" % (target, version))
        head, seen = connection.head(), b""
        try:
            if "transfer-encoding" in head.field:
                while True:
                    chunk = connection.chunk()
                    if not chunk:
                        return seen, False
                    seen += chunk
            while connection.buffer or connection.more():
                seen, connection.buffer = seen + connection.buffer, b""
            return seen, len(seen) < int(head.field.get("content-length", 0))
        except (AssertionError, EOFError, ConnectionError):
            return seen + connection.buffer, True

    def test_things_that_are_not_bytes(self):
        for kind in ("bytearray", "memoryview", "string"):
            self.assertEqual(self.get("/bad_bytes_like?" + kind).code, 500, kind)
            self.logged("the response must consist of bytes, not")

    def test_pieces_and_writes_keep_their_order(self):
        self.assertEqual(self.get("/bad_write_after_return").body, b"123")

    def test_written_beyond_the_length(self):
        connection = self.send("GET /bad_write_more_than_the_length HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(connection.response().body, b"123")
        self.assertTrue(connection.ended())

    def test_many_small_pieces(self):
        self.assertEqual(self.get("/bad_many_pieces").body, b"".join(b"%d," % number for number in range(20000)))

    def test_an_iteration_that_cannot_begin(self):
        self.assertEqual(self.get("/bad_iter_raises").code, 500)
        self.events(["closed iter raised"])

    def test_a_list_that_is_none(self):
        self.assertEqual(self.get("/bad_list_that_lies").body, b"told")

    def test_an_exception_is_visible_in_every_framing(self):
        for target, version in (("/bad_raises_without_length", "1.1"), ("/bad_raises_with_length", "1.1"),
                                ("/bad_raises_with_length", "1.0"), ("/write_then_raise", "1.1")):
            self.assertEqual(self.cut(target, version), (b"begun", True), (target, version))

    def test_an_exception_is_visible_without_framing(self):
        # Also when the application keeps what belongs to the request, as frameworks do in tracebacks.
        for target in ("/bad_raises_without_length", "/bad_raises_and_is_kept"):
            self.assertEqual(self.cut(target, "1.0")[1], True, target)

    def test_base_exceptions_do_not_end_the_server(self):
        for kind in ("exit", "interrupt", "generator", "stop"):
            self.assertEqual(self.get("/bad_base_exceptions?" + kind).code, 500, kind)
        self.assertEqual(self.get("/bad_exception_that_cannot_be_shown").code, 500)
        self.assertEqual(self.get("/hello").code, 200)

    def test_head_closes_and_frames_as_get(self):
        for target in ("/bad_file_part", "/bad_file_closes", "/bad_many_pieces", "/bad_write_after_return", "/same_name"):
            response, twin = self.get(target, method="HEAD"), self.get(target)
            self.assertEqual(response.code, twin.code, target)
            self.assertEqual(response.field.get("content-length"), twin.field.get("content-length"), target)


class Files(Trap):
    def test_part_of_a_file(self):
        response = self.get("/bad_file_part")
        self.assertEqual((response.body, response.field["content-length"]), (b"3456", "4"))

    def test_the_file_is_closed(self):
        self.assertEqual(self.get("/bad_file_closes").body, b"content")
        self.events(["closed file"])

    def test_a_file_in_middleware(self):
        self.assertEqual(self.get("/bad_file_in_middleware").body, b"ABCDEF")

    def test_an_empty_file(self):
        self.assertEqual(self.get("/file_empty").body, b"")

    def test_a_file_does_not_overtake(self):
        self.assertEqual(self.get("/bad_file_write_first").body, b"head file")

    def test_a_file_that_is_too_short(self):
        connection = self.send("GET /bad_file_shrinks HTTP/1.1\r\nHost: a\r\n\r\n")
        with self.assertRaises((EOFError, ConnectionError)):
            connection.response()


class Requests(Trap):
    def test_an_empty_line_in_two_pieces_before_a_request(self):
        connection = self.send("\r")
        time.sleep(0.05)
        connection.send("\n").request("GET /hello")
        self.assertEqual(connection.response().body, b"hello\n")

    def test_expectations_of_http10_are_ignored(self):
        connection = self.send("POST /echo HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        connection.sock.settimeout(0.3)
        with self.assertRaises(OSError):
            connection.more()
        connection.sock.settimeout(5)
        self.assertEqual(connection.send("abc").response().body, b"abc")

    def test_no_100_inside_a_response(self):
        connection = self.send("POST /bad_reads_late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        code = connection.head().code
        # Before the head it may come, as the application reads as soon as it has given its first piece.
        self.assertEqual(connection.head().code if code == 100 else code, 200)
        connection.send("abc")
        self.assertEqual(b"".join(iter(connection.chunk, b"")), b"begun abc")

    def test_the_environ_is_new_each_time(self):
        for _ in range(3):
            self.assertEqual(self.get("/bad_changes_environ").body, b"[]")
        self.assertEqual(self.environ()["SERVER_NAME"], "127.0.0.1")

    def test_the_input_of_another_request(self):
        self.get("/bad_keeps_input", "Content-Length: 5\r\n", "POST", b"first")
        response = self.get("/bad_keeps_input", "Content-Length: 6\r\n", "POST", b"second")
        self.assertNotIn(b"second", response.body)
        self.get("/bad_event_log?clear")

    def test_chunks_that_are_malformed(self):
        head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for body in ("3;a=\x01\r\nabc\r\n0\r\n\r\n", "3;a=b\nabc\r\n0\r\n\r\n", "3;a=b\rc\r\nabc\r\n0\r\n\r\n", "3\r\nabc0\r\n\r\n",
                     "3\r\nabc\r0\r\n\r\n", "0\r\nX\x00: y\r\n\r\n", "0\r\nX: y\rz\r\n\r\n", "\r\n3\r\nabc\r\n0\r\n\r\n", "3\x00\r\nabc\r\n",
                     "3;" + "x" * 70000 + "\r\nabc\r\n0\r\n\r\n", "0\r\n" + "X: y\r\n" * 20000 + "\r\n", "1" + "0" * 16 + "\r\n"):
            self.refused(head + body, 400, 413, 431)

    def test_chunks_with_trailing_whitespace(self):
        head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for body in ("3 \r\nabc\r\n0\r\n\r\n", "3;\r\nabc\r\n0\r\n\r\n", "3\t\r\nabc\r\n0\r\n\r\n"):
            self.refused(head + body)

    def test_chunked_must_be_the_last_coding(self):
        for value in ("gzip", "identity", "chunked, gzip", "xchunked", "chunked;q=1", "\"chunked\""):
            self.refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n0\r\n\r\n" % value)
        self.refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501)

    def test_empty_and_odd_transfer_encodings(self):
        for value in ("", ",", "chunked,", ",chunked", "chunked, chunked", "\x0bchunked", "chunked\x0b"):
            self.refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n0\r\n\r\n" % value, 400, 501)

    def test_names_that_look_like_framing(self):
        for field in ("Content-Length\x00: 5", "Content-Length\t: 5", "Content\rLength: 5", "\tContent-Length: 5", "Transfer-Encoding\x0b: chunked",
                      "Content-Length: 5\x00", "Content-Length: 5\r", "Content-Length: \x0b5", "Content-Length:\r\n 5", ": 5", "Content-Length"):
            self.refused("POST /echo HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n" % field)

    def test_a_target_with_any_byte(self):
        for byte in range(0x21):
            self.refused(b"GET /a%cb HTTP/1.1\r\nHost: a\r\n\r\n" % byte)

    def test_request_uri_is_what_the_client_sent(self):
        for target in ("/a/../b/./c//d", "/%41%zz%", "/?", "/a?b?c", "//x//", "http://h?q", "http://h"):
            self.assertEqual(self.environ_of(target)["REQUEST_URI"], target)

    def environ_of(self, target):
        connection = self.send("GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target)
        return json.loads(connection.response().body)

    def test_closed_standard_streams(self):
        server = Server("application", threads=1).start()
        self.addCleanup(lambda: server.process.poll() is None and server.process.kill())
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /bad_closes_streams").response().body, b"hello\n")
            # Their numbers are free now: what is logged must not go to a client.
            later = [server.connect() for _ in range(4)]
            for other in later:
                self.assertEqual(other.request("GET /hello").response().body, b"hello\n")
            self.assertEqual(connection.request("GET /bad_raises").response().code, 500)
            for other in later:
                other.sock.settimeout(0.2)
                with self.assertRaises(socket.timeout, msg="got %r" % other.buffer):
                    other.more()
                other.sock.close()
        self.assertGreaterEqual(server.stop(), 0)

    def test_errors(self):
        self.get("/errors_of_all_kinds")
        self.logged("one\ntwo\nthree\n")
        self.assertEqual(self.get("/bad_wide_errors").code, 200)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
