"""What proxies say of clients, believed from trusted ones only: forwarded.py LIBRARY [NAME...]."""

import json
import sys
import unittest

from cases import Server

SPOOF = ("X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n"
         "X-Forwarded-Port: 99\r\nX-Forwarded-Prefix: /evil\r\nForwarded: for=198.51.100.9;proto=https;host=evil.example\r\n")


class Base:
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.server = Server(access_log=True, **cls.settings).start()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        assert status == 0, (status, cls.server.log.decode(errors="replace"))

    def ask(self, headers):
        with self.server.connect() as connection:
            got = connection.request("GET /environ", headers).response()
            self.assertEqual(got.code, 200)
            return json.loads(got.body)

    def unchanged(self, environ):
        self.assertEqual(environ["REMOTE_ADDR"], "127.0.0.1")
        self.assertIn("REMOTE_PORT", environ)
        self.assertEqual(environ["wsgi.url_scheme"], "http")
        self.assertEqual(environ["HTTP_HOST"], "test")
        self.assertEqual(environ["SERVER_NAME"], "127.0.0.1")
        self.assertEqual(environ["SERVER_PORT"], str(self.server.port))
        self.assertEqual(environ["SCRIPT_NAME"], "")

    def check(self, headers, **expected):
        environ = self.ask(headers)
        expected = {name.replace("scheme", "wsgi.url_scheme"): value for name, value in expected.items()}
        self.assertEqual({name: environ.get(name) for name in expected}, expected, headers)


class NobodyIsTrusted(Base, unittest.TestCase):
    def test_fields_are_fields(self):
        environ = self.ask(SPOOF)
        self.unchanged(environ)
        self.assertEqual(environ["HTTP_X_FORWARDED_FOR"], "198.51.100.9")
        self.assertEqual(environ["HTTP_X_FORWARDED_PREFIX"], "/evil")


class OthersAreTrusted(Base, unittest.TestCase):
    settings = {"trusted_proxies": "10.0.0.0/8, ::1"}

    def test_fields_are_fields(self):
        self.unchanged(self.ask(SPOOF))


class Common(Base, unittest.TestCase):
    settings = {"trusted_proxies": "127.0.0.1, 10.0.0.0/8,2001:db8::/32"}

    def test_nothing_said(self):
        self.unchanged(self.ask(""))

    def test_the_other_kind_of_fields(self):
        self.unchanged(self.ask("Forwarded: for=198.51.100.9;proto=https;host=evil.example\r\n"))

    def test_clients(self):
        for said, client in [
            ("192.0.2.1", "192.0.2.1"), ("spoofed, 192.0.2.1", "192.0.2.1"), ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, 10.1.1.1, 2001:db8::5", "192.0.2.1"), ("10.9.9.9, 10.1.1.1", "10.9.9.9"), ("", "127.0.0.1"),
            ("unknown", "127.0.0.1"), ("192.0.2.1, unknown", "127.0.0.1"), ("192.0.2.1, ?, 10.1.1.1", "10.1.1.1"),
            ("2001:0DB9::1", "2001:db9::1"), ("[2001:db9::1]:80", "2001:db9::1"), (",,,", "127.0.0.1"),
            ("192.0.2.1\r\nX-Forwarded-For: 10.1.1.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ]:
            self.check("X-Forwarded-For: %s\r\n" % said, REMOTE_ADDR=client)
        self.check("X-Forwarded-For: 192.0.2.1\r\n", REMOTE_PORT=None)
        self.check("X-Forwarded-For: 192.0.2.1:4711\r\n", REMOTE_PORT="4711", REMOTE_ADDR="192.0.2.1")
        self.server.wait_log(r'192\.0\.2\.1 - - \[.*"GET /environ')

    def test_scheme_host_port_prefix(self):
        self.check("X-Forwarded-Proto: https\r\n", scheme="https", SERVER_PORT="443", HTTP_HOST="test")
        self.check("X-Forwarded-Proto: http, HTTPS\r\n", scheme="https")
        self.check("X-Forwarded-Proto: gopher\r\n", scheme="http")
        self.check("X-Forwarded-Host: shop.example\r\n", HTTP_HOST="shop.example", SERVER_NAME="shop.example", SERVER_PORT="80")
        self.check("X-Forwarded-Host: evil, shop.example:8443\r\n", HTTP_HOST="shop.example:8443", SERVER_PORT="8443")
        self.check("X-Forwarded-Host: [2001:db8::1]:81\r\n", SERVER_NAME="[2001:db8::1]", SERVER_PORT="81")
        self.check("X-Forwarded-Host: a/b\r\n", HTTP_HOST="test")
        self.check("X-Forwarded-Host: user@host\r\n", HTTP_HOST="test")
        self.check("X-Forwarded-Port: 8443\r\nX-Forwarded-Proto: https\r\n", SERVER_PORT="8443")
        self.check("X-Forwarded-Port: 99999\r\n", SERVER_PORT=str(self.server.port))
        self.check("X-Forwarded-Prefix: /shop/\r\n", SCRIPT_NAME="/shop", PATH_INFO="/environ")
        for wrong in ("shop", "//evil.example", "/a?b", "/%2e%2e", "/\xe9"):
            self.check("X-Forwarded-Prefix: %s\r\n" % wrong, SCRIPT_NAME="")


class Standard(Base, unittest.TestCase):
    settings = {"trusted_proxies": "127.0.0.0/8,10.0.0.0/8", "proxy_headers": "forwarded"}

    def test_the_other_kind_of_fields(self):
        self.unchanged(self.ask("X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n"))

    def test_clients(self):
        for said, client in [
            ("for=192.0.2.1", "192.0.2.1"), ('For="[2001:db8::1]:4711"', "2001:db8::1"), ("for=198.51.100.9, for=192.0.2.1", "192.0.2.1"),
            ("for=192.0.2.1;by=x, for=10.1.1.1", "192.0.2.1"), ("for=_secret", "127.0.0.1"), ("for=192.0.2.1, for=unknown", "127.0.0.1"),
            ('for="192.0.2.1, for=10.1.1.1', "127.0.0.1"), ("for", "127.0.0.1"), ("proto=https", "127.0.0.1"), (";,;=", "127.0.0.1"),
        ]:
            self.check("Forwarded: %s\r\n" % said, REMOTE_ADDR=client)

    def test_scheme_and_host(self):
        self.check('Forwarded: for=192.0.2.1;proto=http;host=evil, for=10.1.1.1;proto=https;host="shop.example:8443"\r\n',
                   scheme="https", HTTP_HOST="shop.example:8443", SERVER_NAME="shop.example", SERVER_PORT="8443")
        self.check("Forwarded: proto=https;host=evil, for=10.1.1.1\r\n", scheme="http", HTTP_HOST="test")


class Start(unittest.TestCase):
    def test_no_address(self):
        server = Server(trusted_proxies="127.0.0.1,proxy.example")
        server.process.wait(20)
        self.assertEqual(server.stop(), 1)
        self.assertIn(b"`proxy.example` is neither an address nor a network", server.log)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
