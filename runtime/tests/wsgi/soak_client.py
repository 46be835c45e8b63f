"""Clients that check every answer, and a record of what was lost and by whose fault.

A client has a right to an answer to each request, but for two cases: the process that had it was killed, or the server closed
a connection that was idle, which RFC 9112 (section 9.3.1) lets it do at any time; the request is then sent again, once, on a
new connection. Everything else that goes wrong is a loss.
"""

import collections
import random
import socket
import threading
import time

TIMEOUT = 30
# A killed process lets go of its connections not at once.
GRACE = 1.0


class Lost(Exception):
    """A request without the answer that it should have had."""


class Cut(Exception):
    """The connection ended; `answered`: after how many bytes of the answer."""

    def __init__(self, answered):
        super().__init__("the connection ended after %d bytes of the answer" % answered)
        self.answered = answered


class Record:
    """What happened to all requests."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.losses = []
        self.kills = []  # (time, process)

    def count(self, kind):
        with self.lock:
            self.counts[kind] += 1

    def lose(self, what):
        with self.lock:
            self.counts["lost"] += 1
            if len(self.losses) < 20:
                self.losses.append(what)

    def killed(self, process):
        with self.lock:
            self.kills.append((time.monotonic(), process))

    def was_killed(self, process, since):
        """Whether `process`, or any where it is not known which one, was killed since then."""
        with self.lock:
            return any(when >= since - GRACE and process in (None, killed) for when, killed in self.kills)


class Client:
    """One connection after the other, to one address."""

    def __init__(self, address, record, seed):
        self.address, self.record, self.random = address, record, random.Random(seed)
        self.sock, self.buffer, self.process, self.used = None, b"", None, 0

    def connect(self):
        self.close()
        self.sock = socket.create_connection(self.address, timeout=TIMEOUT)
        self.buffer, self.process, self.used = b"", None, 0

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None

    # What is read of one answer; `self.seen` counts its bytes.
    def more(self):
        try:
            data = self.sock.recv(1 << 16)
        except socket.timeout:
            raise Lost("no answer in %d s" % TIMEOUT)
        except OSError:
            data = b""
        if not data:
            raise Cut(self.seen)
        self.buffer, self.seen = self.buffer + data, self.seen + len(data)

    def until(self, end):
        while end not in self.buffer:
            self.more()
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def answer(self, method):
        self.seen = len(self.buffer)
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        self.process = int(fields["x-process"]) if "x-process" in fields else self.process
        status, body = int(lines[0].split(" ")[1]), b""
        if method == "HEAD":
            pass
        elif fields.get("transfer-encoding") == "chunked":
            while True:
                size = int(self.until(b"\r\n"), 16)
                body += self.exactly(size)
                self.exactly(2)
                if size == 0:
                    break
        else:
            body = self.exactly(int(fields.get("content-length", 0)))
        self.used += 1
        if fields.get("connection") == "close":
            self.close()
        return status, body

    def ask(self, kind, requests):
        """Sends `requests`, (bytes, method, status, body) each, at once, and checks the answers."""
        left = list(requests)
        while left:
            since, before = time.monotonic(), len(left)
            try:
                if self.sock is None:
                    self.connect()
                fresh = self.used == 0
                self.exchange(left)
            except Cut as cut:
                process = self.process
                self.close()
                if self.record.was_killed(process, since):
                    return self.record.count("cut by a killed process")
                # The server had closed the connection, or said that the answer before was its last.
                if cut.answered or fresh and len(left) == before:
                    return self.record.lose("%s: %s (process %s)" % (kind, cut, process))
                self.record.count("sent again on a new connection")
            except (Lost, ValueError) as lost:
                self.close()
                return self.record.lose("%s: %s" % (kind, lost))
            except OSError as error:
                self.close()
                return self.record.lose("%s: could not connect: %s" % (kind, error))

    def exchange(self, left):
        """Sends what is `left` and takes out of it what was answered."""
        try:
            self.sock.sendall(b"".join(request[0] for request in left))
        except socket.timeout:
            raise Lost("the server did not read")
        except OSError:
            pass  # Cut; but some of it may have been answered before.
        while left:
            if self.sock is None:
                raise Cut(0)
            _, method, status, body = left[0]
            got = self.answer(method)
            if got[0] != status or body is not None and got[1] != body:
                raise Lost("answered %d with %d bytes: %r" % (got[0], len(got[1]), got[1][:60]))
            self.record.count("answered")
            left.pop(0)

    def one(self):
        """One request of a random kind, or several."""
        kind = self.random.choice(KINDS)
        self.ask(kind.__name__, kind(self.random))

    def run(self, until):
        try:
            while time.monotonic() < until():
                self.one()
        finally:
            self.close()


def request(line, headers="", body=b""):
    return ("%s HTTP/1.1\r\nHost: soak\r\n%s\r\n" % (line, headers)).encode() + body


OK = ("GET", 200, b"ok\n")


def hello(_):
    return [(request("GET /"), *OK)]


def last(_):
    return [(request("GET /", "Connection: close\r\n"), *OK)]


def head(_):
    return [(request("HEAD /"), "HEAD", 200, None)]


def posted(rnd):
    body = rnd.randbytes(rnd.choice((0, 1, 1000, 70000, 300000)))
    return [(request("POST /echo", "Content-Length: %d\r\n" % len(body), body), "POST", 200, body)]


def chunked(rnd):
    pieces = [rnd.randbytes(rnd.randrange(1, 30000)) for _ in range(rnd.randrange(4))]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return [(request("POST /echo", "Transfer-Encoding: chunked\r\n", body), "POST", 200, b"".join(pieces))]


def stream(rnd):
    count = rnd.choice((1, 10, 100))
    body = b"".join(bytes([number % 256]) * 16384 for number in range(count))
    return [(request("GET /stream?%d" % count), "GET", 200, body)]


def slow(rnd):
    return [(request("GET /slow?%.3f" % (rnd.random() / 10)), *OK)]


def work(_):
    return [(request("GET /work?20000"), *OK)]


def raises(_):
    return [(request("GET /raises"), "GET", 500, None)]


def pipelined(rnd):
    return [hello(rnd)[0] for _ in range(3)] + stream(rnd)


KINDS = [hello] * 6 + [last, head, posted, posted, chunked, stream, slow, work, raises, pipelined]
