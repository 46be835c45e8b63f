"""gunicorn's valid and invalid requests, from its source distribution.

Where this server must differ, a case stands by name in a table with the reason.
"""

import os
import re
import sys
import types

from wire import Wire, fetch, whole, with_host

GUNICORN = "gunicorn==27.0.1"
HOST = "RFC 9112, section 3.2: no Host in HTTP/1.1"

# Valid for gunicorn, refused here: the status, and why.
GUNICORN_REFUSED = {
    "005": (400, "RFC 9112, section 3.2: a request target has no fragment"),
    "025": (501, "RFC 9112, section 6.1: gzip is not supported, and must not be passed on as if it were the content"),
    "025_line": (501, "as 025"),
    "028": (400, "RFC 9112, section 5.1: whitespace between name and colon must be refused"),
    "029": (501, "RFC 9112, section 7: there is no coding `identity`"),
    "030": (501, "as 029"),
    "099": (400, "the body ends before its Content-Length"),
    "compat_obs_fold": (400, "RFC 9112, section 5.2: a folded line is refused, as gunicorn does by default"),
    "compat_obs_fold_huge": (400, "as compat_obs_fold"),
    "pp_01": (400, "the PROXY protocol is not supported"),
    "pp_02": (400, "as pp_01"),
    "pp_04": (400, "as pp_01"),
    "pp_05": (400, "as pp_01"),
    "rfc9112_smuggle_gzip_chunked_01": (501, "as 025"),
    "rfc9112_smuggle_te_identity_chunked_01": (501, "as 029"),
    "rfc9112_target_absolute_userinfo_01": (400, "RFC 9110, section 4.2.4: user information in a target is an error"),
    "rfc9112_target_authority_connect_01": (501, "CONNECT is for proxies"),
    "rfc9112_target_authority_ipv6_01": (501, "as rfc9112_target_authority_connect_01"),
}

# Valid for gunicorn; RFC 9112, section 3.2, lets a server refuse the target or take it as it is.
GUNICORN_EITHER = {"014": "quotes in a target"}

# Valid for gunicorn, but another request arrives here: what differs, and why.
GUNICORN_ARRIVES = {"031compat": ({"method": "-blargh"}, "RFC 9110, section 9.1: methods are case-sensitive")}

# Invalid for gunicorn, good here once there is a Host: why.
GUNICORN_ACCEPTED = {
    "003c": "RFC 9110, section 5.6.2: `-bl` is a token, so a method",
    "019": "X-Forwarded-Ssl is no field that this server knows",
    "040": "a field whose name has an underscore is dropped, gunicorn's own default",
    "041": "RFC 9110, section 8.3: left to the recipient; the application sees both values joined",
    "chunked_07": "as 040",
    "rfc9110_trailer_forbidden_cl_01": "RFC 9112, section 7.1.2: trailers may be dropped, and are",
    "rfc9110_trailer_forbidden_host_01": "as rfc9110_trailer_forbidden_cl_01",
    "rfc9110_trailer_forbidden_te_01": "as rfc9110_trailer_forbidden_cl_01",
    "rfc9112_leading_crlf_02": "RFC 9112, section 2.2: *at least* one empty line should be ignored",
    "rfc9112_target_non_ascii_02": "UTF-8 that is not percent-encoded: older clients send it, and it is not ambiguous",
}

# Refused with a status that is not 4xx: a transfer coding that is not supported, a version that is not.
GUNICORN_STATUS = {
    "chunked_03": (400, 501),
    "chunked_04": (400, 501),
    "chunked_06": (400, 501),
    "chunked_08": (400, 501),
    "version_02": (505,),
}

# Closed without an answer: there is no whole request yet, and the client has closed its side.
GUNICORN_SILENT = {"001", "pp_01", "pp_02", "pp_03"}

# Wrong because they end there.
GUNICORN_CUT = {"099", "rfc9112_chunked_missing_final_crlf_01"}

# Beyond gunicorn's limit for the number of fields, the others for the length of a line.
GUNICORN_COUNTS = {"009", "011"}


class Settings(dict):
    """Stands for gunicorn's Config: remembers what a case sets."""

    def set(self, name, value):
        self[name] = value


def stand_ins():
    """Modules that gunicorn's cases import; an error is its name."""
    names = ("gunicorn", "gunicorn.http", "gunicorn.http.errors", "gunicorn.config")
    modules = {name: types.ModuleType(name) for name in names}
    modules["gunicorn.http.errors"].__getattr__ = lambda name: name
    modules["gunicorn.config"].Config = Settings
    return modules


def gunicorn_cases(kind):
    folder = os.path.join(fetch(GUNICORN), "tests", "requests", kind)
    modules = stand_ins()
    sys.modules.update(modules)
    try:
        for name in sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".http")):
            with open(os.path.join(folder, name + ".http"), "rb") as file:
                data = file.read().replace(b"\n", b"").replace(b"\\r\\n", b"\r\n")
            data = data.replace(b"\\0", b"\0").replace(b"\\n", b"\n").replace(b"\\t", b"\t")
            data = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes([int(found.group(1), 16)]), data)
            facts = {"uri": lambda text: text, "cfg": Settings()}
            with open(os.path.join(folder, name + ".py"), encoding="utf-8") as file:
                exec(compile(file.read(), name, "exec"), facts)
            yield name, data, facts["request"]
    finally:
        for module in modules:
            del sys.modules[module]


def gunicorn_requests(name, expected):
    differs = GUNICORN_ARRIVES.get(name, ({}, ""))[0]
    for request in expected if isinstance(expected, list) else [expected]:
        yield dict({
            "method": request["method"],
            "uri": request["uri"],
            "protocol": "HTTP/%d.%d" % request["version"],
            "headers": request["headers"],
            "body": request["body"].decode("latin-1") if request["body"] else "",
        }, **differs)


class Gunicorn(Wire):
    def valid(self, name, data, expected):
        begins = [found.start() for found in re.finditer(rb"(?m)^\S+ \S+ HTTP/1\.\d", data)][:len(expected)] or [0]
        complete = with_host(data, begins)
        if name in GUNICORN_REFUSED:
            self.refused(name, complete, GUNICORN_REFUSED[name][:1], name in GUNICORN_CUT)
        elif name in GUNICORN_EITHER and self.exchange(complete, whole)[0][0].code == 400:
            self.refused(name, complete, (400,))
        else:
            self.accepted(name, complete, expected)
            if expected[0]["protocol"] == "HTTP/1.1" and with_host(data, begins[:1]) != data:
                self.refused("%s as it stands: %s" % (name, HOST), data, (400,))

    def invalid(self, name, data, error):
        complete = with_host(data)
        if name in GUNICORN_SILENT:
            self.assertEqual(self.exchange(data, whole), ([], b""))
        elif name in GUNICORN_ACCEPTED:
            responses, _ = self.exchange(complete, whole)
            self.assertEqual(responses[0].code, 200, GUNICORN_ACCEPTED[name])
        elif error.startswith("Limit"):
            self.refused(name, beyond_limits(name, complete), (400, 413, 414, 431))
        else:
            codes = GUNICORN_STATUS.get(name, range(400, 500))
            self.refused(name + " as it stands", data, range(400, 506), name in GUNICORN_CUT)
            # What is wrong must be wrong without the missing Host, too.
            self.refused(name, complete, codes, name in GUNICORN_CUT)

    def test_valid(self):
        cases = list(gunicorn_cases("valid"))
        self.assertEqual(len(cases), 62)
        for name, data, expected in cases:
            with self.subTest(name):
                self.valid(name, data, list(gunicorn_requests(name, expected)))

    def test_invalid(self):
        cases = list(gunicorn_cases("invalid"))
        self.assertEqual(len(cases), 81)
        for name, data, error in cases:
            with self.subTest(name):
                self.invalid(name, data, error)


def beyond_limits(name, data):
    """The request with what is beyond gunicorn's limits stretched beyond this server's, which are wider."""
    if name in GUNICORN_COUNTS:
        return data.replace(b"\r\n", b"\r\n" + b"X-More: 1\r\n" * 100, 1)
    longest = max(data.partition(b"\r\n\r\n")[0].split(b"\r\n"), key=len)
    stretched = longest.replace(b" HTTP/", b"x" * 70000 + b" HTTP/") if b" HTTP/" in longest else longest + b"x" * 70000
    return data.replace(longest, stretched)
