"""HTTP/2, over TLS and with prior knowledge: http2.py LIBRARY [NAME...]. pip fetches hpack when it runs."""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Connection, Server  # noqa: E402
import frames  # noqa: E402
import secure  # noqa: E402
from frames import Closed, connect, frame, reset  # noqa: E402

FOLDER = tempfile.mkdtemp(prefix="pack-http2-")
CERTIFICATE, KEY = secure.certificate(FOLDER)
os.mkdir(os.path.join(FOLDER, "static"))
LARGE = os.urandom(1 << 20) * 3
for NAME, CONTENT in (("a.css", b"body {}\n"), ("large.bin", LARGE), ("empty.txt", b"")):
    with open(os.path.join(FOLDER, "static", NAME), "wb") as file:
        file.write(CONTENT)


def tearDownModule():
    shutil.rmtree(FOLDER)


class Http2(unittest.TestCase):
    maxDiff = None

    def serve(self, **settings):
        server = Server(**settings)
        self.addCleanup(self.kill, server)
        return server.start()

    def kill(self, server):
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()

    def connect(self, server, **more):
        client = connect(server.port, **more)
        self.addCleanup(client.sock.close)
        return client

    def lives(self, server):
        """It answers on, over both versions."""
        with connect(server.port, tls=bool(server.settings["tls_certificate"])) as client:
            self.assertEqual(client.ask().body, b"hello\n")
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
        self.assertIsNone(server.process.poll())

    def ends_well(self, server):
        self.assertEqual(server.stop(), 0, server.log.decode(errors="replace"))
        self.assertNotIn(b"panicked", server.log)


class Talk(Http2):
    """What a client may expect, in plain text; `Secret` has it encrypted, `Single` from one thread."""

    settings = {}
    tls = False

    @classmethod
    def setUpClass(cls):
        static = [("/static", os.path.join(FOLDER, "static"))]
        cls.server = Server(static=static, access_log=True, **cls.settings).start()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, (status, cls.server.log.decode(errors="replace"))
        assert b"panicked" not in cls.server.log

    def setUp(self):
        self.client = self.connect(self.server, tls=self.tls)

    def ask(self, *arguments, **more):
        return self.client.ask(*arguments, **more)

    def test_environ(self):
        fields = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("x-a", "\u00e9"), ("te", "trailers"), ("proxy", "x"), ("x_b", "1")]
        environ = json.loads(self.ask("/environ/%C3%A9?q=%20", fields=fields, authority="example.org:81").body)
        for name, value in {
            "SERVER_PROTOCOL": "HTTP/2.0", "HTTP_HOST": "example.org:81", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_A": "1, \u00c3\u00a9",
            "PATH_INFO": "/environ/\u00c3\u00a9", "QUERY_STRING": "q=%20", "REQUEST_URI": "/environ/%C3%A9?q=%20", "REQUEST_METHOD": "GET",
            "wsgi.url_scheme": "https" if self.tls else "http", "wsgi.input_terminated": True, "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PORT": str(self.server.port),
        }.items():
            self.assertEqual(environ[name], value, name)
        for name in ("HTTP_PROXY", "HTTP_X_B", "CONTENT_LENGTH"):
            self.assertNotIn(name, environ)

    def test_host_instead_of_authority(self):
        environ = json.loads(self.ask("/environ", authority=None, fields=[("host", "a.example")]).body)
        self.assertEqual(environ["HTTP_HOST"], "a.example")
        environ = json.loads(self.ask("/environ", authority="b.example", fields=[("host", "a.example")]).body)
        self.assertEqual(environ["HTTP_HOST"], "b.example")

    def test_fields_of_the_response(self):
        response = self.ask("/with_length")
        self.assertEqual((response.code, response.body, response.field["content-length"]), (200, b"hello\n", "6"))
        self.assertEqual(response.field["server"], "pack")
        self.assertRegex(response.field["date"], " GMT$")
        self.assertNotIn("connection", response.field)
        response = self.ask("/hello")
        self.assertNotIn("transfer-encoding", response.field)

    def test_bodies_without_any(self):
        for method, path, code in (("HEAD", "/with_length", 200), ("GET", "/no_content", 204), ("GET", "/not_modified", 304), ("GET", "/empty", 200)):
            response = self.ask(path, method=method)
            self.assertEqual((response.code, response.body, response.reset), (code, b"", None), path)
        self.assertEqual(self.ask("/with_length", method="HEAD").field["content-length"], "6")

    def test_bodies_both_ways(self):
        for size in (0, 1, 5, 65535, 65536, 65537, 3 << 20):
            body = os.urandom(size)
            for fields in ([], [("content-length", str(size))]):
                response = self.ask("/echo", "POST", fields, body=body)
                self.assertEqual((response.code, response.body == body), (200, True), size)

    def test_streams_side_by_side(self):
        numbers = [self.client.open("/large?%d" % (65536 * 4)) for _ in range(20)]
        posts = [self.client.open("/echo", "POST", end=False) for _ in range(3)]
        for part in (b"a" * 1000, b"b" * 1000):
            for number in posts:
                self.client.data(number, part, end=part[:1] == b"b")
        for number in numbers:
            self.assertEqual(self.client.response(number).body, b"x" * 65536 * 4)
        for number in posts:
            self.assertEqual(self.client.response(number).body, b"a" * 1000 + b"b" * 1000)

    def test_an_exception_in_the_body_is_visible(self):
        for _ in range(2):
            response = self.ask("/raises_in_body")
            # The reset may overtake the rest.
            self.assertIn(response.code, (200, None))
            self.assertEqual((response.reset, response.ended), (frames.INTERNAL_ERROR, False))
        self.assertEqual(self.ask("/raises").code, 500)
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_lengths_that_are_not_kept(self):
        short = self.ask("/bad_too_short")
        self.assertEqual((short.ended, short.reset), (False, frames.INTERNAL_ERROR))
        long = self.ask("/bad_too_long")
        self.assertTrue(long.ended)
        self.assertEqual(len(long.body), int(long.field["content-length"]))

    def test_lengths_of_requests(self):
        for length, data in (("5", b"abc"), ("2", b"abc")):
            response = self.ask("/echo", "POST", [("content-length", length)], body=data)
            self.assertEqual((response.reset, response.ended), (frames.PROTOCOL_ERROR, False), length)
        for fields in ([("content-length", "x")], [("content-length", "1"), ("content-length", "2")]):
            response = self.ask("/echo", "POST", fields, body=b"a")
            self.assertTrue(response.reset == frames.PROTOCOL_ERROR or response.code == 400, fields)
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_malformed_requests(self):
        for more in (
            {"fields": [("connection", "close")]}, {"fields": [("transfer-encoding", "chunked")]}, {"fields": [("te", "gzip")]},
            {"fields": [("X-Upper", "1")]}, {"fields": [(":path", "/again")]}, {"path": ""}, {"fields": [("a b", "1")]},
        ):
            with connect(self.server.port, tls=self.tls) as client:
                response = Closed
                try:
                    number = client.open(**more)
                    response = client.response(number)
                except (Closed, ConnectionError):
                    self.assertEqual(client.goaway and client.goaway[1], frames.PROTOCOL_ERROR, more)
                else:
                    self.assertTrue(response.reset == frames.PROTOCOL_ERROR or response.code == 400, (more, response.reset, response.code))
        for more in ({"authority": "a/b"}, {"authority": None}, {"authority": "u@h"}):
            response = self.ask(**more)
            self.assertTrue(response.reset == frames.PROTOCOL_ERROR or response.code == 400, (more, response.code))
        self.assertEqual(self.ask("/hello").body, b"hello\n")

    def test_methods(self):
        environ = json.loads(self.ask("/environ", "PROPFIND").body)
        self.assertEqual(environ["REQUEST_METHOD"], "PROPFIND")
        environ = json.loads(self.ask("*", "OPTIONS").body)
        self.assertEqual((environ["PATH_INFO"], environ["REQUEST_URI"]), ("", "*"))

    def test_trailers_are_passed_over(self):
        number = self.client.open("/echo", "POST", end=False)
        self.client.data(number, b"abc")
        trailers = self.client.encoder.encode([("x-check", "1")])
        self.client.send(frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, number, trailers))
        self.assertEqual(self.client.response(number).body, b"abc")

    def test_a_client_that_waits_to_be_asked(self):
        number = self.client.open("/echo", "POST", [("expect", "100-continue"), ("content-length", "3")], end=False)
        stream = self.client.streams[number]
        while not stream.heads:
            self.client.read()
        self.assertEqual(stream.code, 100)
        self.client.data(number, b"abc", end=True)
        response = self.client.response(number)
        self.assertEqual((response.code, response.body), (200, b"abc"))

    def test_an_answer_before_the_body(self):
        number = self.client.open("/refuse_early", "POST", end=False)
        response = self.client.response(number)
        self.assertEqual((response.code, response.body), (413, b"no"))
        while response.reset is None:
            self.client.read()
        self.assertEqual(response.reset, frames.NO_ERROR)

    def test_lines_and_pieces(self):
        response = self.ask("/bad_inputs?readline:,read:3,read:", "POST", body=b"one\ntwo\nthree")
        self.assertEqual(response.body.decode().split("\n"), [repr(b"one\n"), repr(b"two"), repr(b"\nthree")])

    def test_a_cut_body_raises_in_the_application(self):
        number = self.client.open("/input_error", "POST", fields=[("expect", "100-continue")], end=False)
        self.client.data(number, b"abc")
        time.sleep(0.2)
        self.client.send(reset(number))
        deadline = time.time() + 10
        while time.time() < deadline:
            events = json.loads(self.ask("/bad_event_log").body)
            if any("OSError" in event or "Connection" in event for event in events):
                break
        else:
            self.fail(events)

    def test_streaming_and_files(self):
        if self.settings.get("threads") != 1:
            number = self.client.open("/stream")
            stream = self.client.streams[number]
            for count in range(1, 4):
                while stream.body.count(b"\n") < count:
                    self.client.read()
                self.assertFalse(stream.ended)
                self.ask("/go_on")
            self.assertTrue(self.client.response(number).ended)
        for kind in ("disk", "memory"):
            self.assertEqual(self.ask("/files?" + kind).body, (b"0123456789" * 20000)[5:])

    def test_static_files(self):
        response = self.ask("/static/a.css")
        self.assertEqual((response.code, response.body, response.field["content-type"][:8]), (200, b"body {}\n", "text/css"))
        self.assertEqual(self.ask("/static/a.css", fields=[("if-none-match", response.field["etag"])]).code, 304)
        self.assertEqual(self.ask("/static/large.bin").body, LARGE)
        part = self.ask("/static/large.bin", fields=[("range", "bytes=70000-199999")])
        self.assertEqual((part.code, part.body), (206, LARGE[70000:200000]))
        head = self.ask("/static/large.bin", "HEAD")
        self.assertEqual((head.body, head.field["content-length"]), (b"", str(len(LARGE))))
        self.assertEqual(self.ask("/static/empty.txt").body, b"")
        self.assertEqual(self.ask("/static/../../etc/passwd").code // 100, 4)

    def test_log_and_figures(self):
        before = json.loads(self.ask("/metrics").body)
        self.ask("/hello?logged", fields=[("user-agent", "me"), ("referer", "there")])
        self.server.wait_log(r'127\.0\.0\.1 - - \[[^]]*\] "GET /hello\?logged HTTP/2\.0" 200 6 "there" "me"')
        after = json.loads(self.ask("/metrics").body)
        total = lambda shown: json.dumps(shown).count("{") and find(shown, "requests")  # noqa: E731
        self.assertGreaterEqual(total(after), total(before) + 2)

    def test_pings(self):
        for _ in range(3):
            self.client.send(frame(frames.PING, 0, 0, b"12345678"))
        while self.client.pongs < 3:
            self.client.read()

    def test_the_end_of_a_client(self):
        self.client.send(frame(frames.GOAWAY, 0, 0, bytes(8)))
        self.client.sock.shutdown(socket.SHUT_WR)
        self.assertIn(self.client.until_closed(), (None, frames.NO_ERROR))


def find(shown, name):
    """The sum of the numbers called so."""
    if isinstance(shown, dict):
        own = shown.get(name)
        own = own if isinstance(own, int) else 0
        return own + sum(find(value, name) for value in shown.values())
    if isinstance(shown, list):
        return sum(find(value, name) for value in shown)
    return 0


class Secret(Talk):
    settings = {"tls_certificate": CERTIFICATE, "tls_key": KEY}
    tls = True


class Single(Talk):
    settings = {"threads": 1}


class Bounds(Http2):
    """What a client may not do."""

    def test_an_application_that_takes_too_long(self):
        server = self.serve(threads=1, request_timeout=1, access_log=True)
        client = self.connect(server)
        response = client.ask("/slow?2.5")
        self.assertEqual((response.code, response.body), (504, b"the application did not answer in time\n"))
        self.assertEqual(client.ask("/hello").body, b"hello\n")
        server.wait_log(r'"GET /slow\?2.5 HTTP/2.0" 504 39')
        self.ends_well(server)

    def test_a_body_that_is_not_read_is_not_taken(self):
        server = self.serve()
        client = self.connect(server)
        number = client.open("/slow?1.5", "POST", fields=[("expect", "100-continue")], end=False)
        for _ in range(4):
            client.data(number, b"x" * 16384 if _ < 3 else b"x" * 16383)
        client.sock.settimeout(0.7)
        with self.assertRaises(socket.timeout):
            while True:
                client.read()
        self.assertEqual(client.streams[number].granted, 0)
        client.sock.settimeout(20)
        self.assertEqual(client.response(number).body, b"hello\n")
        self.ends_well(server)

    def test_bodies_that_come_slowly(self):
        server = self.serve(threads=1, body_timeout=1)
        client = self.connect(server)
        short = client.open("/echo", "POST", end=False)
        large = client.open("/echo", "POST", fields=[("content-length", "90000")], end=False)
        client.data(short, b"abc")
        client.data(large, b"x" * 1000)
        time.sleep(0.2)
        # They take no thread.
        self.assertEqual(client.ask("/hello").body, b"hello\n")
        self.assertEqual((client.streams[short].heads, client.streams[large].heads), ([], []))
        client.data(short, b"def", end=True)
        self.assertEqual(client.response(short).body, b"abcdef")
        # One that drips is not waited for longer than one that is silent.
        client.sock.settimeout(0.25)
        for _ in range(40):
            try:
                client.read()
            except socket.timeout:
                client.data(large, b"x")
            if client.streams[large].heads:
                break
        client.sock.settimeout(20)
        self.assertEqual(client.response(large).code, 408)
        self.ends_well(server)

    def test_the_length_of_a_body(self):
        server = self.serve()
        client = self.connect(server)
        for told in ([], [("content-length", "3")]):
            number = client.open("/environ", "POST", fields=told, end=False)
            client.data(number, b"abc", end=True)
            self.assertEqual(json.loads(client.response(number).body)["CONTENT_LENGTH"], "3")
        self.assertNotIn("CONTENT_LENGTH", json.loads(client.ask("/environ").body))
        self.ends_well(server)

    def test_a_body_without_a_length_that_is_too_large(self):
        server = self.serve(max_body_size=1000)
        client = self.connect(server)
        number = client.open("/echo", "POST", end=False)
        client.data(number, b"x" * 2000, end=True)
        self.assertEqual(client.response(number).code, 413)
        self.assertEqual(client.ask("/hello").body, b"hello\n")
        self.ends_well(server)

    def test_bodies_that_wait_do_not_stop_others(self):
        server = self.serve(threads=2)
        client = self.connect(server)
        size, count = 200000, 40
        bodies = {client.open("/echo", "POST", end=False): os.urandom(size) for _ in range(count)}
        # As much of each as its window takes, before any is complete.
        for at in range(0, 60000, 20000):
            for number, body in bodies.items():
                client.data(number, body[at:at + 20000])
        for number, body in bodies.items():
            client.data(number, body[60000:], end=True)
        for number, body in bodies.items():
            self.assertEqual(client.response(number).body == body, True)
        self.ends_well(server)

    def test_more_than_the_window(self):
        server = self.serve()
        client = self.connect(server)
        # Otherwise it would be gathered, and the window grow meanwhile.
        number = client.open("/slow?1", "POST", fields=[("expect", "100-continue")], end=False)
        client.send(frame(frames.DATA, 0, number, b"x" * 16384) * 5)
        try:
            self.assertEqual(client.response(number).reset, frames.FLOW_CONTROL_ERROR)
        except (Closed, ConnectionError):
            self.assertEqual(client.goaway[1], frames.FLOW_CONTROL_ERROR)
        self.lives(server)
        self.ends_well(server)

    def test_a_response_that_is_not_taken(self):
        for threads in (1, 2):
            server = self.serve(send_timeout=1, threads=threads)
            # No room on streams at all.
            client = self.connect(server, settings=[(frames.INITIAL_WINDOW_SIZE, 0)])
            stuck = client.open("/large?%d" % (1 << 20))
            small = client.open("/hello")
            self.assertEqual(client.response(stuck).reset, frames.CANCEL)
            self.assertEqual(client.streams[stuck].body, b"")
            # What waits does not take a thread.
            client.send(frames.window_update(small, 1000))
            self.assertEqual(client.response(small).body, b"hello\n")
            self.lives(server)
            self.ends_well(server)

    def test_a_file_that_is_not_taken(self):
        server = self.serve(send_timeout=1, threads=1, static=[("/static", os.path.join(FOLDER, "static"))])
        client = self.connect(server, generous=False)
        numbers = [client.open("/static/large.bin") for _ in range(3)]
        for number in numbers:
            self.assertEqual(client.response(number).reset, frames.CANCEL)
        self.lives(server)
        self.ends_well(server)

    def test_a_client_that_reads_nothing(self):
        server = self.serve(send_timeout=1, threads=2)
        client = self.connect(server, settings=[(frames.INITIAL_WINDOW_SIZE, (1 << 31) - 1)])
        client.send(frames.window_update(0, (1 << 30)))
        client.open("/large?%d" % (64 << 20))
        client.open("/large?%d" % (64 << 20))
        time.sleep(3.5)
        self.lives(server)
        self.ends_well(server)

    def test_large_heads(self):
        server = self.serve(max_header_size=4000, max_header_count=20)
        client = self.connect(server)
        response = client.ask(fields=[("x-large", "a" * 5000)])
        self.assertEqual(response.code, 431)
        self.assertEqual(client.ask(fields=[("x-%d" % number, "1") for number in range(30)]).code, 431)
        self.assertEqual(client.ask(fields=[("cookie", "c%d=1" % number) for number in range(30)]).body, b"hello\n")
        self.lives(server)
        # A head that has no end.
        client.send(frame(frames.HEADERS, frames.END_STREAM, client.next, client.head()))
        piece = client.encoder.encode([("x-%s" % ("a" * 1000), "a" * 3000)], huffman=False)
        try:
            for _ in range(2000):
                client.send(frame(frames.CONTINUATION, 0, client.next, piece))
            self.fail("the server takes heads without end")
        except ConnectionError:
            pass
        self.lives(server)
        # Of empty pieces.
        client = self.connect(server)
        client.send(frame(frames.HEADERS, frames.END_STREAM, 1, client.head()))
        try:
            for _ in range(20000):
                client.send(frame(frames.CONTINUATION, 0, 1))
            client.sock.settimeout(5)
            self.assertIn(client.until_closed(), (frames.ENHANCE_YOUR_CALM, frames.PROTOCOL_ERROR, frames.NO_ERROR, None))
        except ConnectionError:
            pass
        self.lives(server)
        self.ends_well(server)

    def test_a_head_that_unpacks_to_much(self):
        server = self.serve()
        client = self.connect(server)
        # An entry of 4000 bytes in the table, and then a thousand references to it.
        block = client.head() + client.encoder.encode([("x", "a" * 3900)], huffman=False)
        block += b"\xbe" * 10000
        client.send(frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, 1, block))
        client.stream(1)
        try:
            self.assertEqual(client.response(1).code, 431)
        except (Closed, ConnectionError):
            pass
        self.lives(server)
        self.ends_well(server)

    def test_large_bodies(self):
        server = self.serve(max_body_size=100000)
        client = self.connect(server)
        number = client.open("/echo", "POST", [("content-length", "100001")], end=False)
        self.assertEqual(client.response(number).code, 413)
        self.assertEqual(client.ask("/echo", "POST", body=b"x" * 100000).code, 200)
        number = client.open("/echo", "POST", end=False)
        for _ in range(8):
            client.data(number, b"x" * 16384)
        self.assertEqual(client.response(number).code, 413)
        self.ends_well(server)

    def test_slow_bodies(self):
        server = self.serve(body_timeout=1)
        client = self.connect(server)
        for fields in ([], [("content-length", "10")]):
            number = client.open("/echo", "POST", fields, end=False)
            client.data(number, b"abc")
            self.assertEqual(client.response(number).code, 408)
        self.lives(server)
        self.ends_well(server)

    def test_slow_beginnings_and_silence(self):
        server = self.serve(head_timeout=1, keep_alive_timeout=1)
        begun = time.time()
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            sock.sendall(frames.PREFACE[:20])
            while sock.recv(1000):
                pass
        client = self.connect(server)
        self.assertIn(client.until_closed(), (frames.NO_ERROR, None))
        client = self.connect(server)
        self.assertEqual(client.ask().body, b"hello\n")
        self.assertEqual(client.until_closed(), frames.NO_ERROR)
        client = self.connect(server)
        client.send(frame(frames.HEADERS, frames.END_STREAM, 1, client.head()))
        # The client answers a ping in the middle of its head.
        self.assertIn(client.until_closed(), (frames.NO_ERROR, frames.PROTOCOL_ERROR, None))
        self.assertLess(time.time() - begun, 15)
        self.ends_well(server)

    def test_streams_at_a_time(self):
        server = self.serve(threads=1)
        client = self.connect(server)
        client.open("/slow?1")
        for _ in range(150):
            client.open("/hello")
        for number in list(client.streams):
            client.response(number)
        self.assertEqual(client.settings[frames.MAX_CONCURRENT_STREAMS], 100)
        refused = [stream for stream in client.streams.values() if stream.reset == frames.REFUSED_STREAM]
        answered = [stream for stream in client.streams.values() if stream.code == 200]
        self.assertEqual(len(refused) + len(answered), 151)
        self.assertGreaterEqual(len(answered), 90)
        self.ends_well(server)

    def flood(self, server, data, times, before=b""):
        """Sends on and on without reading; whether the server had enough of it."""
        client = self.connect(server)
        try:
            client.send(before)
            client.sock.settimeout(3)
            for _ in range(times):
                client.send(data)
            client.sock.settimeout(2)
            reason = client.until_closed()
        except socket.timeout:
            reason = "stopped reading"
        except ConnectionError:
            reason = "closed"
        self.lives(server)
        return reason

    def test_rapid_resets(self):
        for threads in (1, 3):
            server = self.serve(threads=threads)
            client = self.connect(server)
            block = client.head("/bad_event_log")
            opened = b"".join(
                frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, number, client.head("/slow?0.01")) + reset(number)
                for number in range(3, 4001, 2))
            begun = time.time()
            try:
                client.send(frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, 1, block))
                client.send(opened)
                reason = client.until_closed()
            except ConnectionError:
                reason = "closed"
            self.assertIn(reason, (frames.ENHANCE_YOUR_CALM, "closed"))
            self.lives(server)
            self.assertLess(time.time() - begun, 15)
            self.ends_well(server)

    def test_floods(self):
        server = self.serve(send_timeout=2)
        statm = "/proc/%d/statm" % server.process.pid
        resident = lambda: int(open(statm).read().split()[1]) * 4096  # noqa: E731
        self.lives(server)
        before = resident()
        self.flood(server, frame(frames.PING, 0, 0, b"12345678") * 1000, 100)
        self.flood(server, frame(frames.SETTINGS, 0, 0) * 1000, 100)
        self.flood(server, frame(frames.PRIORITY, 0, 1, bytes(5)) * 1000, 50)
        self.flood(server, frames.window_update(0, 1) * 1000, 50)
        self.flood(server, frame(200, 0, 0, b"unknown") * 1000, 50)
        client = self.connect(server)
        head = frame(frames.HEADERS, frames.END_HEADERS, 1, client.head("/slow?1", "POST"))
        self.flood(server, frame(frames.DATA, 0, 1) * 1000, 100, before=head)
        self.flood(server, frame(frames.DATA, 0, 1, b"x") * 1000, 40, before=head)
        self.assertLess(resident() - before, 64 << 20)
        self.ends_well(server)

    def test_nonsense(self):
        server = self.serve()
        for data in (
            b"\0" * 1000, b"\xff" * 1000, frame(frames.DATA, 0, 0, b"x"), frame(frames.DATA, 0, 1, b"x"), frame(frames.HEADERS, 4, 0, b""),
            frame(frames.HEADERS, 4, 2, b"\x82\x87\x84"), frame(frames.HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
            frame(frames.PUSH_PROMISE, 4, 1, b"\0\0\0\2"), frame(frames.SETTINGS, 0, 0, b"123"), frame(frames.SETTINGS, 0, 1),
            frame(frames.PING, 0, 0, b"1"), frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)), frames.window_update(0, (1 << 31) - 1) * 2,
            frame(frames.CONTINUATION, 4, 1, b""), frame(frames.RST_STREAM, 0, 1, bytes(4)), frame(frames.GOAWAY, 0, 0, b""),
            b"\xff\xff\xff\0\0\0\0\0\1", frame(frames.HEADERS, 5, 1, b"\x20" * 10000),
        ):
            client = self.connect(server)
            try:
                client.send(data)
                client.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            client.until_closed()
        self.lives(server)
        self.ends_well(server)

    def test_full_queues(self):
        server = self.serve(threads=1, queue_limit=2)
        client = self.connect(server)
        client.open("/slow?1")
        time.sleep(0.3)
        numbers = [client.open("/hello") for _ in range(5)]
        codes = sorted(client.response(number).code for number in numbers)
        self.assertEqual(codes, [200, 200, 503, 503, 503])
        self.ends_well(server)
        server = self.serve(threads=1, queue_timeout=1)
        client = self.connect(server)
        slow = client.open("/slow?2")
        time.sleep(0.3)
        late = client.response(client.open("/hello"))
        self.assertEqual((late.code, late.field["retry-after"]), (503, "1"))
        self.assertEqual(client.response(slow).code, 200)
        self.ends_well(server)


class Life(Http2):
    def test_a_stop_finishes_what_is_under_way(self):
        for more in ({}, {"tls_certificate": CERTIFICATE, "tls_key": KEY}, {"processes": 2}):
            server = self.serve(**more)
            client = self.connect(server, tls="tls_certificate" in more)
            idle = self.connect(server, tls="tls_certificate" in more)
            self.assertEqual(idle.ask().body, b"hello\n")
            slow = client.open("/slow?1")
            posts = client.open("/echo", "POST", end=False)
            client.data(posts, b"abc")
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.until_closed(), frames.NO_ERROR)
            client.data(posts, b"def", end=True)
            self.assertEqual(client.response(slow).body, b"hello\n")
            self.assertEqual(client.response(posts).body, b"abcdef")
            self.assertEqual(client.until_closed(), frames.NO_ERROR)
            self.assertEqual(server.process.wait(20), 0)
            self.ends_well(server)

    def test_a_stop_cuts_what_does_not_end(self):
        server = self.serve(graceful_timeout=1)
        client = self.connect(server)
        client.open("/echo", "POST", end=False)
        time.sleep(0.3)
        begun = time.time()
        self.assertEqual(server.stop(), 1)
        self.assertLess(time.time() - begun, 10)
        client.until_closed()

    def test_a_client_that_does_not_answer_does_not_stop_the_stop(self):
        server = self.serve()
        client = self.connect(server)
        self.assertEqual(client.ask().body, b"hello\n")
        begun = time.time()
        self.ends_well(server)  # no ping is answered meanwhile
        self.assertLess(time.time() - begun, 4)

    def test_what_was_agreed_on_is_spoken(self):
        server = self.serve(tls_certificate=CERTIFICATE, tls_key=KEY)
        for agreed, sent in (("h2", b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"), ("http/1.1", frames.PREFACE)):
            with secure.connect(("127.0.0.1", server.port), secure.context(agreed)) as sock:
                sock.sendall(sent)
                received = sock.recv(65536)
                self.assertFalse(received if agreed == "h2" else not received.startswith(b"HTTP/1.1 505"), received)
        self.ends_well(server)

    def test_off(self):
        for more in ({}, {"tls_certificate": CERTIFICATE, "tls_key": KEY}):
            server = self.serve(http2=False, **more)
            if more:
                sock = secure.connect(("127.0.0.1", server.port), secure.context("h2", "http/1.1"))
                self.assertEqual(sock.tls.selected_alpn_protocol(), "http/1.1")
            else:
                sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            with sock:
                sock.sendall(frames.PREFACE)
                self.assertEqual(Connection(sock).response().code, 505)
            self.ends_well(server)

    def test_connections_count(self):
        server = self.serve(max_connections=2)
        clients = [self.connect(server) for _ in range(2)]
        for client in clients:
            self.assertEqual(client.ask().body, b"hello\n")
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            self.assertTrue(sock.recv(100).startswith(b"HTTP/1.1 503 "))
        clients.pop().sock.close()
        deadline = time.time() + 10
        while time.time() < deadline:
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
                sock.sendall(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
                if sock.recv(100).startswith(b"HTTP/1.1 200 "):
                    break
        else:
            self.fail("the place does not become free")
        clients[0].sock.close()
        self.ends_well(server)

    def test_idle_connections(self):
        server = self.serve()
        statm = "/proc/%d/statm" % server.process.pid
        resident = lambda: int(open(statm).read().split()[1]) * 4096  # noqa: E731
        keep = [self.connect(server) for _ in range(20)]
        for client in keep:
            client.ask()
        before = resident()
        more = [self.connect(server) for _ in range(200)]
        for client in more:
            self.assertEqual(client.ask().body, b"hello\n")
        self.assertLess((resident() - before) / len(more), 64 << 10)
        for client in keep + more:
            client.sock.close()
        self.ends_well(server)

    def test_load_from_many(self):
        server = self.serve(threads=4)
        failures = []

        def ask(number):
            try:
                with connect(server.port) as client:
                    for _ in range(30):
                        numbers = [client.open("/busy") for _ in range(5)]
                        body = os.urandom(20000)
                        echoed = client.ask("/echo", "POST", body=body)
                        if echoed.body != body or any(client.response(it).body != b"hello\n" for it in numbers):
                            failures.append("wrong")
            except Exception as error:
                failures.append(repr(error))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.ends_well(server)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
