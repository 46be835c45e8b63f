"""llhttp's requests, from aiohttp's source distribution, which holds a copy of llhttp.

A case is a request and the log of llhttp's callbacks, which says what is in it or where it goes wrong. Those for its lenient
modes are left out. Where this server must differ, a case stands by name in a table with the reason.
"""

import json
import os
import re

from wire import Wire, bytewise, fetch, whole, with_host

LLHTTP = "aiohttp==3.14.5"

# Valid for llhttp, refused here: the status, and why.
LLHTTP_REFUSED = {
    "method: M-SEARCH request": (400, "RFC 9112, section 3.2.4: `*` is for OPTIONS alone"),
    "method: SOURCE request with ICE": (400, "another protocol"),
    "method: OPTIONS request with RTSP": (400, "another protocol"),
    "method: ANNOUNCE request with RTSP": (400, "another protocol"),
    "sample: No HTTP version": (400, "HTTP/0.9"),
    "transfer-encoding: POST with `chunked` as last transfer-encoding": (400, "a fragment in the target"),
    "transfer-encoding: POST with `chunked` as last transfer-encoding (multiple headers)": (400, "a fragment in the target"),
    "uri: Fragment in URI": (400, "RFC 9112, section 3.2: a request target has no fragment"),
    "uri: `host:port` and basic auth": (400, "RFC 9110, section 4.2.4: user information in a target is an error"),
}

# Refused by llhttp, good here: why.
LLHTTP_ACCEPTED = {
    "invalid: HTTP protocol and ANNOUNCE method": "RFC 9110, section 9.1: any token is a method",
    "invalid: Invalid method": "RFC 9110, section 9.1: any token is a method",
}

# Valid for llhttp; RFC 9112, section 3.2, lets a server refuse the target or take it as it is.
LLHTTP_EITHER = {"uri: Quotes in URI"}

# Faults of the transport.
LLHTTP_FAULTS = {
}


def llhttp_cases():
    folder = os.path.join(fetch(LLHTTP), "vendor", "llhttp", "test", "request")
    block = r"((?:(?!```).)*)"
    pattern = re.compile(r"<!-- meta=(\{[^}]*\}) -->\s*```http\n" + block + "```" + block + "```log\n" + block + "```", re.S)
    for file_name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, file_name), encoding="utf-8") as file:
            text = file.read()
        for found in pattern.finditer(text):
            meta, source, log = json.loads(found.group(1)), found.group(2), found.group(4)
            title = re.findall(r"(?m)^#+ (.*)$", text[:found.start()])[-1]
            if meta["type"] == "request" and not set(meta) - {"type", "noScan"} and "${" not in source:
                yield "%s: %s" % (file_name[:-3], title), llhttp_bytes(source), log


def llhttp_bytes(source):
    text = re.sub(r"\\\n", "", source[:-1] if source.endswith("\n") else source)
    text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    for name, byte in (("r", "\r"), ("n", "\n"), ("t", "\t"), ("f", "\f")):
        text = text.replace("\\" + name, byte)
    text = re.sub(r"\\x([0-9a-fA-F]+)", lambda found: chr(int(found.group(1), 16)), text)
    text = re.sub(r"\\([0-7]{1,3})", lambda found: chr(int(found.group(1), 8)), text)
    return text.encode("utf-8")


def llhttp_requests(log):
    """What a log tells: the complete requests, where each begins, and the error that ended it."""
    requests, begins, error, in_head = [], [], None, True
    for line in log.splitlines():
        offset, _, what = line.partition(" ")
        span = re.match(r'off=\d+ len=\d+ span\[(\w+)\]="(.*)"$', line)
        if what == "message begin":
            request, in_head = {"method": "", "url": "", "version": "", "body": "", "headers": []}, True
            begins.append(int(offset[4:]))
        elif span:
            kind, value = span.group(1), llhttp_bytes(span.group(2)).decode("latin-1")
            if kind == "header_field" and in_head:
                request["headers"].append((value, ""))
            elif kind == "header_value" and in_head:
                name, before = request["headers"].pop()
                request["headers"].append((name, before + value))
            elif kind in request:
                request[kind] += value
        elif re.match(r"off=\d+ len=\d+ span\[body\]=(cr|lf)$", line):
            request["body"] += {"cr": "\r", "lf": "\n"}[line[-2:]]
        elif what.startswith("headers complete"):
            in_head = False
        elif what == "message complete":
            requests.append(dict(request, uri=request["url"], protocol="HTTP/" + request["version"]))
        elif what.startswith("error code=") and "code=5 " not in what:
            error = what
    return requests, begins, error


class Llhttp(Wire):
    def prefix(self, name, data, complete, fails):
        """At most the first `complete` requests are answered 200, all of them unless one `fails`, and then at most a refusal."""
        for way in (whole, bytewise):
            responses, _ = self.exchange(data, way)
            seen = [response.code for response in responses]
            good = len(seen) - (1 if seen and seen[-1] >= 400 else 0)
            self.assertEqual(seen[:good], [200] * good, name)
            self.assertLessEqual(good, complete, "%s %r: %s" % (name, data, seen))
            if not fails:
                self.assertEqual(good, complete, "%s %r: %s" % (name, data, seen))

    def check(self, name, data, log):
        requests, begins, error = llhttp_requests(log)
        for request in requests:
            host = re.match(r"https?://([^/?]*)", request["uri"])
            if host:
                request["headers"] = [field for field in request["headers"] if field[0].lower() != "host"] + [("Host", host.group(1))]
        data = with_host(data, begins)
        if name in LLHTTP_REFUSED:
            self.refused(name, data, LLHTTP_REFUSED[name][:1], cut=True)
        elif name in LLHTTP_ACCEPTED:
            self.assertEqual([response.code for response in self.exchange(data, whole)[0]], [200], LLHTTP_ACCEPTED[name])
        elif name in LLHTTP_EITHER and self.exchange(data, whole)[0][0].code == 400:
            self.refused(name, data, (400,))
        elif error or len(requests) < len(begins):
            self.known(LLHTTP_FAULTS, name, self.prefix, data, len(requests), error is not None)
        else:
            self.known(LLHTTP_FAULTS, name, self.accepted, data, requests)

    def test_requests(self):
        cases = list(llhttp_cases())
        self.assertGreater(len(cases), 100)
        for name, data, log in cases:
            with self.subTest(name):
                self.check(name, data, log)
