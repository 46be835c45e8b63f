"""HTTPS: tls.py LIBRARY [NAME...]. Certificates are made by the openssl command.

This file has what only TLS has. With TEST_ALL, all of `cases.py` and `traps.py` is asked over TLS, too.
"""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

FOLDER = tempfile.mkdtemp(prefix="pack-tls-")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import secure  # noqa: E402

CERTIFICATE, KEY = secure.certificate(FOLDER)
BOTH = os.path.join(FOLDER, "both.pem")
with open(BOTH, "wb") as both:
    for part in (KEY, CERTIFICATE):
        with open(part, "rb") as file:
            both.write(file.read())
os.chmod(BOTH, 0o600)
os.environ["TEST_TLS"] = BOTH
from cases import LIBRARY, Connection, Server  # noqa: E402


def tearDownModule():
    shutil.rmtree(FOLDER)


class All(unittest.TestCase):
    @unittest.skipUnless("TEST_ALL" in os.environ, "TEST_ALL is not set")
    def test_all(self):
        for name in ("cases.py", "traps.py"):
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
            done = subprocess.run([sys.executable, "-Wignore", script, LIBRARY], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))


class Https(unittest.TestCase):
    def serve(self, **settings):
        server = Server(**settings)
        self.addCleanup(self.kill, server)
        return server.start()

    def kill(self, server):
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()

    def connect(self, server, *arguments, **options):
        sock = secure.connect(("127.0.0.1", server.port), *arguments, **options)
        self.addCleanup(sock.close)
        return sock

    def ask(self, sock, target="/hello", method="GET", headers="", body=b""):
        return Connection(sock).request(method + " " + target, headers, body).response(method)

    def subject(self, server):
        """Which certificate new handshakes get."""
        sock = self.connect(server)
        der = sock.tls.getpeercert(True)
        sock.close()
        return der

    # Handshakes.

    def test_versions(self):
        server = self.serve()
        for version, spoken in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            sock = self.connect(server, secure.context(version=version))
            self.assertEqual(sock.tls.version(), spoken)
            self.assertEqual(self.ask(sock).body, b"hello\n")
        old = secure.context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.connect(server, old)

    def test_the_certificate_holds_and_protocols_are_agreed_on(self):
        server = self.serve()
        sock = self.connect(server, secure.context("http/1.1", trusted=CERTIFICATE))
        self.assertEqual(sock.tls.selected_alpn_protocol(), "http/1.1")
        self.assertEqual(json.loads(self.ask(sock, "/environ").body)["wsgi.url_scheme"], "https")
        sock = self.connect(server, secure.context("http/1.0"))
        self.assertEqual(self.ask(sock).body, b"hello\n")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.connect(server, secure.context("spdy/1"))

    def test_kinds_of_keys(self):
        kinds = {
            "pkcs8-rsa": (("-newkey", "rsa:2048"), None),
            "pkcs1": (("-newkey", "rsa:2048"), ("rsa", "-traditional")),
            "sec1": (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"), ("ec",)),
            "ed25519": (("-newkey", "ed25519"), None),
        }
        for name, (new, rewrite) in kinds.items():
            certificate, key = secure.certificate(FOLDER, name, new)
            if rewrite:
                secure.openssl(*rewrite, "-in", key, "-out", key)
            server = self.serve(tls_certificate=certificate, tls_key=key)
            sock = self.connect(server, secure.context())
            self.assertEqual(self.ask(sock).body, b"hello\n", name)
            self.assertEqual(server.stop(), 0, server.log.decode())

    def test_sessions_are_resumed(self):
        server = self.serve(processes=2)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = secure.context(version=version)
            first = self.connect(server, context)
            self.ask(first)
            session = first.tls.session
            reused = 0
            for _ in range(8):
                again = self.connect(server, context, session=session)
                reused += again.tls.session_reused
                self.assertEqual(self.ask(again).body, b"hello\n")
            # Whichever worker accepts; one that has made no ticket yet knows none.
            self.assertGreaterEqual(reused, 7, version)

    def test_a_slow_handshake_is_cut(self):
        server = self.serve(head_timeout=1)
        begun = time.time()
        silent = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.addCleanup(silent.close)
        slow = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.addCleanup(slow.close)
        try:
            for byte in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100):
                slow.sendall(bytes([byte]))
                time.sleep(0.05)
        except ConnectionError:
            pass
        for sock in (silent, slow):
            try:
                while sock.recv(100):
                    pass
            except ConnectionError:
                pass
        self.assertLess(time.time() - begun, 15)
        self.assertEqual(self.ask(self.connect(server)).body, b"hello\n")

    def test_what_is_no_tls(self):
        server = self.serve()
        for begin in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n" + bytes(99999)):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
                sock.sendall(begin)
                response = Connection(sock).response()
                self.assertEqual((response.code, response.field["connection"]), (400, "close"))
                self.assertIn(b"HTTPS", response.body)
        for begin in (b"\x80\x2e\x01\x00\x02", b"\x16\x03\x01\xff\xff" + b"\xff" * 5000, b"\x17\x03\x03\x00\x01\x00", b"\0" * 100):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
                sock.sendall(begin)
                sock.shutdown(socket.SHUT_WR)
                try:
                    while sock.recv(1000):
                        pass
                except ConnectionError:
                    pass
        self.assertEqual(self.ask(self.connect(server)).body, b"hello\n")
        self.assertEqual(server.stop(), 0)

    # Connections.

    def test_ends_are_told(self):
        server = self.serve(keep_alive_timeout=1)
        closed = self.connect(server)
        self.assertEqual(self.ask(closed, headers="Connection: close\r\n").body, b"hello\n")
        idle = self.connect(server)
        self.assertEqual(self.ask(idle).body, b"hello\n")
        for sock in (closed, idle):
            self.assertEqual(sock.recv(100), b"")
            self.assertTrue(sock.proper)

    def test_half_a_response_has_no_end(self):
        server = self.serve()
        sock = self.connect(server)
        Connection(sock).request("GET /raises_in_body")
        got = b""
        with self.assertRaises(ConnectionResetError):
            while True:
                got += sock.recv(1000)
                self.assertFalse(sock.proper, got)

    def test_pipelined_in_one_record_and_in_many(self):
        server = self.serve()
        one = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
        connection = Connection(self.connect(server))
        connection.send(one * 40)
        for _ in range(40):
            self.assertEqual(connection.response().body, b"hello\n")
        for _ in range(40):
            connection.sock.tls.write(one)  # a record each, sent together
        connection.sock.flush()
        for _ in range(40):
            self.assertEqual(connection.response().body, b"hello\n")
        post = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30000
        connection.send(post * 5 + one)
        for _ in range(5):
            self.assertEqual(len(connection.response().body), 30000)
        self.assertEqual(connection.response().body, b"hello\n")

    def test_large_bodies_both_ways(self):
        body = os.urandom(5 << 20)
        for threads in (1, 3):
            server = self.serve(threads=threads)
            connection = Connection(self.connect(server))
            for _ in range(2):
                connection.request("POST /echo", "Content-Length: %d\r\n" % len(body), body)
                self.assertEqual(connection.response().body, body)

    # Files.

    def refused(self, expected, **settings):
        server = Server(**settings)
        server.wait_log("<end>")
        self.assertEqual(server.stop(), 1)
        log = server.log.decode()
        for part in expected:
            self.assertIn(part, log)

    def test_mistakes_end_the_start(self):
        other = secure.certificate(FOLDER, "other")
        empty = os.path.join(FOLDER, "empty.pem")
        with open(empty, "w") as file:
            file.write("nothing\n")
        broken = os.path.join(FOLDER, "broken.pem")
        with open(broken, "w") as file:
            file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        cut = os.path.join(FOLDER, "cut.pem")
        with open(CERTIFICATE) as whole, open(cut, "w") as file:
            file.write(whole.read()[:300])
        locked = os.path.join(FOLDER, "locked.key")
        secure.openssl("pkcs8", "-topk8", "-in", KEY, "-out", locked, "-passout", "pass:secret")
        missing = os.path.join(FOLDER, "missing.pem")
        for processes in (1, 2):
            check = lambda expected, certificate, key: self.refused(  # noqa: E731
                expected, tls_certificate=certificate, tls_key=key, processes=processes)
            check(["cannot read the certificate `%s`" % missing, "No such file", "tls-certificate"], missing, KEY)
            check(["cannot read the private key `%s`" % missing, "tls-key"], CERTIFICATE, missing)
            check(["there is no certificate in `%s`" % empty], empty, KEY)
            check(["there is no private key in `%s`" % CERTIFICATE], CERTIFICATE, None)
            check(["`%s` does not belong to the certificate `%s`" % (other[1], CERTIFICATE)], CERTIFICATE, other[1])
            check(["cannot use the certificate `%s`" % broken], broken, KEY)
            check(["certificate in `%s` is not in PEM form" % cut], cut, KEY)
            check(["the private key `%s` is encrypted" % locked, "openssl pkey"], CERTIFICATE, locked)
            check(["`tls-key` is set and `tls-certificate` is not"], None, KEY)

    def test_a_key_that_everybody_can_read(self):
        exposed = os.path.join(FOLDER, "exposed.key")
        shutil.copy(KEY, exposed)
        os.chmod(exposed, 0o644)
        server = self.serve(tls_certificate=CERTIFICATE, tls_key=exposed)
        server.wait_log("warning: everybody on this machine can read the private key `%s`" % exposed)
        server.stop()
        server = self.serve()
        server.stop()
        self.assertNotIn(b"warning", server.log)

    def replace(self, paths, to):
        """As tools do that renew certificates: each file whole, one after the other."""
        for source, target in zip(paths, to):
            shutil.copy(source, target + ".new")
            os.replace(target + ".new", target)

    def renewed(self, name):
        new = secure.certificate(FOLDER, name)
        return new, ssl.PEM_cert_to_DER_cert(open(new[0]).read())

    def wait_for(self, server, expected, processes=1):
        deadline = time.time() + 20
        while time.time() < deadline:
            if {self.subject(server) for _ in range(1 if processes == 1 else 20)} == {expected}:
                return
            time.sleep(0.2)
        self.fail("the new certificate does not come:\n" + server.log.decode(errors="replace"))

    def test_a_changed_file_is_read_again(self):
        for processes in (1, 2):
            used = [os.path.join(FOLDER, "used%d.%s" % (processes, end)) for end in ("pem", "key")]
            self.replace((CERTIFICATE, KEY), used)
            server = self.serve(tls_certificate=used[0], tls_key=used[1], processes=processes, keep_alive_timeout=60)
            kept = self.connect(server)
            self.assertEqual(self.ask(kept).body, b"hello\n")
            old = self.subject(server)
            # Only half of a pair: what works stays.
            (new, wanted) = self.renewed("renewed%d" % processes)
            self.replace(new[:1], used)
            server.wait_log("error: tls: the certificate stays what it was: the private key `[^`]*` does not belong")
            self.assertEqual(self.subject(server), old)
            self.replace(new, used)
            server.wait_log("tls: the certificate `[^`]*` was read again")
            self.wait_for(server, wanted, processes)
            self.assertEqual(self.ask(kept).body, b"hello\n")
            self.assertEqual(server.stop(), 0)

    def test_sighup(self):
        used = [os.path.join(FOLDER, "hup." + end) for end in ("pem", "key")]
        self.replace((CERTIFICATE, KEY), used)
        server = self.serve(tls_certificate=used[0], tls_key=used[1], processes=2)
        old = self.subject(server)
        with open(used[0], "w") as file:
            file.write("nothing")
        server.process.send_signal(signal.SIGHUP)
        server.wait_log("error: tls: the certificate stays what it was: there is no certificate")
        server.wait_log("(?s)(is ready.*){4}")
        self.assertEqual(self.subject(server), old)
        (new, wanted) = self.renewed("hup-renewed")
        self.replace(new, used)
        server.process.send_signal(signal.SIGHUP)
        self.wait_for(server, wanted, 2)
        self.assertEqual(server.stop(), 0)

    def test_idle_connections(self):
        server = self.serve(threads=2)
        statm = "/proc/%d/statm" % server.process.pid
        resident = lambda: int(open(statm).read().split()[1]) * 4096  # noqa: E731
        keep = [self.connect(server) for _ in range(50)]
        for sock in keep:
            self.ask(sock)
        before = resident()
        more = [self.connect(server) for _ in range(300)]
        for sock in more:
            self.assertEqual(self.ask(sock).body, b"hello\n")
        each = (resident() - before) / len(more)
        self.assertLess(each, 32 << 10)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
