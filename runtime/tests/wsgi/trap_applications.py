"""What the traps ask for, by path: applications that do what some server got wrong. See `applications.py` for the rules."""

import collections
import io
import os
import sys
import tempfile
import time
from wsgiref.validate import validator

from applications import EVENTS, TEXT, Closing, bad_event_log, echo, environ_, hello


class Text(str):
    pass


Field = collections.namedtuple("Field", "name value")


def bad_subclasses(environ, start_response):
    start_response(Text("200 OK"), [Field(Text("X-A"), Text("b"))])
    return [b"subclasses"]


def date_and_server(environ, start_response):
    start_response("200 OK", TEXT + [("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Server", "mine")])
    return [b"x"]


def same_name(environ, start_response):
    start_response("200 OK", TEXT + [("Vary", "a"), ("vary", "b"), ("Set-Cookie", "c=1"), ("SET-COOKIE", "d=2")])
    return [b"x"]


def bad_length(environ, start_response):
    start_response("200 OK", [("Content-Length", environ["HTTP_X_LENGTH"])])
    return [b"hello"]


def bad_field(environ, start_response):
    start_response("200 OK", [(environ["HTTP_X_NAME"], environ["HTTP_X_VALUE"])])
    return [b"hello"]


def bad_bytes_like(environ, start_response):
    """Types that are not bytes, though they could be sent: PEP 3333 wants bytes."""
    kind = environ["QUERY_STRING"]
    body = {"bytearray": bytearray(b"x"), "memoryview": memoryview(b"x"), "string": "x"}[kind]
    start_response("200 OK", list(TEXT))
    return [body]


def bad_late_start_in_iterator(environ, start_response):
    """start_response in the middle of the first next(), after an empty piece."""
    yield b""
    start_response("202 Accepted", list(TEXT))
    yield b"late"


def bad_never_starts(environ, start_response):
    yield b""
    yield b"too early"


def write_then_raise(environ, start_response):
    write = start_response("200 OK", list(TEXT))
    write(b"begun")
    raise LookupError("after write")


def bad_write_after_return(environ, start_response):
    """A generator that writes while it is iterated over: the pieces keep their order."""
    write = start_response("200 OK", list(TEXT))

    def pieces():
        yield b"1"
        write(b"2")
        yield b"3"

    return pieces()


def bad_write_more_than_the_length(environ, start_response):
    write = start_response("200 OK", [("Content-Length", "3")])
    write(b"12345")
    return []


def bad_exc_info_twice(environ, start_response):
    """The second of two replacements is what counts, with its own headers alone."""
    start_response("200 OK", TEXT + [("X-One", "1"), ("Set-Cookie", "a=1")])
    for number in (2, 3):
        try:
            raise ValueError
        except ValueError:
            start_response("50%d Sorry" % number, [("Content-Type", "text/html"), ("X-N", str(number))], sys.exc_info())
    return [b"sorry"]


def bad_exc_info_raises_the_same(environ, start_response):
    """The exception given after output comes back as the very same object."""
    write = start_response("200 OK", list(TEXT))
    write(b"begun")
    try:
        raise LookupError("original")
    except LookupError as error:
        first = error
        try:
            start_response("500 Sorry", list(TEXT), sys.exc_info())
        except LookupError as again:
            EVENTS.append("same" if again is first else "other")
    return []


def bad_iter_raises(environ, start_response):
    class Raising(Closing):
        def __iter__(self):
            raise ValueError("iter failed")
    start_response("200 OK", list(TEXT))
    return Raising([], "iter raised")


def bad_list_that_lies(environ, start_response):
    """A subclass of list whose iteration gives something else than its items."""
    class Lying(list):
        def __iter__(self):
            return iter([b"told"])
    start_response("200 OK", list(TEXT))
    return Lying([b"hidden"])


def bad_raises_with_length(environ, start_response):
    start_response("200 OK", [("Content-Length", "100")])

    def pieces():
        yield b"begun"
        raise LookupError("before the length")

    return pieces()


def bad_raises_without_length(environ, start_response):
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"begun"
        raise LookupError("no length")

    return pieces()


KEPT = []


def bad_raises_and_is_kept(environ, start_response):
    KEPT.append(environ)
    return bad_raises_without_length(environ, start_response)


def bad_base_exceptions(environ, start_response):
    kind = {"exit": SystemExit(7), "interrupt": KeyboardInterrupt(), "generator": GeneratorExit(), "stop": StopIteration()}
    start_response("200 OK", list(TEXT))
    raise kind[environ["QUERY_STRING"]]


def bad_exception_that_cannot_be_shown(environ, start_response):
    class Mute(Exception):
        def __str__(self):
            raise ValueError("no text")
        __repr__ = __str__
    raise Mute


def bad_file_part(environ, start_response):
    """Part of a file, from its position, as long as Content-Length says."""
    file = tempfile.TemporaryFile()
    file.write(b"0123456789" * 1000)
    file.seek(3)
    start_response("200 OK", TEXT + [("Content-Length", "4")])
    return environ["wsgi.file_wrapper"](file)


def bad_file_closes(environ, start_response):
    class File(io.BytesIO):
        def close(self):
            EVENTS.append("closed file")
            super().close()
    start_response("200 OK", list(TEXT))
    return environ["wsgi.file_wrapper"](File(b"content"))


def bad_file_in_middleware(environ, start_response):
    """A file wrapper that is iterated over, not returned."""
    start_response("200 OK", list(TEXT))
    return [piece.upper() for piece in environ["wsgi.file_wrapper"](io.BytesIO(b"abcdef"), 4)]


def file_empty(environ, start_response):
    file = tempfile.TemporaryFile()
    start_response("200 OK", list(TEXT))
    return environ["wsgi.file_wrapper"](file)


def bad_file_write_first(environ, start_response):
    """write() and then a file: the file must not overtake."""
    file = tempfile.TemporaryFile()
    file.write(b"file")
    file.seek(0)
    write = start_response("200 OK", list(TEXT))
    write(b"head ")
    return environ["wsgi.file_wrapper"](file)


def bad_file_shrinks(environ, start_response):
    """A file that is shorter than the length its response promises."""
    file = tempfile.TemporaryFile()
    file.write(b"short")
    file.seek(0)
    start_response("200 OK", [("Content-Length", "500")])
    return environ["wsgi.file_wrapper"](file)


def bad_closes_streams(environ, start_response):
    for number in (0, 1, 2):
        os.close(number)
    return hello(environ, start_response)


def bad_raises(environ, start_response):
    raise LookupError("on purpose")


def bad_changes_environ(environ, start_response):
    """What one request leaves in its environ is not in the next one's."""
    left = [name for name in environ if name.startswith("left.")]
    environ["left.over"] = "x"
    environ["wsgi.version"] = None
    del environ["SERVER_NAME"]
    start_response("200 OK", list(TEXT))
    return [repr(left).encode()]


def bad_reads_late(environ, start_response):
    """Reads the body after the response has begun."""
    start_response("200 OK", list(TEXT))

    def pieces():
        yield b"begun "
        yield environ["wsgi.input"].read()

    return pieces()


def bad_keeps_input(environ, start_response):
    """Reads the input of the request before: nothing of this request comes out of it."""
    before, EVENTS[:] = EVENTS[:], [environ["wsgi.input"]]
    start_response("200 OK", list(TEXT))
    try:
        old = before[0].read() if before and hasattr(before[0], "read") else b""
    except Exception as error:
        old = type(error).__name__.encode()
    return [b"old: " + old]


def errors_of_all_kinds(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("one\n")
    errors.writelines(["two\n", "three\n"])
    errors.flush()
    return hello(environ, start_response)


def bad_many_pieces(environ, start_response):
    start_response("200 OK", list(TEXT))
    return (b"%d," % number for number in range(20000))


def bad_wide_errors(environ, start_response):
    print("wide: \u20ac \U0001F40D \udcff", file=environ["wsgi.errors"])
    return hello(environ, start_response)


def bad_endless(environ, start_response):
    def pieces():
        while True:
            yield b"x" * 65536
    start_response("200 OK", list(TEXT))
    return Closing(pieces(), "endless")


def bad_wait(environ, start_response):
    time.sleep(1)
    return hello(environ, start_response)


ROUTES = {"/hello": validator(hello), "/environ": validator(environ_), "/echo": validator(echo), "/bad_event_log": bad_event_log}
for _name, _app in list(globals().items()):
    if callable(_app) and getattr(_app, "__module__", None) == __name__ and not isinstance(_app, type):
        ROUTES["/" + _name] = _app if _name.startswith("bad_") else validator(_app)


def application(environ, start_response):
    return ROUTES.get(environ["PATH_INFO"], ROUTES["/environ"])(environ, start_response)
