"""The WSGI host over real sockets: cases.py LIBRARY [NAME...]. Run with each CPython; needs nothing but its library."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.abspath(sys.argv.pop(1))
# The mode that all servers here have, and the file with certificate and key that they show.
GIL = os.environ.get("TEST_GIL", "shared")
TLS = os.environ.get("TEST_TLS")
SCHEME = "https" if TLS else "http"
sys.path.insert(0, HERE)
from secure import Secure  # noqa: E402


class Server:
    SETTINGS = {
        "module": os.environ.get("TEST_MODULE", "applications"), "callable": "application", "bind": ["127.0.0.1:0"],
        "threads": 3, "processes": 1, "switch_interval": None, "graceful_timeout": 5, "access_log": False,
        "gil": GIL, "interpreters": 1, "tls_certificate": TLS,
    }

    def __init__(self, application="application", **settings):
        self.settings = dict(self.SETTINGS, callable=application, **settings)
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", os.path.join(HERE, "serve.py"), LIBRARY, json.dumps(self.settings)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=dict(os.environ, TEST_MODULE=self.settings["module"], TEST_APPLICATION=application),
        )
        self.log = b""
        self.grown = threading.Condition()
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def read_log(self):
        for line in self.process.stderr:
            with self.grown:
                self.log += line
                self.grown.notify_all()
        with self.grown:
            self.log += b"<end>"
            self.grown.notify_all()

    def wait_log(self, text, timeout=20):
        """The log, when `text` (a regular expression) is in it."""
        pattern = re.compile(text.encode())
        with self.grown:
            if not self.grown.wait_for(lambda: pattern.search(self.log), timeout):
                raise AssertionError("%r is not in the log:\n%s" % (text, self.log.decode(errors="replace")))
            return pattern.search(self.log)

    def start(self):
        self.wait_log(r"serving .*\n|<end>")
        found = re.findall(rb"https?://(?:\[[^]]*\]|[^:]*):(\d+)", self.log)
        if not found:
            raise AssertionError("did not start:\n" + self.log.decode(errors="replace"))
        self.ports = [int(port) for port in found]
        self.port = self.ports[0]
        return self

    def connect(self, host="127.0.0.1", port=None):
        sock = socket.create_connection((host, port or self.port), timeout=20)
        if self.settings["tls_certificate"]:
            sock = Secure(sock)
        return Connection(sock)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("did not stop:\n" + self.log.decode(errors="replace"))
        self.reader.join(20)
        self.output = self.process.stdout.read()
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.returncode


class Response:
    pass


class Connection:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self

    def request(self, line, headers="", body=b""):
        return self.send(line.encode("latin-1") + b" HTTP/1.1\r\nHost: test\r\n" + headers.encode("latin-1") + b"\r\n" + body)

    def more(self):
        data = self.sock.recv(1 << 16)
        self.buffer += data
        return data

    def until(self, end):
        while end not in self.buffer:
            if not self.more():
                raise AssertionError("the connection ended in %r" % self.buffer)
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def exactly(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise EOFError("the connection ended after %d of %d bytes" % (len(self.buffer), count))
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def head(self):
        response = Response()
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        response.version, response.code, response.reason = (lines[0] + " ").split(" ", 2)
        response.code, response.reason = int(response.code), response.reason[:-1]
        response.fields = [tuple(line.split(": ", 1)) if ": " in line else (line[:-1], "") for line in lines[1:]]
        response.field = {name.lower(): value for name, value in response.fields}
        return response

    def response(self, method="GET"):
        response = self.head()
        if method == "HEAD" or response.code in (204, 304) or response.code < 200:
            response.body = b""
        elif response.field.get("transfer-encoding") == "chunked":
            response.chunks = list(iter(self.chunk, b""))
            response.body = b"".join(response.chunks)
        elif "content-length" in response.field:
            response.body = self.exactly(int(response.field["content-length"]))
        else:
            while self.more():
                pass
            response.body, self.buffer = self.buffer, b""
        return response

    def chunk(self):
        data = self.exactly(int(self.until(b"\r\n"), 16))
        self.exactly(2)
        return data

    def ended(self):
        """Whether the connection is closed with nothing left on it."""
        try:
            return self.buffer == b"" and self.more() == b""
        except ConnectionError:
            return True


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, (status, cls.server.log.decode(errors="replace"))

    def setUp(self):
        self.get("/bad_event_log?clear")

    def connect(self):
        connection = self.server.connect()
        self.addCleanup(connection.sock.close)
        return connection

    def get(self, target, headers="", method="GET", body=b""):
        with self.server.connect() as connection:
            response = connection.request(method + " " + target, headers, body).response(method)
            # Whatever came, the next request on the connection works or the connection is closed.
            if response.version == "HTTP/1.1" and response.field.get("connection", "").lower() != "close":
                if "content-length" in response.field or "transfer-encoding" in response.field:
                    self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
            return response

    def environ(self, target="/environ", headers="", **more):
        return json.loads(self.get(target, headers, **more).body)

    def events(self, expected=None):
        deadline = time.time() + 10
        while True:
            events = json.loads(self.get("/bad_event_log").body)
            if expected is None or events == expected or time.time() > deadline:
                if expected is not None:
                    self.assertEqual(events, expected)
                return events
            time.sleep(0.02)

    def logged(self, text):
        return self.server.wait_log(text)


class Environ(Case):
    def test_variables(self):
        environ = self.environ("/a%20b/%C3%A9%2F%FF?q=%20&x")
        self.assertEqual(environ["PATH_INFO"], "/a b/\xc3\xa9/\xff")
        self.assertEqual(environ["QUERY_STRING"], "q=%20&x")
        self.assertEqual(environ["SCRIPT_NAME"], "")
        self.assertEqual(environ["REQUEST_METHOD"], "GET")
        self.assertEqual(environ["REQUEST_URI"], "/a%20b/%C3%A9%2F%FF?q=%20&x")
        self.assertEqual(environ["SERVER_PROTOCOL"], "HTTP/1.1")
        self.assertEqual(environ["SERVER_NAME"], "127.0.0.1")
        self.assertEqual(environ["SERVER_PORT"], str(self.server.port))
        self.assertEqual(environ["REMOTE_ADDR"], "127.0.0.1")
        self.assertEqual(environ["HTTP_HOST"], "test")
        self.assertEqual(environ["wsgi.version"], [1, 0])
        self.assertEqual(environ["wsgi.url_scheme"], SCHEME)
        self.assertIs(environ["wsgi.multithread"], True)
        self.assertIs(environ["wsgi.multiprocess"], False)
        self.assertIs(environ["wsgi.run_once"], False)
        self.assertIs(environ["wsgi.input_terminated"], True)
        self.assertTrue(environ["SERVER_SOFTWARE"].startswith("pack/"))
        self.assertEqual(environ["types"], ["str"])
        self.assertIs(environ["exact_dict"], True)
        self.assertNotIn("CONTENT_TYPE", environ)
        self.assertNotIn("CONTENT_LENGTH", environ)

    def test_no_environment_variables(self):
        environ = self.environ()
        self.assertNotIn("PATH", environ)
        self.assertNotIn("HOME", environ)

    def test_fields(self):
        environ = self.environ(headers="X-A: 1\r\nX_A: 2\r\nx-a: 3\r\nProxy: evil\r\nCookie: a=1\r\nCookie: b=2\r\n"
                                       "X-Latin: caf\xe9\r\nX-Empty:\r\nX-Spaces: \t a b \t\r\nContent-Type: a/b\r\n")
        self.assertEqual(environ["HTTP_X_A"], "1, 3")
        self.assertNotIn("HTTP_PROXY", environ)
        self.assertEqual(environ["HTTP_COOKIE"], "a=1; b=2")
        self.assertEqual(environ["HTTP_X_LATIN"], "caf\xe9")
        self.assertEqual(environ["HTTP_X_EMPTY"], "")
        self.assertEqual(environ["HTTP_X_SPACES"], "a b")
        self.assertEqual(environ["CONTENT_TYPE"], "a/b")
        self.assertNotIn("HTTP_CONTENT_TYPE", environ)

    def test_underscores_never_reach_special_variables(self):
        environ = self.environ(headers="Content_Length: 7\r\nX_Forwarded_For: x\r\n")
        self.assertNotIn("CONTENT_LENGTH", environ)
        self.assertNotIn("HTTP_CONTENT_LENGTH", environ)
        self.assertNotIn("HTTP_X_FORWARDED_FOR", environ)

    def test_length(self):
        environ = self.environ(method="POST", headers="Content-Length: 3\r\n", body=b"abc")
        self.assertEqual(environ["CONTENT_LENGTH"], "3")
        self.assertNotIn("HTTP_CONTENT_LENGTH", environ)

    def test_chunks_that_come_in_pieces(self):
        with self.connect() as connection:
            connection.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in (b"1", b"\r\na", b"\r\n5\r\nbcd", b"ef\r\n0", b"\r\n", b"\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"):
                time.sleep(0.02)
                connection.send(piece)
            self.assertEqual(connection.response().body, b"abcdef")
            self.assertEqual(connection.response().body, b"hello\n")

    def test_absolute_form(self):
        environ = self.environ("http://other:81/p?q")
        self.assertEqual((environ["PATH_INFO"], environ["QUERY_STRING"]), ("/p", "q"))
        self.assertEqual(environ["HTTP_HOST"], "other:81")

    def test_asterisk_form(self):
        self.assertEqual(self.environ("*", method="OPTIONS")["REQUEST_URI"], "*")
        self.assertEqual(self.environ("*", method="OPTIONS")["PATH_INFO"], "")

    def test_odd_methods(self):
        for method in ("PROPFIND", "get", "M-SEARCH"):
            # wsgiref.validate only warns about methods it does not know.
            self.assertEqual(self.environ(method=method)["REQUEST_METHOD"], method)

    def test_http10(self):
        with self.connect() as connection:
            connection.send("GET /environ HTTP/1.0\r\n\r\n")
            response = connection.response()
            self.assertEqual(json.loads(response.body)["SERVER_PROTOCOL"], "HTTP/1.0")
            self.assertNotIn("HTTP_HOST", json.loads(response.body))
            self.assertTrue(connection.ended())

    def test_http10_stream_is_not_chunked(self):
        with self.connect() as connection:
            response = connection.send("GET /large?196608 HTTP/1.0\r\n\r\n").response()
            self.assertNotIn("transfer-encoding", response.field)
            self.assertEqual(len(response.body), 196608)

    def test_http10_keep_alive(self):
        with self.connect() as connection:
            for _ in range(2):
                connection.send("GET /with_length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                self.assertEqual(connection.response().body, b"hello\n")


class Input(Case):
    BODY = b"one\ntwo\n\nfour"

    def inputs(self, calls, headers=None, body=None):
        # wsgiref.validate's wrapper around the input has no __next__.
        path = "/bad_inputs?" if "next:" in calls else "/inputs?"
        body = self.BODY if body is None else body
        headers = "Content-Length: %d\r\n" % len(body) if headers is None else headers
        return self.get(path + calls, headers, "POST", body).body.decode().split("\n")

    def check(self, calls, expected):
        self.assertEqual(self.inputs(calls), [repr(value) for value in expected])
        chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (len(p), p) for p in (b"o", b"ne\ntw", b"o\n\nfour")) + b"0\r\nTrailer: x\r\n\r\n"
        self.assertEqual(self.inputs(calls, "Transfer-Encoding: chunked\r\n", chunks), [repr(value) for value in expected])

    def test_read(self):
        self.check("read:5,read:100,read:-1,read:1", [b"one\nt", b"wo\n\nfour", b"", b""])
        self.check("read:0,read:-1", [b"", self.BODY])

    def test_readline(self):
        self.check("readline:,readline:2,readline:-1,readline:,readline:,readline:",
                   [b"one\n", b"tw", b"o\n", b"\n", b"four", b""])
        self.check("readline:0,readline:100", [b"", b"one\n"])

    def test_readlines(self):
        self.check("readlines:", [[b"one\n", b"two\n", b"\n", b"four"]])
        self.check("readlines:5,readlines:1", [[b"one\n", b"two\n"], [b"\n"]])

    def test_iteration(self):
        self.check("next:,list:,next:", [b"one\n", [b"two\n", b"\n", b"four"], None])
        self.check("read:2,readline:,next:,read:-1", [b"on", b"e\n", b"two\n", b"\nfour"])

    def test_calls_that_validate_does_not_allow(self):
        response = self.get("/bad_input_calls", "Content-Length: 4\r\n", "POST", b"abcd")
        self.assertEqual(response.body.decode(), repr([b"ab", b"cd", b"", b"", [], "TypeError", "TypeError", "TypeError"]))

    def test_no_body(self):
        self.assertEqual(self.get("/echo").body, b"")

    def test_large_bodies(self):
        body = os.urandom(1 << 20) * 5
        self.assertEqual(self.get("/echo", "Content-Length: %d\r\n" % len(body), "POST", body).body, body)
        chunks = b"".join(b"%X\r\n%s\r\n" % (len(p), p) for p in (body[:70000], body[70000:])) + b"0\r\n\r\n"
        self.assertEqual(self.get("/echo", "Transfer-Encoding: chunked\r\n", "POST", chunks).body, body)

    def test_input_streams(self):
        with self.connect() as connection:
            connection.request("POST /inputs?read:3,read:3", "Content-Length: 100000\r\n", b"abc")
            time.sleep(0.1)
            connection.send(b"def")
            self.assertEqual(connection.response().body.decode(), "%r\n%r" % (b"abc", b"def"))

    def test_expect_continue_when_read(self):
        for length in (5, 100000):
            with self.connect() as connection:
                connection.request("POST /echo", "Content-Length: %d\r\nExpect: 100-continue\r\n" % length)
                self.assertEqual(connection.response().code, 100)
                response = connection.send(b"x" * length).response()
                self.assertEqual(response.body, b"x" * length)

    def test_expect_continue_when_not_read(self):
        with self.connect() as connection:
            connection.request("POST /hello", "Content-Length: 5\r\nExpect: 100-continue\r\n")
            self.assertEqual(connection.response().code, 200)
            self.assertTrue(connection.ended())

    def test_answer_before_the_body_is_read(self):
        with self.connect() as connection:
            connection.request("POST /refuse_early", "Content-Length: 3000000\r\n")
            try:
                for _ in range(30):
                    connection.send(b"x" * 100000)
            except ConnectionError:
                pass
            self.assertEqual(connection.response().code, 413)

    def test_body_that_nobody_reads_is_not_the_next_request(self):
        with self.connect() as connection:
            body = b"GET /raises HTTP/1.1\r\nHost: x\r\n\r\n"
            connection.request("POST /hello", "Content-Length: %d\r\n" % len(body), body)
            self.assertEqual(connection.response().body, b"hello\n")
            connection.request("GET /reason")
            self.assertEqual(connection.response().code, 404)

    def test_cut_off(self):
        for headers, body in [("Content-Length: 10\r\n", b"abc"), ("Content-Length: 900000\r\n", b"abc"),
                              ("Transfer-Encoding: chunked\r\n", b"5\r\nabc"), ("Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n")]:
            self.get("/bad_event_log?clear")
            with self.connect() as connection:
                connection.request("POST /input_error", headers, body)
                connection.sock.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.response().code, 400, (headers, body))
            self.assertEqual(len(self.events()), 1)
            self.assertIn("ConnectionResetError", self.events()[0])

    def test_lines_before_the_cut_are_seen(self):
        with self.connect() as connection:
            connection.request("POST /input_lines_cut", "Content-Length: 10\r\n", b"a\nb\nc")
            connection.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.response().code, 200)
        self.assertEqual(self.events(), ["%r ConnectionResetError" % ([b"a\n", b"b\n"],)])

    def test_malformed_chunks(self):
        for body in (b"x\r\nabc\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-1\r\n\r\n", b"3\r\nabc\r\n0\r\nX: y\n\n",
                     b"fffffffffffffffff\r\nabc"):
            self.get("/bad_event_log?clear")
            with self.connect() as connection:
                connection.request("POST /input_error", "Transfer-Encoding: chunked\r\n", body)
                self.assertEqual(connection.response().code, 400, body)
                self.assertTrue(connection.ended(), body)
            self.assertEqual(self.events(), ["OSError the request body is malformed"], body)


class Output(Case):
    def test_hello(self):
        response = self.get("/hello")
        self.assertEqual((response.code, response.reason, response.body), (200, "OK", b"hello\n"))
        self.assertEqual(response.field["server"], "pack")
        self.assertRegex(response.field["date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")

    def test_reason_and_latin1(self):
        self.assertEqual(self.get("/reason").reason, "Nirgends gefunden")
        response = self.get("/bad_latin1")
        self.assertEqual((response.reason, response.field["x-name"]), ("\xe9t\xe9", "caf\xe9"))
        self.assertEqual([v for n, v in response.fields if n.lower() == "set-cookie"], ["a=1", "b=2"])

    def test_keywords(self):
        with self.connect() as connection:
            connection.request("POST /bad_keywords", "Content-Length: 8\r\n", b"abcd\nefg")
            response = connection.response()
        self.assertEqual((response.code, response.reason, response.body), (200, "\xe9", b"abcd\nefg"))
        missing, size = response.field["x-refused"].split("; ")
        self.assertEqual(missing, "missing required argument 'response_headers' (pos 2)")
        self.assertIn("'str'", size)

    def test_a_list_has_a_length(self):
        self.assertEqual(self.get("/pieces_of_a_list").body, b"abcd")
        # wsgiref.validate turns a list into something else.
        response = self.get("/bad_pieces_of_a_list")
        self.assertEqual((response.body, response.field["content-length"]), (b"abcd", "4"))
        response = self.get("/empty")
        self.assertEqual((response.body, response.field["content-length"]), (b"", "0"))

    def test_empty_pieces(self):
        self.assertEqual(self.get("/empty_pieces").body, b"late\n")

    def test_pieces_are_sent_as_they_come(self):
        with self.connect() as connection:
            connection.request("GET /stream")
            self.assertEqual(connection.head().field["transfer-encoding"], "chunked")
            for number in range(3):
                self.assertEqual(connection.chunk(), b"piece %d\n" % number)
                self.get("/go_on")
            self.assertEqual(connection.chunk(), b"")

    def test_large(self):
        response = self.get("/large?50003968")
        self.assertEqual(len(response.body), 50003968)

    def test_write(self):
        self.assertEqual(self.get("/write").body, b"one two three")

    def test_head(self):
        for path in ("/hello", "/with_length", "/large?131072", "/bad_pieces_of_a_list", "/empty", "/reason", "/closing"):
            response, twin = self.get(path, method="HEAD"), self.get(path)
            self.assertEqual(response.code, twin.code)
            self.assertEqual(response.field.get("content-length"), twin.field.get("content-length"), path)
        with self.connect() as connection:
            for path in ("/large?131072", "/hello", "/stream", "/raises"):
                connection.request("HEAD " + path).response("HEAD")
            self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")

    def test_no_body_statuses(self):
        with self.connect() as connection:
            for path, code in (("/no_content", 204), ("/not_modified", 304), ("/bad_no_content_with_body", 204)):
                response = connection.request("GET " + path).response()
                self.assertEqual(response.code, code)
                self.assertNotIn("transfer-encoding", response.field)
                self.assertNotIn("content-length", response.field, path)
            self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")

    def test_close(self):
        for path, name in (("/closing", "normal"), ("/closing_after_error", "after error"), ("/bad_closing_list", "list")):
            self.get("/bad_event_log?clear")
            with self.connect() as connection:
                connection.request("GET " + path)
                connection.until(b"\r\n\r\n")
                self.events(["closed " + name])

    def test_close_that_raises(self):
        self.assertEqual(self.get("/bad_close_raises").body, b"fine")
        self.logged("close failed")

    def test_close_when_the_client_is_gone(self):
        with self.connect() as connection:
            connection.request("GET /closing_unread").until(b"\r\n\r\n")
        self.events(["closed unread"])

    def test_start_response_at_the_first_next(self):
        response = self.get("/bad_lazy_start")
        self.assertEqual((response.code, response.body), (201, b"lazy"))

    def test_exc_info_before_output(self):
        response = self.get("/exc_info_before")
        self.assertEqual((response.code, response.reason, response.body), (500, "Sorry", b"sorry"))
        self.assertNotIn("x-first", response.field)
        self.assertEqual(response.field["x-second"], "2")

    def cut(self, path):
        with self.connect() as connection:
            connection.request("GET " + path)
            head = connection.head()
            seen = b""
            try:
                while True:
                    seen += connection.chunk() if "transfer-encoding" in head.field else connection.exactly(1)
            except (EOFError, AssertionError, ConnectionError):
                return head, seen

    def test_exc_info_after_output(self):
        self.assertEqual(self.cut("/exc_info_after")[1], b"begun")
        self.logged("ValueError: too late")

    def test_exceptions(self):
        for path, text in (("/raises", "on purpose"), ("/raises_before_body", "before the body")):
            response = self.get(path)
            self.assertEqual((response.code, response.body), (500, b"Internal Server Error\n"))
            self.logged("error: GET %s: the application raised\nTraceback(.*\n)+LookupError: .*%s" % (path, text))

    def test_an_exception_in_the_body_cuts_the_connection(self):
        self.assertEqual(self.cut("/raises_in_body")[1], b"begun")
        self.logged("LookupError: .*in the body")

    def test_longer_than_its_length(self):
        for path in ("/bad_too_long", "/bad_too_long_list"):
            with self.connect() as connection:
                self.assertEqual(connection.request("GET " + path).response().body, b"123")
                self.assertTrue(connection.ended())
            self.logged(path + ": the response is 3 bytes longer")

    def test_shorter_than_its_length(self):
        for path in ("/bad_too_short", "/bad_too_short_list"):
            self.assertEqual(self.cut(path)[1], b"123")
            self.logged(path + ": the response is 7 bytes shorter")

    def test_errors(self):
        self.get("/errors")
        self.logged("to wsgi.errors: ")

    def test_files(self):
        for kind in ("disk", "memory"):
            self.assertEqual(self.get("/files?" + kind).body, (b"0123456789" * 20000)[5:])
        self.assertEqual(self.get("/bad_file_without_close").body, b"ababab")

    def test_recursion(self):
        self.assertEqual(self.get("/recursion").code, 200)

    @unittest.skipIf(GIL == "per-interpreter", "such an interpreter does not fork")
    def test_forked_children_do_not_stop_the_server(self):
        self.assertEqual(self.get("/fork").body, b"15")
        self.assertEqual(self.get("/hello").code, 200)


class Broken(Case):
    def test_broken_applications(self):
        import applications
        for name in applications.BROKEN:
            with self.subTest(name):
                with self.connect() as connection:
                    connection.request("GET /broken/" + name)
                    if name in ("exc_info_int",):
                        self.assertEqual(connection.head().code, 200)
                        with self.assertRaises((EOFError, AssertionError, ConnectionError)):
                            list(iter(connection.chunk, b""))
                    else:
                        response = connection.response()
                        self.assertEqual(response.code, 500)
                        self.assertEqual(response.body, b"Internal Server Error\n")
                        self.assertFalse([n for n, _ in response.fields if n.lower().startswith("x-")])
                self.logged("error: GET /broken/%s: " % name)
        self.logged("it is an ASGI application|is an ASGI application")
        self.assertEqual(self.get("/hello").code, 200)


class Requests(Case):
    def refused(self, request, code=400):
        with self.connect() as connection:
            response = connection.send(request).response()
            self.assertEqual(response.code, code, request)
            self.assertTrue(connection.ended(), request)

    def test_host(self):
        self.refused("GET / HTTP/1.1\r\n\r\n")
        self.refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")
        for host in ("a b", "a/b", "a,b/c", "[::1", "a:b", "\x01", "a\"b"):
            self.refused("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host)

    def test_smuggling(self):
        hidden = "0\r\n\r\nGET /raises HTTP/1.1\r\nHost: a\r\n\r\n"
        for fields in ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
                       "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5,5",
                       "Content-Length: +5", "Content-Length : 5", " Content-Length: 5", "X: y\r\n Content-Length: 5",
                       "Content-Length: 5\nX: y", "X: a\rb", "X: \0", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"):
            self.refused("POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%s" % (fields, hidden))
        self.refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + hidden)
        self.refused("GET / HTTP/1.1\nHost: a\n\n")
        self.refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n")

    def test_request_lines(self):
        for line in ("GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 x", "GET a HTTP/1.1", "GET * HTTP/1.1", "G T / HTTP/1.1",
                     "GET /\x7f HTTP/1.1", "GET /#x HTTP/1.1", "GET ftp://a/ HTTP/1.1", "GET / http/1.1", "GET / HTTP/11",
                     "G\xe9T / HTTP/1.1"):
            self.refused(line + "\r\nHost: a\r\n\r\n")
        self.refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505)
        self.refused("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501)
        # What HTTP/2 begins with, but for a field.
        self.refused("PRI * HTTP/2.0\r\nHost: a\r\n\r\nSM\r\n\r\n", 505)

    def test_limits(self):
        self.refused("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 101 + "\r\n", 431)
        self.refused("GET / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 70000 + "\r\n\r\n", 431)
        self.refused("GET /" + "y" * 70000, 431)
        self.refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", 413)
        self.refused("GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", 417)
        self.assertEqual(self.get("/hello", "X-Long: " + "y" * 60000 + "\r\n").code, 200)

    def test_a_refusal_comes_after_the_answers_before_it(self):
        with self.connect() as connection:
            connection.send("GET /slow?0.2 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            self.assertEqual(connection.response().body, b"hello\n")
            self.assertEqual(connection.response().code, 400)
            self.assertTrue(connection.ended())

    def test_pipelining(self):
        with self.connect() as connection:
            paths = ("slow?0.1", "echo", "reason", "large?65536", "hello")
            connection.send("".join("GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path for path in paths))
            connection.request("POST /echo", "Content-Length: 3\r\n", b"abc").request("GET /hello")
            bodies = [connection.response().body for _ in range(7)]
            self.assertEqual([len(body) for body in bodies], [6, 0, 1, 65536, 6, 3, 6])

    def test_keep_alive_and_close(self):
        with self.connect() as connection:
            for _ in range(20):
                self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
            connection.send("\r\n").request("GET /hello", "Connection: close\r\n")
            self.assertEqual(connection.response().field["connection"], "close")
            self.assertTrue(connection.ended())

    def test_a_head_in_pieces(self):
        with self.connect() as connection:
            for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n":
                connection.send(bytes([byte]))
                time.sleep(0.001)
            self.assertEqual(connection.response().body, b"ab")

    def test_half_closed_clients_get_their_answer(self):
        with self.connect() as connection:
            connection.request("GET /slow?0.2")
            connection.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.response().body, b"hello\n")
            self.assertTrue(connection.ended())

    def test_raw_utf8_in_a_target(self):
        self.assertEqual(self.environ("/caf\xc3\xa9?\xc3\xa9")["PATH_INFO"], "/caf\xc3\xa9")

    def test_many_connections(self):
        def ask():
            with self.server.connect() as connection:
                for _ in range(25):
                    bodies.append(connection.request("GET /hello").response().body)
        bodies = []
        threads = [threading.Thread(target=ask) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        self.assertEqual(bodies, [b"hello\n"] * 200)

    def test_a_slow_request_does_not_hold_up_others(self):
        with self.connect() as slow:
            slow.request("GET /slow?1")
            begun = time.time()
            self.get("/hello")
            self.assertLess(time.time() - begun, 0.9)
            self.assertEqual(slow.response().body, b"hello\n")

    def test_back_pressure(self):
        with self.connect() as connection:
            connection.request("GET /slow_reader").until(b"\r\n\r\n")
            time.sleep(0.5)
            pieces = len(self.events())
            self.assertLess(pieces, 500)
            time.sleep(0.3)
            self.assertLess(len(self.events()), pieces + 20)


class Life(unittest.TestCase):
    def serve(self, *args, **settings):
        server = Server(*args, **settings)
        self.addCleanup(lambda: server.process.poll() is None and server.process.kill())
        return server

    def wait_refused(self, server):
        deadline = time.time() + 10
        while time.time() < deadline:
            try:
                server.connect().sock.close()
            except OSError:
                return
            time.sleep(0.01)
        self.fail("the server still accepts connections")

    def test_threads_that_cannot_be_started(self):
        settings = dict(Server.SETTINGS, threads=1000)
        command = [sys.executable, os.path.join(HERE, "serve.py"), LIBRARY, json.dumps(settings)]
        # Room for the stacks of some of them. What is left of it when one has none can be too little for the others' heaps, too,
        # and who asks first dies of it: then with other room.
        for room in range(2_000_000, 2_020_000, 3000):
            limited = ["sh", "-c", 'ulimit -v %d; exec "$@"' % room, "sh", *command]
            ended = subprocess.run(limited, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            if not re.search(rb"memory allocation of|cannot allocate memory for", ended.stderr):
                break
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertIn(b"error: cannot start a thread: ", ended.stderr)

    def test_start_line_and_several_binds(self):
        server = self.serve(bind=["127.0.0.1:0", "[::1]:0"], threads=1, switch_interval={"fixed": 2000}).start()
        version = ".".join(map(str, sys.version_info[:3]))
        server.wait_log(r"(?m)^serving applications:application on %s://127\.0\.0\.1:\d+, %s://\[::1\]:\d+ "
                        r"\(CPython %s, .*1 thread.*\)\n" % (SCHEME, SCHEME, re.escape(version)))
        with server.connect("::1", server.ports[1]) as connection:
            environ = json.loads(connection.request("GET /environ").response().body)
            self.assertEqual((environ["REMOTE_ADDR"], environ["SERVER_NAME"]), ("::1", "::1"))
            self.assertIs(environ["wsgi.multithread"], False)
            self.assertEqual(connection.request("GET /interval").response().body, b"0.005" if GIL == "free" else b"0.002")
        self.assertEqual(server.stop(), 0)
        if GIL != "per-interpreter":  # it ends without returning
            self.assertIn(b"served, status 0", server.output)

    def test_taken_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            server = self.serve(bind=["127.0.0.1:%d" % port])
            self.assertEqual(server.stop(0), 1)
            self.assertIn("error: cannot listen on 127.0.0.1:%d: another program uses this port" % port, server.log.decode())

    def test_bad_binds(self):
        for bind in ("nonsense", "127.0.0.1:99999", "203.0.113.1:80"):
            server = self.serve(bind=[bind])
            self.assertEqual(server.stop(0), 1)
            self.assertIn("error: cannot listen on %s: " % bind, server.log.decode())

    def test_things_that_are_no_wsgi_application(self):
        asgi = [(name, "ASGI") for name in ("asgi", "asgi_object", "asgi_method", "asgi_partial", "asgi_marked")]
        if sys.version_info < (3, 12):
            asgi.pop()  # there is no mark
        for name, text in [*asgi, ("number", "a int cannot be called")]:
            server = self.serve(name)
            self.assertEqual(server.stop(0), 1)
            self.assertIn(text, server.log.decode())

    def test_asgi_applications_are_told_without_inspect(self):
        server = self.serve("loaded", module="asgi_applications").start()
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /").response().body, b"False")
        for name in ("asgi", "asgi_object", "asgi_method", "asgi_partial"):
            server = self.serve(name, module="asgi_applications")
            self.assertEqual(server.stop(0), 1)
            self.assertIn("ASGI", server.log.decode())

    def test_access_log(self):
        server = self.serve(access_log=True).start()
        with server.connect() as connection:
            connection.request("GET /hello?x", 'User-Agent: a "b"\r\nReferer: http://r/\r\n').response()
            connection.request("HEAD /reason").response("HEAD")
            connection.request("GET /large?131072").response()
            server.wait_log(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /hello\?x HTTP/1\.1" 200 6 '
                            r'"http://r/" "a \\"b\\""\n')
            server.wait_log(r'"HEAD /reason HTTP/1\.1" 404 0 "-" "-"\n')
            server.wait_log(r'"GET /large\?131072 HTTP/1\.1" 200 131072 "-" "-"\n')
        with server.connect() as connection:
            connection.send("GET / HTTP/1.1\r\n\r\n").response()
            server.wait_log(r'"- \(there is no Host field\)" 400 ')
        self.assertEqual(server.stop(), 0)

    def test_graceful_stop(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve().start()
            idle, fresh, slow = server.connect(), server.connect(), server.connect()
            idle.request("GET /hello").response()
            slow.request("GET /slow?1.5")
            time.sleep(0.3)
            server.process.send_signal(number)
            self.assertTrue(idle.ended())
            self.assertTrue(fresh.ended())
            self.wait_refused(server)
            response = slow.response()
            self.assertEqual((response.body, response.field.get("connection")), (b"hello\n", "close"))
            self.assertTrue(slow.ended())
            self.assertEqual(server.stop(0), 0)
            for connection in (idle, fresh, slow):
                connection.sock.close()

    def test_graceful_timeout(self):
        server = self.serve(graceful_timeout=1).start()
        with server.connect() as slow:
            slow.request("GET /slow?60")
            time.sleep(0.3)
            begun = time.time()
            self.assertEqual(server.stop(), 1)
            self.assertLess(time.time() - begun, 5)
            self.assertTrue(slow.ended())
        self.assertIn("cut off", server.log.decode())

    def test_second_signal(self):
        for path in ("/slow?60", "/spin?60"):
            server = self.serve(graceful_timeout=60).start()
            with server.connect() as slow:
                slow.request("GET " + path)
                time.sleep(0.3)
                server.process.send_signal(signal.SIGTERM)
                server.wait_log("stopping: no new connections")
                begun = time.time()
                self.assertEqual(server.stop(), 128 + 15)
                self.assertLess(time.time() - begun, 5)

    def test_signals_of_the_application(self):
        server = self.serve().start()
        server.process.send_signal(signal.SIGUSR1)
        server.wait_log("handled 10 in MainThread")
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /hello").response().code, 200)
        self.assertEqual(server.stop(), 0)

    def test_without_stderr(self):
        server = self.serve("no_stderr").start()
        with server.connect() as connection:
            self.assertEqual(connection.request("GET /errors").response().code, 200)
            self.assertEqual(connection.request("GET /raises").response().code, 500)
        server.wait_log("LookupError: .*on purpose")
        self.assertEqual(server.stop(), 0)


def get(port, path="/", timeout=20):
    """The body of one answer, over a connection of its own; fails when there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout) as raw:
        client = Secure(raw) if TLS else raw
        client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        answer = b""
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            answer += piece
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        raise ConnectionError("no answer to %s" % path)
    return int(head.split()[1]), body.decode()


class OneThread(unittest.TestCase):
    """Requests that come together are answered together, each on its connection."""

    def setUp(self):
        self.server = Server(threads=1).start()
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0, self.server.log.decode()))

    def test_answers_that_leave_together(self):
        kinds = [
            ("GET /hello", "", [b"hello\n"]),
            ("HEAD /hello", "", [b""]),
            ("GET /hello", "Connection: close\r\n", [b"hello\n"]),
            ("GET /large?65536", "", [b"x" * 65536]),
            ("POST /echo", "Content-Length: 3000\r\n", [b"x" * 3000]),
            ("GET /hello HTTP/1.1\r\nHost: a\r\n\r\nGET /reason", "", [b"hello\n", None]),
            ("GET /slow?0.01", "", [b"hello\n"]),
            ("GET /nowhere at all", "", [None]),
        ]
        for _ in range(4):
            connections = [(kind, self.server.connect()) for kind in kinds * 8]
            # All of them are there when the thread comes back from this.
            busy = self.server.connect().request("GET /slow?0.1")
            for (line, headers, _), connection in connections:
                connection.request(line, headers, b"x" * 3000 if line.startswith("POST") else b"")
            for (line, headers, bodies), connection in connections:
                for body in bodies:
                    response = connection.response(line.split()[0])
                    if body is not None:
                        self.assertEqual((response.code, len(response.body)), (200, len(body)), line)
                if "close" in headers:
                    self.assertTrue(connection.ended())
                elif response.code < 400:
                    self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
                connection.sock.close()
            self.assertEqual(busy.response().body, b"hello\n")
            busy.sock.close()


class Leader(unittest.TestCase):
    """Short requests are all served by one of several threads, as long as it gets on with them."""

    def setUp(self):
        self.server = Server(threads=4).start()
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0, self.server.log.decode()))
        self.connections = [self.server.connect() for _ in range(8)]
        self.addCleanup(lambda: [connection.sock.close() for connection in self.connections])

    def threads(self):
        """The threads that serve a number of short requests, asked for all at once."""
        request = b"GET /bad_thread HTTP/1.1\r\nHost: test\r\n\r\n" * 8
        [connection.send(request) for connection in self.connections]
        return {connection.response().body for connection in self.connections for _ in range(8)}

    def lead(self, seconds=5):
        """Sends short requests until one thread has served many of them in a row; whether one did, which a machine
        with much else to do may prevent for a while."""
        deadline = time.monotonic() + seconds
        row = 0
        while row < 8 and time.monotonic() < deadline:
            row = row + 1 if len(self.threads()) == 1 else 0
        return row == 8

    def test_a_request_that_waits_keeps_no_other(self):
        led = []
        for index in (0, 3, 7, 0, 5, 1):
            led.append(self.lead())
            self.connections[index].request("GET /wait_for_gate")
            others = [connection for connection in self.connections if connection is not self.connections[index]]
            for _ in range(20):
                [connection.request("GET /hello") for connection in others]
                self.assertEqual({connection.response().body for connection in others}, {b"hello\n"})
            # The gate is closed when the request begins, which may be after the others.
            while not select.select([self.connections[index].sock], [], [], 0.01)[0]:
                others[0].request("GET /open_gate").response()
            self.assertEqual(self.connections[index].response().body, b"hello\n")
        # Threads without a GIL run at the same time: none leads.
        self.assertTrue(any(led) or GIL == "free" or self.lead(60), "no thread led")

    def test_all_of_them_wait(self):
        self.lead()
        [connection.request("GET /slow?0.02") for connection in self.connections]
        self.assertEqual({connection.response().body for connection in self.connections}, {b"hello\n"})

    def test_clients_that_go_and_come(self):
        self.lead()
        for _ in range(50):
            with self.server.connect() as connection:
                self.assertEqual(connection.request("GET /hello").response().body, b"hello\n")
            self.threads()

    def test_a_pause(self):
        self.lead()
        time.sleep(0.2)
        self.assertTrue(self.threads())

    def test_it_stops_while_one_leads(self):
        self.lead()


class Supervised(unittest.TestCase):
    """Worker processes, and applications that end theirs."""

    def serve(self, **settings):
        settings = dict({"processes": 2, "threads": 2}, **settings)
        server = Server("deadly", **settings).start()
        self.addCleanup(self.kill, server)
        return server

    def kill(self, server):
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()

    def end(self, server, status=0):
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(30), status, server.log.decode())

    def worker(self, server):
        status, body = get(server.port)
        self.assertEqual(status, 200)
        pid, multiprocess = body.split()
        self.assertEqual(multiprocess, "1")
        return int(pid)

    def gone(self, pid):
        for _ in range(400):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
        self.fail("process %d still lives" % pid)

    def test_a_dead_worker_is_replaced(self):
        server = self.serve()
        for path in ("/exit", "/segfault"):
            with self.assertRaises((ConnectionError, OSError)):
                get(server.port, path)
            self.worker(server)
        for path in ("/SystemExit", "/KeyboardInterrupt", "/BaseException"):
            self.assertEqual(get(server.port, path)[0], 500)
        status, body = get(server.port, "/close")
        self.assertEqual(status, 200)
        self.worker(server)
        # It would end with another status: Python cannot flush its streams.
        os.kill(int(body.split()[0]), signal.SIGKILL)
        self.worker(server)
        server.wait_log(r"ended: exit status: 3")
        # A replacement answers a moment before it tells that it is ready.
        server.wait_log(r"ended.*: signal: 11")
        # Told after the end was asked for, it would count as cut off.
        server.wait_log(r"ended.*: signal: 9")
        self.end(server)

    def shares(self, server):
        """How many of 120 connections, ten of which come together each time, each process gets."""
        counts = {}
        for _ in range(12):
            connections = [server.connect() for _ in range(10)]
            for connection in connections:
                connection.request("GET /")
            for connection in connections:
                pid = connection.response().body.split()[0]
                counts[pid] = counts.get(pid, 0) + 1
                connection.sock.close()
        return counts

    def test_connections_that_come_together_are_shared(self):
        server = self.serve(threads=1)
        # Not each time: a process may be kept from running for longer than the other waits for it.
        tries = []
        while not any(len(counts) == 2 and min(counts.values()) > 24 for counts in tries):
            self.assertLess(len(tries), 5, tries)
            tries.append(self.shares(server))
            self.assertEqual(sum(tries[-1].values()), 120)
        self.end(server)

    def test_a_reload_loses_no_request(self):
        server = self.serve()
        before = {int(pid) for pid in re.findall(rb"process (\d+)\) is ready", server.log)}
        self.assertEqual(len(before), 2)
        failures, done, seen = [], threading.Event(), set()

        def ask(path):
            while not done.is_set():
                try:
                    status, body = get(server.port, path)
                    seen.add(int(body.split()[0]))
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=ask, args=(path,)) for path in ("/", "/", "/slow")]
        for thread in threads:
            thread.start()
        for _ in range(2):
            count = server.log.count(b"is ready")
            server.process.send_signal(signal.SIGHUP)
            server.wait_log(r"(?s)(is ready.*){%d}" % (count + 2))
        for pid in before:
            self.gone(pid)
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertTrue(seen - before)
        self.end(server)

    def test_max_requests_replaces_without_a_loss(self):
        server = self.serve(processes=1, max_requests=20)
        pids = set()
        for _ in range(1000):
            pids.add(self.worker(server))
            if len(pids) > 2:
                break
            time.sleep(0.005)
        self.assertGreater(len(pids), 2)
        server.wait_log(r"is replaced: it has served \d+ requests")
        self.end(server)

    @unittest.skipIf(GIL == "free", "there is no GIL to hold")
    def test_a_deadlocked_gil_is_found(self):
        server = self.serve(processes=1, supervise=True, deadlock_timeout=2)
        first = self.worker(server)
        with self.assertRaises((ConnectionError, OSError)):
            get(server.port, "/deadlock", 60)
        server.wait_log("deadlock timeout")
        self.assertNotEqual(self.worker(server), first)
        self.end(server)

    def test_workers_do_not_outlive_their_supervisor(self):
        server = self.serve()
        pids = {int(pid) for pid in re.findall(rb"process (\d+)\) is ready", server.log)}
        server.process.kill()
        server.process.wait()
        for pid in pids:
            self.gone(pid)

    def test_a_stop_waits_for_requests(self):
        server = self.serve()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(get(server.port, "/slow")))
        thread.start()
        time.sleep(0.5)
        # As a service manager does it: every process gets the signal.
        for pid in re.findall(rb"process (\d+)\) is ready", server.log):
            os.kill(int(pid), signal.SIGTERM)
        self.end(server)
        thread.join()
        self.assertEqual([status for status, _ in answers], [200])

    def test_an_application_that_cannot_be_imported(self):
        server = Server("broken", processes=2)
        self.addCleanup(self.kill, server)
        self.assertEqual(server.process.wait(60), 1)
        server.wait_log("cannot be started")
        self.assertEqual(server.log.count(b"RuntimeError: this application"), 3)


if __name__ == "__main__":
    from telemetry import *  # noqa: F403
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
