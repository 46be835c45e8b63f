"""What the cases ask for, by path. Names that begin with `bad_` break PEP 3333 on purpose and are not validated."""

import builtins
import inspect
import io
import json
import os
import sys
import tempfile
import threading
import time
from wsgiref.validate import validator

from asgi_applications import asgi, asgi_method, asgi_object, asgi_partial  # noqa: F401

TEXT = [("Content-Type", "text/plain")]
EVENTS = []  # what happened, asked for by /events
GATE = threading.Event()


def hello(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [b"hello\n"]


def environ_(environ, start_response):
    shown = {name: value for name, value in environ.items() if isinstance(value, (str, bool, tuple))}
    shown["types"] = sorted({type(value).__name__ for name, value in environ.items() if name.isupper()})
    shown["exact_dict"] = type(environ) is dict
    body = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def echo(environ, start_response):
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", list(TEXT))
    return [body]


def inputs(environ, start_response):
    """Runs the calls in the query on wsgi.input: read:3,readline:,next: ..."""
    stream = environ["wsgi.input"]
    results = []
    for call in environ["QUERY_STRING"].split(","):
        name, _, argument = call.partition(":")
        if name == "next":
            result = next(stream, None)
        elif name == "list":
            result = list(stream)
        else:
            result = getattr(stream, name)(*([int(argument)] if argument else []))
        results.append(repr(result))
    start_response("200 OK", list(TEXT))
    return ["\n".join(results).encode()]


bad_inputs = inputs


def bad_input_calls(environ, start_response):
    stream = environ["wsgi.input"]
    results = [stream.read(size=2), stream.read(None), stream.read(), stream.readline(), stream.readlines()]
    for wrong in ("x", 1.5):
        try:
            stream.read(wrong)
        except TypeError:
            results.append("TypeError")
    try:
        type(stream)()
    except TypeError:
        results.append("TypeError")
    start_response("200 OK", list(TEXT))
    return [repr(results).encode()]


def input_error(environ, start_response):
    try:
        environ["wsgi.input"].read(1 << 20)
        EVENTS.append("read all")
    except OSError as error:
        EVENTS.append("%s %s" % (type(error).__name__, error))
        raise
    start_response("200 OK", list(TEXT))
    return [b"read"]


def input_lines_cut(environ, start_response):
    lines = []
    try:
        for line in environ["wsgi.input"]:
            lines.append(line)
    except OSError as error:
        EVENTS.append("%r %s" % (lines, type(error).__name__))
    start_response("200 OK", list(TEXT))
    return [b"done"]


def stream(environ, start_response):
    def pieces():
        for number in range(3):
            yield b"piece %d\n" % number
            GATE.wait(5)
            GATE.clear()

    start_response("200 OK", list(TEXT))
    return pieces()


def go_on(environ, start_response):
    GATE.set()
    return hello(environ, start_response)


def large(environ, start_response):
    size = int(environ["QUERY_STRING"])
    start_response("200 OK", list(TEXT))
    return (b"x" * 65536 for _ in range(size // 65536))


def slow_reader(environ, start_response):
    def pieces():
        for number in range(1000):
            EVENTS.append("piece %d" % number)
            yield b"x" * 65536
    start_response("200 OK", list(TEXT))
    return pieces()


def pieces_of_a_list(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [b"a", b"", b"bc", b"d"]


bad_pieces_of_a_list = pieces_of_a_list


def with_length(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "6")])
    return [b"hello\n"]


def empty(environ, start_response):
    start_response("200 OK", list(TEXT))
    return []


def empty_pieces(environ, start_response):
    start_response("200 OK", list(TEXT))
    return (piece for piece in [b"", b"", b"late\n", b""])


def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"x"')])
    return []


def bad_no_content_with_body(environ, start_response):
    start_response("204 No Content", TEXT + [("Content-Length", "5")])
    return [b"hello"]


def reason(environ, start_response):
    start_response("404 Nirgends gefunden", list(TEXT))
    return [b"x"]


def bad_latin1(environ, start_response):
    start_response("200 \xe9t\xe9", [("X-Name", "caf\xe9"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [b"x"]


def bad_keywords(environ, start_response):
    """Calls with keywords, and such as no function of ours takes."""
    refused = []
    reader = environ["wsgi.input"].read
    for function, arguments in [(start_response, {"status": "200 OK"}), (reader, {"size": "x"})]:
        try:
            function(**arguments)
        except TypeError as error:
            refused.append(str(error))
    body = environ["wsgi.input"].read(size=2) + environ["wsgi.input"].readline(size=3) + reader()
    write = start_response(response_headers=[("X-Refused", "; ".join(refused))], status="200 \xe9", exc_info=None)
    write(data=body)
    return ()


def write(environ, start_response):
    out = start_response("200 OK", list(TEXT))
    out(b"one ")
    out(b"two ")
    return [b"three"]


class Closing:
    def __init__(self, pieces, name):
        self.pieces, self.name = iter(pieces), name

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        EVENTS.append("closed " + self.name)


def closing(environ, start_response):
    start_response("200 OK", list(TEXT))
    return Closing([b"a", b"b"], "normal")


def closing_after_error(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"a"
        raise KeyError("in the middle")

    return Closing(pieces(), "after error")


class ClosingList(list):
    def close(self):
        EVENTS.append("closed list")


def bad_closing_list(environ, start_response):
    start_response("200 OK", list(TEXT))
    return ClosingList([b"a", b"b"])


def bad_close_raises(environ, start_response):
    class Raising(Closing):
        def close(self):
            raise ValueError("close failed")

    start_response("200 OK", list(TEXT))
    return Raising([b"fine"], "")


def closing_unread(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        while True:
            yield b"x" * 65536

    return Closing(pieces(), "unread")


def bad_lazy_start(environ, start_response):
    start_response("201 Created", list(TEXT))
    yield b"lazy"


def exc_info_before(environ, start_response):
    start_response("200 OK", TEXT + [("X-First", "1")])
    try:
        raise ValueError
    except ValueError:
        start_response("500 Sorry", TEXT + [("X-Second", "2")], sys.exc_info())
    return [b"sorry"]


def exc_info_after(environ, start_response):
    out = start_response("200 OK", list(TEXT))
    out(b"begun")
    try:
        raise ValueError("too late")
    except ValueError:
        start_response("500 Sorry", list(TEXT), sys.exc_info())
    return [b"never"]


def raises(environ, start_response):
    raise LookupError("on purpose")


def raises_in_body(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"begun"
        raise LookupError("in the body")

    return pieces()


def raises_before_body(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        raise LookupError("before the body")
        yield b""

    return pieces()


def errors(environ, start_response):
    print("to wsgi.errors: \xe9", file=environ["wsgi.errors"])
    return hello(environ, start_response)


def files(environ, start_response):
    """A file from its present position; by query in memory, on disk, or through a pipe."""
    content = b"0123456789" * 20000
    kind = environ["QUERY_STRING"]
    if kind == "disk":
        file = tempfile.TemporaryFile()
        file.write(content)
    else:
        file = io.BytesIO(content)
    file.seek(5)
    start_response("200 OK", list(TEXT))
    return environ["wsgi.file_wrapper"](file, 7)


def bad_file_without_close(environ, start_response):
    class Source:
        left = 3

        def read(self, size):
            self.left -= 1
            return b"ab" if self.left >= 0 else b""

    start_response("200 OK", list(TEXT))
    return environ["wsgi.file_wrapper"](Source())


def slow(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    return hello(environ, start_response)


def spin(environ, start_response):
    end = time.time() + float(environ["QUERY_STRING"])
    while time.time() < end:
        pass
    return hello(environ, start_response)


def thread(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [b"%d %d" % (threading.get_ident(), sys.getrecursionlimit())]


def interval(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [repr(sys.getswitchinterval()).encode()]


def refuse_early(environ, start_response):
    start_response("413 Too Large", TEXT)
    return [b"no"]


def recursion(environ, start_response):
    def deeper(depth):
        return depth if depth == 0 else deeper(depth - 1)

    try:
        deeper(10 ** 6)
    except RecursionError:
        pass
    return hello(environ, start_response)


def fork(environ, start_response):
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, 15)
    _, status = os.waitpid(child, 0)
    start_response("200 OK", list(TEXT))
    return [b"%d" % (status & 0x7F)]


def bad_event_log(environ, start_response):
    start_response("200 OK", list(TEXT))
    body = json.dumps(EVENTS).encode()
    if environ["QUERY_STRING"] == "clear":
        del EVENTS[:]
    return [body]


def _bad(status="200 OK", headers=None, body=(b"x",)):
    def app(environ, start_response):
        start_response(status, list(TEXT) if headers is None else headers)
        return list(body)
    return app


BROKEN = {
    "status_long": _bad("1000 x"), "status_short": _bad("20 x"), "status_text": _bad("OK"), "status_empty": _bad(""),
    "status_100": _bad("100 Continue"), "status_600": _bad("600 x"), "status_newline": _bad("200 OK\r\nX: y"),
    "status_int": _bad(200), "status_bytes": _bad(b"200 OK"), "status_wide": _bad("200 \u20ac"),
    "header_newline": _bad(headers=[("X-A", "a\r\nX-B: b")]), "header_nul": _bad(headers=[("X-A", "a\0")]),
    "header_name_newline": _bad(headers=[("X-A\r\nX-B", "a")]), "header_name_empty": _bad(headers=[("", "a")]),
    "header_name_space": _bad(headers=[("X A", "a")]), "header_name_high": _bad(headers=[("X\xe9", "a")]),
    "header_wide": _bad(headers=[("X-A", "\u20ac")]), "header_int": _bad(headers=[("X-A", 1)]),
    "header_bytes": _bad(headers=[(b"X-A", b"a")]), "header_list": _bad(headers=[["X-A", "a"]]),
    "header_triple": _bad(headers=[("X-A", "a", "b")]), "headers_dict": _bad(headers={"X-A": "a"}),
    "headers_none": _bad(headers=()), "hop_by_hop": _bad(headers=[("Connection", "close")]),
    "transfer_encoding": _bad(headers=[("Transfer-Encoding", "chunked")]), "upgrade": _bad(headers=[("Upgrade", "x")]),
    "length_text": _bad(headers=[("Content-Length", "x")]), "length_negative": _bad(headers=[("Content-Length", "-1")]),
    "length_twice": _bad(headers=[("Content-Length", "1"), ("Content-Length", "1")]),
    "body_text": _bad(body=["text"]), "body_int": _bad(body=[1]), "body_none": _bad(body=[None]),
    "no_start": lambda environ, start_response: [b"x"], "no_start_empty": lambda environ, start_response: [],
    "returns_none": lambda environ, start_response: start_response("200 OK", []) and None,
    "returns_int": lambda environ, start_response: start_response("200 OK", []) and 1,
    "returns_text": lambda environ, start_response: start_response("200 OK", []) and "text",
    "started_twice": lambda environ, start_response: [start_response("200 OK", []), start_response("200 OK", [])],
    "start_without": lambda environ, start_response: start_response(),
    "start_four": lambda environ, start_response: start_response("200 OK", [], None, None),
    "exc_info_int": lambda environ, start_response: (start_response("200 OK", [])(b"x"), start_response("200 OK", [], 1)),
    "write_text": lambda environ, start_response: start_response("200 OK", [])("text"),
    "exits": lambda environ, start_response: sys.exit(3),
    "interrupts": lambda environ, start_response: (_ for _ in ()).throw(KeyboardInterrupt),
    "length_but_empty": _bad(headers=[("Content-Length", "5")], body=[]),
}


async def _coroutine():
    return []


BROKEN["coroutine"] = lambda environ, start_response: (start_response("200 OK", []), _coroutine())[1]


def bad_too_long(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return iter([b"12", b"345", b"6"])


def bad_too_long_list(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"12", b"345", b"6"]


def bad_too_short(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    return iter([b"123"])


def bad_too_short_list(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    return [b"123"]


def interval(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [repr(sys.getswitchinterval()).encode()]


def facts(environ, start_response):
    """What the host says about the request, after as many milliseconds as the query says."""
    time.sleep(int(environ["QUERY_STRING"].partition("&")[0]) / 1000)
    shown = {name: value for name, value in environ.items() if name.startswith("pack.") and not callable(value)}
    body = json.dumps({"environ": shown, "times": environ["pack.times"]()}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def metrics(environ, start_response):
    import pack_runtime
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(pack_runtime.metrics()).encode()]


def wait_for_gate(environ, start_response):
    GATE.clear()
    GATE.wait(10)
    return hello(environ, start_response)


def open_gate(environ, start_response):
    GATE.set()
    return hello(environ, start_response)


def bad_thread(environ, start_response):
    start_response("200 OK", list(TEXT))
    return [b"%d" % threading.get_ident()]


def busy(environ, start_response):
    sum(number * number for number in range(int(environ["QUERY_STRING"] or 20000)))
    return hello(environ, start_response)


ROUTES = {}
for _name, _app in list(globals().items()):
    if callable(_app) and getattr(_app, "__module__", None) == __name__ and not _name.startswith("_"):
        if not isinstance(_app, type):
            ROUTES["/" + _name.strip("_")] = _app if _name.startswith("bad_") else validator(_app)
ROUTES.update({"/broken/" + _name: _app for _name, _app in BROKEN.items()})


def application(environ, start_response):
    app = ROUTES.get(environ["PATH_INFO"], ROUTES["/environ"])
    return app(environ, start_response)


if hasattr(inspect, "markcoroutinefunction"):
    asgi_marked = inspect.markcoroutinefunction(lambda scope, receive, send: asgi(scope, receive, send))
number = 42


def _on_signal(signum, frame):
    print("handled", signum, "in", threading.current_thread().name, file=sys.stderr, flush=True)


if threading.current_thread() is threading.main_thread():
    import signal
    signal.signal(signal.SIGUSR1, _on_signal)


def no_stderr(environ, start_response):
    sys.stderr = None
    return application(environ, start_response)


def deadly(environ, start_response):
    """Does to its process what no application should; otherwise says which process it is."""
    what = environ["PATH_INFO"][1:]
    if what == "exit":
        os._exit(3)
    if what == "segfault":
        import ctypes

        ctypes.string_at(0)
    if what == "deadlock":
        import ctypes

        ctypes.PyDLL(None).sleep(1000)
    if what in ("SystemExit", "KeyboardInterrupt", "BaseException"):
        raise getattr(builtins, what)(what)
    if what == "close":
        for fd in range(3):
            os.close(fd)
    if what == "slow":
        time.sleep(1.5)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d %d" % (os.getpid(), environ["wsgi.multiprocess"])]


if os.environ.get("TEST_APPLICATION") == "broken":
    raise RuntimeError("this application cannot be imported")
