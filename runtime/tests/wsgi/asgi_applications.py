"""ASGI applications in a program that has not imported `inspect`, where the server has to tell them by itself."""

import sys
from _functools import partial


async def asgi(scope, receive, send):
    pass


class Asgi:
    async def __call__(self, scope, receive, send):
        pass


asgi_object = Asgi()
asgi_method = asgi_object.__call__
asgi_partial = partial(partial(asgi, scope={}), receive=None)


def loaded(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str("inspect" in sys.modules).encode()]
