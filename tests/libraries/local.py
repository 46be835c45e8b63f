"""A server on this machine whose certificate a private authority signed."""

import contextlib
import ssl

import trustme
from local_http import http_server


@contextlib.contextmanager
def https_server():
    """Its URL, and the certificate of the authority (PEM)."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with http_server(context) as url:
        yield url, authority.cert_pem.bytes()
