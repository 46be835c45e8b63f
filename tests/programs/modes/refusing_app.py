"""An application that needs an extension module that refuses an interpreter with a GIL of its own."""

import readline


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [readline.__name__.encode()]
