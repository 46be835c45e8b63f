"""TLS for test clients: sockets that can be half-closed and say how they ended, and certificates made by openssl."""

import os
import socket
import ssl
import subprocess

# Where openssl reads what to make; the machine's own settings have no say.
CONFIG = "[req]\ndistinguished_name=name\nx509_extensions=more\nprompt=no\n[name]\nCN=%s\n[more]\nsubjectAltName=DNS:localhost\n"


def certificate(folder, name="localhost", key=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """A new certificate and its key in files of their own: their paths."""
    paths = [os.path.join(folder, name + end) for end in (".pem", ".key", ".cnf")]
    with open(paths[2], "w") as config:
        config.write(CONFIG % name)
    openssl("req", "-x509", "-nodes", *key, "-days", "30", "-config", paths[2], "-out", paths[0], "-keyout", paths[1])
    os.chmod(paths[1], 0o600)
    return paths[:2]


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise AssertionError("openssl %s:\n%s" % (" ".join(arguments), done.stderr.decode(errors="replace")))
    return done.stdout


def context(*protocols, version=None, trusted=None):
    """A client's, which believes any certificate unless `trusted` is one."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusted:
        made.load_verify_locations(trusted)
    else:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if protocols:
        made.set_alpn_protocols(list(protocols))
    return made


class Secure:
    """A connected socket with TLS on it."""

    def __init__(self, sock, using=None, session=None):
        self.raw, self.proper, self.cut = sock, False, False
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (using or context()).wrap_bio(self.incoming, self.outgoing, server_hostname="localhost", session=session)
        self.run(self.tls.do_handshake)

    def __getattr__(self, name):
        return getattr(self.raw, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def run(self, call, *arguments):
        while True:
            try:
                done = call(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                data = self.raw.recv(1 << 16)
                if data:
                    self.incoming.write(data)
                else:
                    self.cut = True
                    self.incoming.write_eof()
            else:
                self.flush()
                return done

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.raw.sendall(data)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self.run(self.tls.write, view[:1 << 16]):]

    def recv(self, size):
        try:
            data = self.run(self.tls.read, size)
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLEOFError:
            data = b""
        if not data and self.cut:  # which Python 3.9 takes for an end
            raise ConnectionResetError("the end came without being told")
        self.proper |= data == b""
        return data

    def shutdown(self, how):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()
        self.raw.shutdown(how)


def connect(address, *arguments, **options):
    return Secure(socket.create_connection(address, timeout=20), *arguments, **options)
