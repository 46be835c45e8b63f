"""Raw requests to a server that answers each with what arrived of it, and source distributions to take them from."""

import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
import unittest

FOLDER = os.path.abspath(os.environ["CORPORA"])
os.environ["TEST_MODULE"] = "recorder"
from cases import Server  # noqa: E402


def fetch(requirement):
    """The unpacked source distribution of `requirement`, from an earlier run or from the index."""
    name = requirement.replace("==", "-")
    place = os.path.join(FOLDER, name)
    if os.path.isdir(place):
        return place
    os.makedirs(FOLDER, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", "--dest", scratch, requirement]
        got = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if got.returncode:
            sys.exit("%s could not be fetched; the corpora need the package index once:\n%s"
                     % (requirement, got.stdout.decode(errors="replace")))
        with tarfile.open(os.path.join(scratch, name + ".tar.gz")) as archive:
            members = [member for member in archive if member.isfile() and "/test" in member.name]
            for member in members:
                target = os.path.normpath(os.path.join(scratch, member.name))
                if not target.startswith(os.path.join(scratch, name) + os.sep):
                    sys.exit("%s: %s leads outside" % (requirement, member.name))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(archive.extractfile(member).read())
        try:
            os.rename(os.path.join(scratch, name), place)
        except OSError:
            if not os.path.isdir(place):  # else another run was quicker
                raise
    return place


def field_names(fields):
    """What WSGI makes of fields: joined values by variable. Names with an underscore are dropped by this server."""
    joined = {}
    for name, value in fields:
        if "_" in name:
            continue
        variable = name.upper().replace("-", "_")
        if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            variable = "HTTP_" + variable
        if variable in ("HTTP_PROXY",):
            continue
        value = value.strip(" \t")
        separator = "; " if variable == "HTTP_COOKIE" else ", "
        joined[variable] = joined[variable] + separator + value if variable in joined else value
    return joined


class Wire(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server("record", threads=2).start()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, (status, cls.server.log.decode(errors="replace"))

    def exchange(self, data, pieces, half_close=True):
        """Sends `data` and closes the sending side: every response, and what came that is none."""
        responses, rest = [], b""
        with self.server.connect() as connection:
            connection.sock.settimeout(3)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for piece in pieces(data):
                    connection.send(piece)
                if half_close:
                    connection.sock.shutdown(socket.SHUT_WR)
            except ConnectionError:
                pass  # refused before all of it was sent
            try:
                while connection.buffer or connection.more():
                    to_head = data.startswith(b"HEAD ") and not responses
                    responses.append(connection.response("HEAD" if to_head else "GET"))
            except ConnectionError:
                rest = b"reset"
            return responses, connection.buffer or rest

    def known(self, faults, name, check, *args, **more):
        """Runs a check. A fault that `faults` names is told, and no failure, until it is mended."""
        try:
            check(name, *args, **more)
        except (AssertionError, OSError) as error:
            if name not in faults:
                raise
            print("known fault: %s: %s\n  %s" % (name, faults[name], str(error).split("\n")[0]), file=sys.stderr)
        else:
            if name in faults:
                print("mended, to be taken out of the table: " + name, file=sys.stderr)

    def accepted(self, name, data, expected):
        for way in (whole, bytewise):
            responses, rest = self.exchange(data, way)
            codes = [response.code for response in responses]
            self.assertEqual(codes, [200] * len(expected), "%s %r: %r" % (name, data[:300], [r.body[:200] for r in responses]))
            self.assertEqual(rest, b"", name)
            for response, request in zip(responses, expected):
                if request["method"] == "HEAD":
                    continue
                arrived = json.loads(response.body)
                variables = field_names(request["headers"])
                if b"Host: corpus" in data:
                    variables.setdefault("HTTP_HOST", "corpus")
                for variable, value in variables.items():
                    self.assertEqual(arrived["variables"].pop(variable, None), value, "%s: %s" % (name, variable))
                leftover = [name for name in arrived["variables"] if name.startswith(("HTTP_", "CONTENT_"))]
                self.assertEqual(leftover, [], name)
                for what in ("method", "uri", "protocol", "body"):
                    self.assertEqual(arrived[what], request[what], "%s: %s" % (name, what))

    def refused(self, name, data, codes=range(400, 500), cut=False):
        """The last request of `data` is refused and the connection closed, though the client would go on."""
        for way in (whole, bytewise):
            responses, rest = self.exchange(data, way, half_close=cut)
            seen = [response.code for response in responses]
            self.assertIn(seen[-1] if seen else None, codes, "%s %r" % (name, data[:300]))
            self.assertEqual(seen[:-1], [200] * (len(seen) - 1), name)
            self.assertIn(rest, (b"", b"reset"), name)


def whole(data):
    yield data


def bytewise(data):
    """In pieces of one byte around line ends, where parsers stumble, and of 61 elsewhere."""
    position = 0
    while position < len(data):
        near_end = b"\r" in data[position:position + 3] or b"\n" in data[position:position + 3]
        step = 1 if near_end and len(data) < 2000 else 61 if len(data) < 2000 else 4001
        yield data[position:position + step]
        position += step


def with_host(data, begins=(0,)):
    """`data` with a Host field in every head that has none, where the messages begin at `begins`."""
    out, done = b"", 0
    for begin, end in zip(begins, list(begins[1:]) + [len(data)]):
        while data.startswith(b"\r\n", begin):
            begin += 2
        head = data[begin:end].partition(b"\r\n\r\n")[0]
        line = data.find(b"\r\n", begin)
        if line >= 0 and not re.search(rb"\r\nhost:", head, re.I):
            out += data[done:line + 2] + b"Host: corpus\r\n"
            done = line + 2
    return out + data[done:]
