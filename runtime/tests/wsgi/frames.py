"""An HTTP/2 client that says what it is told to, right or wrong."""

import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

import secure

FOLDER = os.path.abspath(os.environ["CORPORA"])
WHEEL = "hpack-4.1.0-py3-none-any.whl"


def fetch_wheel():
    """What header compression is decoded with, from an earlier run or from the index."""
    place = os.path.join(FOLDER, WHEEL)
    if not os.path.isfile(place):
        os.makedirs(FOLDER, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, "hpack==4.1.0"]
            got = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if got.returncode:
                sys.exit("hpack could not be fetched; the package index is needed once:\n" + got.stdout.decode(errors="replace"))
            os.replace(os.path.join(scratch, WHEEL), place)
    sys.path.insert(0, place)


fetch_wheel()
import hpack  # noqa: E402

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 8, 9, 11
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Closed(Exception):
    pass


class Stream:
    def __init__(self):
        self.heads, self.body, self.ended, self.reset, self.granted = [], b"", False, None, 0

    @property
    def code(self):
        return int(self.field[":status"]) if self.heads else None

    @property
    def field(self):
        return dict(self.heads[-1])


class Client:
    def __init__(self, sock, settings=(), preface=PREFACE, generous=True):
        self.sock, self.buffer, self.next, self.generous = sock, b"", 1, generous
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.streams, self.settings, self.goaway, self.pongs, self.granted = {}, {}, None, 0, 0
        payload = b"".join(struct.pack(">HI", *pair) for pair in settings)
        self.send(preface + frame(SETTINGS, 0, 0, payload))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def stream(self, number):
        return self.streams.setdefault(number, Stream())

    def head(self, path="/hello", method="GET", fields=(), authority="test", scheme="http"):
        pairs = [(":method", method), (":scheme", scheme), (":path", path)]
        if authority is not None:
            pairs.append((":authority", authority))
        return self.encoder.encode(pairs + list(fields), huffman=True)

    def open(self, *arguments, end=True, **more):
        """Begins a request; its number."""
        number, self.next = self.next, self.next + 2
        self.stream(number)
        self.send(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), number, self.head(*arguments, **more)))
        return number

    def data(self, number, data, end=False):
        """As much of it as there is room for, waiting for more."""
        while True:
            room = min(65536 - 1 + self.granted - self.sent(), self.settings.get(INITIAL_WINDOW_SIZE, 65535)
                       + self.stream(number).granted - self.sent(number), 16384)
            piece, data = data[:max(room, 0)], data[max(room, 0):]
            if piece or not data:
                self.spent[number] = self.sent(number) + len(piece)
                self.send(frame(DATA, END_STREAM if end and not data else 0, number, piece))
            if not data:
                return
            if room <= 0:
                self.read()
            if self.stream(number).ended or self.stream(number).reset is not None:
                return  # answered, and the rest is not wanted

    spent = None

    def sent(self, number=None):
        if self.spent is None:
            self.spent = {}
        return self.spent.get(number, 0) if number else sum(self.spent.values())

    def exactly(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(1 << 16)
            if not data:
                raise Closed(self.goaway)
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read(self):
        """Reads a frame and does what a client has to; its kind, flags and stream."""
        head = self.exactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        number = int.from_bytes(head[5:], "big")
        payload = self.exactly(length)
        stream = self.streams.get(number) or Stream()
        if kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.unpack(">HI", payload[at:at + 6]) for at in range(0, length, 6))
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == HEADERS:
            assert flags & END_HEADERS
            stream.heads.append([(text(name), text(value)) for name, value in self.decoder.decode(payload, raw=True)])
        elif kind == DATA:
            stream.body += payload
            if self.generous and length:
                self.send(window_update(0, length) + window_update(number, length))
        elif kind == RST_STREAM:
            stream.reset = int.from_bytes(payload, "big")
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaway = struct.unpack(">II", payload[:8])
        elif kind == WINDOW_UPDATE and number:
            stream.granted += int.from_bytes(payload, "big")
        elif kind == WINDOW_UPDATE:
            self.granted += int.from_bytes(payload, "big")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            stream.ended = True
        return kind, flags, number

    def response(self, number):
        stream = self.streams[number]
        while not stream.ended and stream.reset is None:
            self.read()
        return stream

    def ask(self, *arguments, body=None, **more):
        number = self.open(*arguments, end=body is None, **more)
        if body is not None:
            self.data(number, body, end=True)
        return self.response(number)

    def until_closed(self):
        """Reads on until the server closes; the GOAWAY's reason."""
        try:
            while True:
                self.read()
        except (Closed, ConnectionError, ssl.SSLError):
            return self.goaway and self.goaway[1]


def text(data):
    return data.decode("latin-1") if isinstance(data, bytes) else data


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def window_update(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, size.to_bytes(4, "big"))


def reset(stream, reason=CANCEL):
    return frame(RST_STREAM, 0, stream, reason.to_bytes(4, "big"))


def connect(port, tls=False, timeout=20, **more):
    sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
        sock = secure.Secure(sock, secure.context("h2", "http/1.1"))
        assert sock.tls.selected_alpn_protocol() == "h2"
    return Client(sock, **more)
